"""Fair queue: owners take turns, and few prompts are sent ahead."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[S]):
    """A run until it ends. `turn_key`: the address or owner whose turns it uses."""

    owner: str
    turn_key: tuple[str, str]
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
        self._servers = servers
        self._limits = dict.fromkeys(servers, ahead) | dict(limits or {})
        self._lock = threading.Lock()
        # In the order of turns: addresses (or users with an account), the owners at each, and each
        # owner's waiting runs.
        self._turns: dict[tuple[str, str], dict[str, deque[str]]] = {}
        self._runs: dict[str, _Waiting[S]] = {}
        self._handed: dict[str, S] = {}
        self._released: dict[str, _Waiting[S]] = {}
        self._on_its_way: dict[S, str] = {}
        # Runs that an administrator moved before (below 0) or behind all others.
        self._ranks: dict[str, int] = {}
        self._last_turn = ("", ""), ""  # who had it: the key in `_turns`, and the owner
        # Cached at each change, because every waiting run then asks for its place
        self._places: dict[str, int] = {}

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
                self._line_up(run_id)
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
            people = self._turns.setdefault(waiting.turn_key, {})
            people.setdefault(waiting.owner, deque()).appendleft(run_id)
            _to_the_front(people, waiting.owner)
            _to_the_front(self._turns, waiting.turn_key)
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
            waiting = self._runs.get(run_id)
            if waiting is None or run_id in self._handed:
                return
            own = self._turns[waiting.turn_key][waiting.owner]
            own.remove(run_id)
            own.insert(min(max(0, place), len(own)), run_id)
        self.advance()

    def move_to_end(self, run_id: str, *, first: bool) -> None:
        """Move a run before or behind all other runs that wait here; do nothing if a server has
        it."""
        with self._lock:
            if run_id not in self._runs or run_id in self._handed:
                return
            ranks = self._ranks.values()
            self._ranks[run_id] = min(0, *ranks, 0) - 1 if first else max(0, *ranks, 0) + 1
        self.advance()

    def advance(self) -> None:
        """Hand over every run that may start, and notify the waiting ones."""
        with self._lock:
            callbacks = [one.moved for run, one in self._runs.items() if run not in self._handed]
            while self._hand_over():
                pass
            self._places = {
                run_id: at for at, run_id in enumerate(self._order(), len(self._handed))
            }
        for moved in callbacks:
            moved()

    def _order(self) -> Iterator[str]:
        """Yield the waiting runs in their future order, if no run arrives or leaves."""
        if not self._ranks:
            return self._fair_order()
        return iter(sorted(self._fair_order(), key=lambda run: self._ranks.get(run, 0)))

    def _fair_order(self) -> Iterator[str]:
        """Yield the waiting runs in the order of turns."""
        turns = deque(deque(map(deque, people.values())) for people in self._turns.values())
        while turns:
            people = turns.popleft()
            runs = people.popleft()
            yield runs.popleft()
            if runs:
                people.append(runs)
            if people:
                turns.append(people)

    def _hand_over(self) -> bool:
        """Hand the next possible run to a server with room; return False if there isn't one."""
        handed = Counter(self._handed.values())
        free = {
            server
            for server in self._servers
            if server not in self._on_its_way and handed[server] < self._limits[server]
        }
        if not free:
            return False
        for run_id in self._order():
            waiting = self._runs[run_id]
            able = (one for one in waiting.candidates() if one in free)
            server = min(able, key=lambda one: handed[one], default=None)  # least busy, then best
            if server is not None:
                self._remove(run_id)
                self._handed[run_id], self._on_its_way[server] = server, run_id
                self._last_turn = waiting.turn_key, waiting.owner
                _to_the_end(self._turns.get(waiting.turn_key, {}), waiting.owner)
                _to_the_end(self._turns, waiting.turn_key)
                return True
        return False

    def _line_up(self, run_id: str) -> None:
        waiting, (last_key, last_owner) = self._runs[run_id], self._last_turn
        if waiting.turn_key not in self._turns:
            self._turns[waiting.turn_key] = {}
            _to_the_end(self._turns, last_key)
        people = self._turns[waiting.turn_key]
        if waiting.owner not in people:
            people[waiting.owner] = deque()
            _to_the_end(people, last_owner)
        people[waiting.owner].append(run_id)

    def _arrive(self, run_id: str) -> None:
        server = self._handed.get(run_id)
        if server is not None and self._on_its_way.get(server) == run_id:
            del self._on_its_way[server]

    def _take_out(self, run_id: str) -> bool:
        """Remove a run; return False if it wasn't in the queue."""
        if run_id not in self._handed:
            self._remove(run_id)
        self._arrive(run_id)
        self._handed.pop(run_id, None)
        waiting = self._runs.pop(run_id, None)
        if waiting is not None:
            self._released[run_id] = waiting
        return waiting is not None

    def _remove(self, run_id: str) -> None:
        self._ranks.pop(run_id, None)
        waiting = self._runs.get(run_id)
        people = self._turns.get(waiting.turn_key, {}) if waiting else {}
        if waiting is None or waiting.owner not in people:
            return
        people[waiting.owner].remove(run_id)
        if not people[waiting.owner]:
            del people[waiting.owner]
        if not people:
            del self._turns[waiting.turn_key]


def _to_the_end(order: dict[K, V], key: K) -> None:
    if key in order:
        order[key] = order.pop(key)


def _to_the_front(order: dict[K, V], key: K) -> None:
    for other in [one for one in order if one != key]:
        order[other] = order.pop(other)
