"""Who is handed to the server next: one person at a time in turn, and never many ahead."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class FairQueue:
    """The runs that wait here, and those that have been handed over and are not at their end.

    ComfyUI runs prompts in the order in which they come, whoever sends them. So that nobody waits
    behind a stranger's twenty, at most `ahead` are handed over at once; the others wait here, and
    each person's next one goes in turn: whoever had the last turn comes after all who wait. Where a
    person is only a cookie, whoever has many would have many turns: those take the turns of their
    address.
    """

    def __init__(self, ahead: int = 1) -> None:
        self._ahead = ahead
        self._lock = threading.Lock()
        # In the order of their turns: addresses (or people with a login), people of each, runs of
        # each that wait.
        self._turns: dict[tuple[str, str], dict[str, deque[str]]] = {}
        self._moved: dict[str, Callable[[], None]] = {}
        self._handed: set[str] = set()
        self._on_its_way: str | None = None
        self._last_turn = ("", ""), ""  # whose it was: as in `_turns`, and the person
        self._places: dict[
            str, int
        ] = {}  # as of the last change: everybody who waits asks after each

    def join(
        self,
        run_id: str,
        owner: str,
        moved: Callable[[], None],
        *,
        address: str = "",
        handed: bool = False,
    ) -> None:
        """Put a run at the end of its owner's; `handed`: it is at the server already, as after a
        restart of ours. `address`: whose turns the owner takes; without one they have their own.

        `moved` is called whenever its place may be another, from any thread: it must not block.
        """
        with self._lock:
            if handed:
                self._handed.add(run_id)
            else:
                last_place, last_owner = self._last_turn
                place = (address, "" if address else owner)
                if place not in self._turns:
                    self._turns[place] = {}
                    _to_the_end(self._turns, last_place)
                people = self._turns[place]
                if owner not in people:
                    people[owner] = deque()
                    _to_the_end(people, last_owner)
                people[owner].append(run_id)
                self._moved[run_id] = moved
        self._advance()

    def mark_accepted(self, run_id: str) -> None:
        """The server has it: now the next one may go, so that they run in the order in which they
        were handed over."""
        with self._lock:
            if self._on_its_way == run_id:
                self._on_its_way = None
        self._advance()

    def leave(self, run_id: str) -> None:
        """Take a run out, wherever it is: it has ended."""
        with self._lock:
            self._handed.discard(run_id)
            self._remove(run_id)
            if self._on_its_way == run_id:
                self._on_its_way = None
        self._advance()

    def place(self, run_id: str) -> int | None:
        """How many runs come before this one; None once it is handed over."""
        with self._lock:
            return self._places.get(run_id, len(self._moved)) if run_id in self._moved else None

    def move(self, run_id: str, place: int) -> None:
        """Let a run be the `place`-th (from 0) of its owner's runs that wait here; one handed over
        stays as it is."""
        with self._lock:
            own = next(
                (
                    runs
                    for people in self._turns.values()
                    for runs in people.values()
                    if run_id in runs
                ),
                None,
            )
            if own is None:
                return
            own.remove(run_id)
            own.insert(min(max(0, place), len(own)), run_id)
        self._advance()

    def _order(self) -> Iterator[str]:
        """The runs as they will be handed over, if nobody comes or goes."""
        turns = deque(deque(map(deque, people.values())) for people in self._turns.values())
        while turns:
            people = turns.popleft()
            runs = people.popleft()
            yield runs.popleft()
            if runs:
                people.append(runs)
            if people:
                turns.append(people)

    def _advance(self) -> None:
        """Hand over the next one, if it may go, and tell all who wait."""
        with self._lock:
            told = list(self._moved.values())
            if self._turns and self._on_its_way is None and len(self._handed) < self._ahead:
                place, people = next(iter(self._turns.items()))
                owner, runs = next(iter(people.items()))
                self._on_its_way = runs[0]
                self._handed.add(runs[0])
                self._remove(runs[0])
                self._last_turn = place, owner
                _to_the_end(people, owner)
                _to_the_end(self._turns, place)
            self._places = {
                run_id: at for at, run_id in enumerate(self._order(), len(self._handed))
            }
        for moved in told:
            moved()

    def _remove(self, run_id: str) -> None:
        self._moved.pop(run_id, None)
        for place, people in list(self._turns.items()):
            for owner, runs in list(people.items()):
                if run_id in runs:
                    runs.remove(run_id)
                    if not runs:
                        del people[owner]
            if not people:
                del self._turns[place]


def _to_the_end(order: dict[K, V], key: K) -> None:
    if key in order:
        order[key] = order.pop(key)
