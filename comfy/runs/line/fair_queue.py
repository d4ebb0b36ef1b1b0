"""Fair queue: owners take turns, and few prompts are sent ahead."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from comfy.runs.line.order import (
    TurnKey,
    Turns,
    WaitingRow,
    given_back,
    hand_over,
    moved,
    moved_to_end,
    newly_joined,
    pruned,
    waiting_order,
)

S = TypeVar("S")

_OLD_NUMBERS = 100  # of keys without a waiting run, before they are removed


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[S]):
    """A run until it ends. `turn_key`: the address or owner whose turns it uses."""

    owner: str
    turn_key: TurnKey
    moved: Callable[[], None]
    candidates: Callable[[], Sequence[S]]


class FairQueue(Generic[S]):
    """Queue of the runs that wait here and of the active runs on servers. Thread-safe.

    ComfyUI runs prompts in the order of arrival. So that no user waits behind another user's twenty
    runs, a server gets at most `ahead` at once. The others wait here, and owners take turns: the
    owner of the last run moves behind all waiting owners. If an owner is only a cookie, one user
    could get many turns, so such owners share the turns of their address. A run that fits no server
    with room lets the next one pass.
    """

    def __init__(
        self, servers: Sequence[S], ahead: int = 1, limits: Mapping[S, int] | None = None
    ) -> None:
        """`limits`: replaces `ahead` for servers with a limit of their own."""
        self._ahead = ahead
        self._lock = threading.Lock()
        self._use(servers, limits or {})
        self._rows: dict[str, WaitingRow] = {}
        self._turns = Turns()
        self._runs: dict[str, _Waiting[S]] = {}
        self._handed: dict[str, S] = {}
        self._released: dict[str, _Waiting[S]] = {}
        self._on_its_way: dict[S, str] = {}
        # Cached at each change, because every waiting run then asks for its place
        self._places: dict[str, int] = {}

    def use(self, servers: Sequence[S], limits: Mapping[S, int]) -> None:
        """Hand runs to these servers from now on. Runs that other servers have stay there."""
        with self._lock:
            self._use(servers, limits)
        self.advance()

    def _use(self, servers: Sequence[S], limits: Mapping[S, int]) -> None:
        self._servers = servers
        self._limits = dict.fromkeys(servers, self._ahead) | dict(limits)

    def join(
        self,
        run_id: str,
        owner: str,
        moved: Callable[[], None],
        *,
        address: str = "",
        handed: S | None = None,
        candidates: Callable[[], Sequence[S]] | None = None,
    ) -> None:
        """Add a run behind its owner's other runs.

        `handed`: the server that already has it, as after a restart of the app. `address`: the
        address whose turns the owner shares; without one, owners have their own. `moved` is called
        from any thread when its place may have changed; it must not block. `candidates` returns the
        servers that it may use now, best first; default: all. It is called often, with a lock held.
        """
        with self._lock:
            turn_key = (address, "" if address else owner)
            servers = candidates or (lambda: self._servers)
            self._runs[run_id] = _Waiting(owner, turn_key, moved, servers)
            if handed is not None:
                self._handed[run_id] = handed
            else:
                rows = self._rows.values()
                row, self._turns = newly_joined(rows, self._turns, run_id, owner, turn_key)
                self._rows[run_id] = row
        self.advance()

    def mark_accepted(self, run_id: str) -> None:
        """Note that the server has accepted the run. Only then the next one may be sent, so that
        runs start in the order in which they were handed over."""
        with self._lock:
            self._arrive(run_id)
        self.advance()

    def give_back(self, run_id: str) -> None:
        """Put a run back at the front, because its server didn't run it or has lost its results."""
        with self._lock:
            if run_id in self._handed:
                self._take_out(run_id)
            waiting = self._released.pop(run_id, None)
            if waiting is None:
                return
            self._runs[run_id] = waiting
            owner, turn_key = waiting.owner, waiting.turn_key
            rows = self._rows.values()
            row, self._turns = given_back(rows, self._turns, run_id, owner, turn_key)
            self._rows[run_id] = row
        self.advance()

    def release(self, run_id: str) -> None:
        """Remove a run in any state, so that others stop waiting for it. `give_back` can put it
        back until it leaves."""
        with self._lock:
            is_new = self._take_out(run_id)
        if is_new:  # otherwise the waiting runs are already notified
            self.advance()

    def leave(self, run_id: str) -> None:
        """Remove a run that has ended, in any state."""
        with self._lock:
            is_new = self._take_out(run_id)
            self._released.pop(run_id, None)
        if is_new:
            self.advance()

    @property
    def room(self) -> int:
        """Return how many runs all servers get at once."""
        return sum(self._limits.values())

    def server_of(self, run_id: str) -> S | None:
        """Return the server that has the run; None while the run waits here."""
        with self._lock:
            return self._handed.get(run_id)

    def place(self, run_id: str) -> int | None:
        """Return the number of runs before this one; None once a server has it."""
        with self._lock:
            if run_id not in self._runs or run_id in self._handed:
                return None
            return self._places.get(run_id, len(self._runs))

    def move(self, run_id: str, place: int) -> None:
        """Move a run to index `place` among its owner's runs that wait here; do nothing if a server
        has it."""
        with self._lock:
            rows = moved(self._rows.values(), run_id, place)
            self._rows |= {row.run: row for row in rows}
        if rows:
            self.advance()

    def move_to_end(self, run_id: str, *, first: bool) -> None:
        """Move a run before or behind all other runs that wait here; do nothing if a server has
        it."""
        with self._lock:
            rows = moved_to_end(self._rows.values(), run_id, first=first)
            self._rows |= {row.run: row for row in rows}
        if rows:
            self.advance()

    def advance(self) -> None:
        """Hand over every run that may start, and notify the waiting ones."""
        with self._lock:
            callbacks = [one.moved for run, one in self._runs.items() if run not in self._handed]
            while self._hand_over():
                pass
            rows = self._rows.values()
            if len(self._turns.seq) > 2 * len(rows) + _OLD_NUMBERS:
                self._turns = pruned(rows, self._turns)
            in_order = waiting_order(rows, self._turns)
            self._places = {run_id: at for at, run_id in enumerate(in_order, len(self._handed))}
        for notify in callbacks:
            notify()

    def _hand_over(self) -> bool:
        """Hand the next possible run to a server with room; return False if there isn't one."""
        handed = Counter(self._handed.values())
        free = {
            server: handed[server]
            for server in self._servers
            if server not in self._on_its_way and handed[server] < self._limits[server]
        }
        next_one = hand_over(self._rows.values(), self._turns, free, self._candidates)
        if next_one is None:
            return False
        run_id, server, self._turns = next_one.run, next_one.server, next_one.turns
        del self._rows[run_id]
        self._handed[run_id], self._on_its_way[server] = server, run_id
        return True

    def _candidates(self, run_id: str) -> Sequence[S]:
        return self._runs[run_id].candidates()

    def _arrive(self, run_id: str) -> None:
        server = self._handed.get(run_id)
        if server is not None and self._on_its_way.get(server) == run_id:
            del self._on_its_way[server]

    def _take_out(self, run_id: str) -> bool:
        """Remove a run; return False if it wasn't in the queue."""
        self._rows.pop(run_id, None)
        self._arrive(run_id)
        self._handed.pop(run_id, None)
        waiting = self._runs.pop(run_id, None)
        if waiting is not None:
            self._released[run_id] = waiting
        return waiting is not None
