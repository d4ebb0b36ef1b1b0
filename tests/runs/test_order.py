"""The order of turns as pure functions of rows, compared with a simple model and the queue."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from comfy.runs.line.fair_queue import FairQueue
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
from tests.support.distribution import examples

LIMITS = {"one": 1, "two": 2}
Owners = list[tuple[str, list[str]]]


def place_last(pairs: list[tuple[Any, Any]], key: object) -> None:
    pairs.sort(key=lambda one: one[0] == key)


def place_first(pairs: list[tuple[Any, Any]], key: object) -> None:
    pairs.sort(key=lambda one: one[0] != key)


class Model:
    """Waiting runs in nested lists, sorted by turns: turn keys, the owners at each, their runs."""

    def __init__(self) -> None:
        self.keys: list[tuple[TurnKey, Owners]] = []
        self.ranks: dict[str, int] = {}
        self.last: tuple[TurnKey, str] = ("", ""), ""

    def line_of(self, key: TurnKey, owner: str) -> list[str]:
        return dict(dict(self.keys)[key])[owner]

    def join(self, run: str, key: TurnKey, owner: str) -> None:
        if key not in dict(self.keys):
            self.keys.append((key, []))
            place_last(self.keys, self.last[0])
        owners = dict(self.keys)[key]
        if owner not in dict(owners):
            owners.append((owner, []))
            place_last(owners, self.last[1])
        self.line_of(key, owner).append(run)

    def give_back(self, run: str, key: TurnKey, owner: str) -> None:
        if key not in dict(self.keys):
            self.keys.append((key, []))
        owners = dict(self.keys)[key]
        if owner not in dict(owners):
            owners.append((owner, []))
        place_first(self.keys, key)
        place_first(owners, owner)
        self.line_of(key, owner).insert(0, run)

    def remove(self, run: str) -> None:
        self.ranks.pop(run, None)
        for _, owners in self.keys:
            owners[:] = [(owner, [one for one in runs if one != run]) for owner, runs in owners]
            owners[:] = [(owner, runs) for owner, runs in owners if runs]
        self.keys = [(key, owners) for key, owners in self.keys if owners]

    def serve(self, run: str, key: TurnKey, owner: str) -> None:
        self.remove(run)
        self.last = key, owner
        place_last(dict(self.keys).get(key, []), owner)
        place_last(self.keys, key)

    def move(self, run: str, key: TurnKey, owner: str, place: int) -> None:
        line = self.line_of(key, owner)
        line.remove(run)
        line.insert(max(0, place), run)

    def move_to_end(self, run: str, *, first: bool) -> None:
        ranks = [0, *self.ranks.values()]
        self.ranks[run] = min(ranks) - 1 if first else max(ranks) + 1

    def order(self) -> list[str]:
        left = [[list(runs) for _, runs in owners] for _, owners in self.keys]
        fair: list[str] = []
        while left:
            owners = left.pop(0)
            runs = owners.pop(0)
            fair.append(runs.pop(0))
            if runs:
                owners.append(runs)
            if owners:
                left.append(owners)
        return sorted(fair, key=lambda run: self.ranks.get(run, 0))


class Tables:
    """Rows and numbers as a database keeps them: each change writes few of them."""

    def __init__(self) -> None:
        self.rows: dict[str, WaitingRow] = {}
        self.seq: dict[str, int] = {}
        self.last = json.dumps(Turns().last)

    @property
    def turns(self) -> Turns:
        seq = {tuple(json.loads(key)): number for key, number in self.seq.items()}
        return Turns(seq, tuple(json.loads(self.last)))

    def write(self, rows: Iterable[WaitingRow], turns: Turns) -> None:
        self.rows |= {row.run: row for row in rows}
        before = self.turns.seq
        changed = {key: number for key, number in turns.seq.items() if before.get(key) != number}
        assert len(changed) <= 4
        assert before.keys() <= turns.seq.keys()
        self.seq |= {json.dumps(key): number for key, number in changed.items()}
        self.last = json.dumps(turns.last)

    def order(self) -> list[str]:
        return waiting_order(self.rows.values(), self.turns)


class SameOrder(RuleBasedStateMachine):
    """Random commands to the model, the tables and the queue."""

    def __init__(self) -> None:
        super().__init__()
        self.model, self.tables = Model(), Tables()
        self.queue = FairQueue(tuple(LIMITS), limits=LIMITS)
        self.owners: dict[str, tuple[TurnKey, str]] = {}
        self.candidates: dict[str, list[str]] = {}
        self.server_of: dict[str, str] = {}
        self.sent: dict[str, str] = {}
        self.released: set[str] = set()

    @rule(
        owner=st.sampled_from("abc"),
        address=st.sampled_from(["", "", "x", "y"]),
        count=st.integers(1, 3),
        candidates=st.sampled_from([[], ["one"], ["two"], ["one", "two"], ["two", "one"]]),
    )
    def join(self, owner: str, address: str, count: int, candidates: list[str]) -> None:
        for _ in range(count):
            run, key = f"{owner}{len(self.candidates)}", (address, "" if address else owner)
            self.owners[run], self.candidates[run] = (key, owner), candidates
            row, turns = newly_joined(self.tables.rows.values(), self.tables.turns, run, owner, key)
            self.tables.write([row], turns)
            self.model.join(run, key, owner)
            self.queue.join(
                run,
                owner,
                lambda: None,
                address=address,
                candidates=lambda run=run: self.candidates[run],  # type: ignore[misc]
            )
            self.advance()

    @rule(number=st.integers(0), candidates=st.permutations(list(LIMITS)))
    def find_servers(self, number: int, candidates: list[str]) -> None:
        if run := chosen(list(self.owners), number):
            self.candidates[run] = candidates
            self.queue.advance()
            self.advance()

    @rule(number=st.integers(0))
    def accept(self, number: int) -> None:
        if run := chosen(list(self.sent.values()), number):
            self.queue.mark_accepted(run)
            self.arrive(run)
            self.advance()

    @rule(number=st.integers(0))
    def leave(self, number: int) -> None:
        if run := chosen(list(self.owners), number):
            self.queue.leave(run)
            self.take_out(run)
            self.released.discard(run)
            del self.owners[run]
            self.advance()

    @rule(number=st.integers(0))
    def release(self, number: int) -> None:
        if run := chosen(list(self.owners), number):
            self.queue.release(run)
            self.take_out(run)
            self.released.add(run)
            self.advance()

    @rule(number=st.integers(0))
    def give_back(self, number: int) -> None:
        if run := chosen([*self.server_of, *self.released], number):
            self.queue.give_back(run)
            self.take_out(run)
            self.released.discard(run)
            key, owner = self.owners[run]
            row, turns = given_back(self.tables.rows.values(), self.tables.turns, run, owner, key)
            self.tables.write([row], turns)
            self.model.give_back(run, key, owner)
            self.advance()

    @rule(number=st.integers(0), place=st.integers(-1, 4))
    def move(self, number: int, place: int) -> None:
        if run := chosen(self.model.order(), number):
            self.queue.move(run, place)
            self.tables.write(moved(self.tables.rows.values(), run, place), self.tables.turns)
            self.model.move(run, *self.owners[run], place)
            self.advance()

    @rule(number=st.integers(0), first=st.booleans())
    def move_to_end(self, number: int, *, first: bool) -> None:
        if run := chosen(self.model.order(), number):
            self.queue.move_to_end(run, first=first)
            rows = moved_to_end(self.tables.rows.values(), run, first=first)
            self.tables.write(rows, self.tables.turns)
            self.model.move_to_end(run, first=first)
            self.advance()

    @rule()
    def prune(self) -> None:
        turns = pruned(self.tables.rows.values(), self.tables.turns)
        self.tables.seq = {json.dumps(key): number for key, number in turns.seq.items()}

    def arrive(self, run: str) -> None:
        self.sent = {server: one for server, one in self.sent.items() if one != run}

    def take_out(self, run: str) -> None:
        self.arrive(run)
        self.model.remove(run)
        self.server_of.pop(run, None)
        self.tables.rows.pop(run, None)

    def advance(self) -> None:
        """Hand over every run that may start, in the model and in the tables."""
        while True:
            busy = Counter(self.server_of.values())
            free = {
                server: busy[server]
                for server, limit in LIMITS.items()
                if server not in self.sent and busy[server] < limit
            }
            rows, turns = self.tables.rows, self.tables.turns
            next_one = hand_over(rows.values(), turns, free, self.candidates.__getitem__)
            assert self.expected(free) == (next_one and (next_one.run, next_one.server))
            if next_one is None:
                return
            self.model.serve(next_one.run, *self.owners[next_one.run])
            self.server_of[next_one.run] = next_one.server
            self.sent[next_one.server] = next_one.run
            del rows[next_one.run]
            self.tables.write([], next_one.turns)

    def expected(self, free: dict[str, int]) -> tuple[str, str] | None:
        for run in self.model.order():
            able = [server for server in self.candidates[run] if server in free]
            if able:
                return run, min(able, key=lambda server: free[server])
        return None

    @invariant()
    def order_is_the_same(self) -> None:
        in_order = self.model.order()
        assert self.tables.order() == in_order
        places = {run: self.queue.place(run) for run in self.owners}
        expected = {run: place for place, run in enumerate(in_order, len(self.server_of))}
        assert places == {run: expected.get(run) for run in self.owners}

    @invariant()
    def servers_are_the_same(self) -> None:
        found = {run: self.queue.server_of(run) for run in self.owners}
        assert found == {run: self.server_of.get(run) for run in self.owners}


def chosen(runs: list[str], number: int) -> str | None:
    return runs[number % len(runs)] if runs else None


SameOrder.TestCase.settings = settings(
    max_examples=examples(300), stateful_step_count=40, derandomize=True
)
test_model_tables_and_queue_keep_the_same_order = SameOrder.TestCase


def waiting(*names: str) -> dict[str, WaitingRow]:
    """Return the rows of runs named by owner and number, such as "a1"."""
    positions = Counter[str]()
    rows = {}
    for name in names:
        positions[name[0]] += 1
        key = ("", name[0])
        rows[name] = WaitingRow(name, name[0], key, float(positions[name[0]]))
    return rows


def test_runs_can_be_moved_between_the_same_two_forever() -> None:
    """If there is no number left between two positions, only their owner's rows change."""
    rows = waiting("a1", "a2", "a3", "a4", "b1")
    written = []
    for number in range(200):
        run = ("a3", "a2")[number % 2]
        changed = moved(rows.values(), run, 1)
        rows |= {row.run: row for row in changed}
        written.append(len(changed))
        in_order = [one for one in waiting_order(rows.values(), Turns()) if one[0] == "a"]
        assert in_order == ["a1", run, "a2" if run == "a3" else "a3", "a4"]
    assert set(written) == {1, 4}
    assert written.count(4) < 10


def test_a_run_without_a_row_can_not_be_moved() -> None:
    """It has just ended, or a server has it."""
    rows = waiting("a1", "a2")
    assert moved(rows.values(), "gone", 0) == moved_to_end(rows.values(), "gone", first=True) == ()


def test_no_server_with_room_takes_no_run() -> None:
    """The order isn't even computed."""

    def fail(run: str) -> list[str]:
        raise AssertionError(run)

    assert hand_over(waiting("a1").values(), Turns(), {}, fail) is None
