"""The order of turns, compared with a simple model, and the fair queue that follows it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from hypothesis import given, settings
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


SERVER = ("one",)


def nothing() -> None:
    pass


def filled(line: FairQueue[str], runs: str) -> None:
    """Add runs that are named by owner and number, such as “a1 a2 b1”. The server accepts each run
    as soon as it is sent."""
    for run in runs.split():
        line.join(run, run[0], nothing)
        settle(line, runs)


def settle(line: FairQueue[str], runs: str) -> None:
    """Mark every sent run as accepted by the server."""
    for run in runs.split():
        if line.place(run) is None:
            line.mark_accepted(run)


def order(line: FairQueue[str], runs: str) -> list[str]:
    """Return the order in which the queue sends the runs, if each ends before the next is sent."""
    names, gone = runs.split(), []
    while len(gone) < len(names):
        handed = [run for run in names if line.place(run) is None and run not in gone]
        assert len(handed) == 1
        gone += handed
        line.leave(handed[0])
    return gone


def test_users_take_turns() -> None:
    """A user who asked for twenty runs doesn't go before another user's first."""
    line = FairQueue(SERVER, ahead=1)
    filled(line, "a1 a2 a3 a4 b1 c1 c2")
    assert order(line, "a1 a2 a3 a4 b1 c1 c2") == ["a1", "b1", "c1", "a2", "c2", "a3", "a4"]


def test_an_administrator_moves_a_run_before_or_behind_all_others() -> None:
    """The other runs keep their order, also while the moved run waits."""
    line = FairQueue(SERVER, ahead=1)
    filled(line, "a1 a2 a3 b1 b2")
    line.move_to_end("a2", first=False)
    line.move_to_end("b2", first=True)
    line.move_to_end("a3", first=True)
    line.move_to_end("a1", first=False)  # a server has it
    places = {run: line.place(run) for run in ("a1", "a3", "b2", "b1", "a2")}
    assert places == {"a1": None, "a3": 1, "b2": 2, "b1": 3, "a2": 4}
    assert order(line, "a1 a2 a3 b1 b2") == ["a1", "a3", "b2", "b1", "a2"]


def test_users_of_one_address_share_its_turns() -> None:
    """A user with ever new names gets no earlier turn than with one name. Users at that address
    still take turns among themselves."""
    line = FairQueue(SERVER, ahead=1)
    runs = "a1 a2 b1 c1 z1 z2"
    for run in runs.split():
        line.join(run, run[0], nothing, address="" if run[0] == "z" else "192.0.2.1")
        settle(line, runs)
    places = [line.place(run) for run in runs.split()]
    assert places == [None, 5, 2, 4, 1, 3]
    assert order(line, runs) == ["a1", "z1", "b1", "z2", "c1", "a2"]


def test_attack_a_new_address_goes_before_the_last_served_one() -> None:
    """However many users wait at one address, a user at another address waits only for the run at
    the server."""
    line = FairQueue(SERVER)
    for run in ("r1", "r2", "r3", "s1"):
        line.join(run, run[0], nothing, address="192.0.2.2")
        line.mark_accepted(run)
    line.join("b1", "b", nothing, address="192.0.2.1")
    assert (line.place("r1"), line.place("b1")) == (None, 1)
    line.leave("r1")
    assert line.place("b1") is None


def test_attack_new_users_do_not_delay_others_forever() -> None:
    """Users who arrive while another user waits go first at most once. After that, each user is in
    turn."""
    line = FairQueue(SERVER)
    for run in ("a1", "a2"):
        line.join(run, "a", nothing)
        line.mark_accepted(run)
    for new, ended in (("n1", "a1"), ("n2", "n1")):
        line.join(new, new, nothing)
        line.leave(ended)
        settle(line, "n1 a2 n2")
    assert [line.place(run) for run in ("a2", "n2")] == [None, 1]


def test_the_server_gets_only_the_allowed_number_of_runs() -> None:
    """The server has two runs. Each waiting run knows its place in the queue."""
    line = FairQueue(SERVER, ahead=2)
    filled(line, "a1 a2 a3 b1 a4")
    assert [line.place(run) for run in ("a1", "a2", "a3", "b1", "a4")] == [None, None, 3, 2, 4]


def test_a_server_may_have_its_own_limit() -> None:
    """It fills up after the other servers have one run each. The queue hands no run to a full
    server."""
    line = FairQueue(("one", "two"), ahead=1, limits={"two": 3})
    assert line.room == 4
    runs = [f"a{number}" for number in range(6)]
    for run in runs:
        line.join(run, "a", nothing, candidates=lambda: ("two", "one"))
        line.mark_accepted(run)
    assert [line.server_of(run) for run in runs] == ["two", "one", "two", "two", None, None]
    line.leave("a1")
    assert line.server_of("a4") == "one"


def test_runs_are_sent_one_after_another() -> None:
    """The queue sends the second run only when the server has accepted the first, so that the
    server runs them in order."""
    line = FairQueue(SERVER, ahead=2)
    for run in ("a1", "b1"):
        line.join(run, run[0], nothing)
    assert (line.place("a1"), line.place("b1")) == (None, 1)
    line.mark_accepted("a1")
    assert line.place("b1") is None


def test_a_run_that_never_arrives_delays_no_other() -> None:
    """If a run ends before the server accepts it, the queue sends the next run."""
    line = FairQueue(SERVER, ahead=2)
    for run in ("a1", "b1"):
        line.join(run, run[0], nothing)
    line.leave("a1")
    assert line.place("b1") is None


def test_a_returned_run_is_sent_next() -> None:
    """A run that was given back before the server accepted it goes next, to the same server too."""
    line = FairQueue(("one", "two"), ahead=1)
    can = {"a1": ["one"], "a2": ["one"], "b1": ["two"]}
    for run in can:
        line.join(run, run[0], nothing, candidates=lambda run=run: can[run])  # type: ignore[misc]
    can["a1"] = []
    line.give_back("a1")
    assert [line.server_of(run) for run in can] == [None, "one", "two"]
    line.mark_accepted("b1")
    line.leave("b1")
    can["a1"] = ["two", "one"]
    line.advance()
    assert line.server_of("a1") == "two"


def test_a_released_run_can_be_given_back_until_it_leaves() -> None:
    """A released run frees its place at the server at once. If it is given back, it is next in the
    queue."""
    line = FairQueue(SERVER, ahead=1)
    filled(line, "a1 a2 b1")
    line.release("a1")
    assert [line.server_of(run) for run in ("a1", "a2", "b1")].count(None) == 2
    assert line.server_of("a1") is None
    assert line.place("a1") is None
    line.give_back("a1")
    assert line.place("a1") == 1
    line.leave("a1")
    line.give_back("a1")
    assert line.place("a1") is None


def test_a_finished_run_releases_the_next_and_notifies_all() -> None:
    """When a run leaves, the queue notifies every waiting run, including the one it sends next."""
    heard: list[str] = []
    line = FairQueue(SERVER, ahead=1)
    for run in ("a1", "a2", "b1"):
        line.join(run, run[0], lambda run=run: heard.append(run))
    heard.clear()
    line.leave("a1")
    assert heard == ["a2", "b1"]
    assert (line.place("a2"), line.place("b1")) == (1, None)


def test_a_run_moves_only_among_its_owners_runs() -> None:
    """Moving a run changes nothing for other users."""
    line = FairQueue(SERVER, ahead=1)
    filled(line, "x1 a1 b1 a2 a3")
    line.move("a3", 0)
    assert order(line, "x1 a1 b1 a2 a3") == ["x1", "a3", "b1", "a1", "a2"]


def test_a_move_beyond_the_queue_makes_a_run_first_or_last() -> None:
    """A move beyond either end of the queue makes the run the next or the last, no matter how
    far."""
    line = FairQueue(SERVER, ahead=1)
    filled(line, "x1 a1 a2 a3")
    line.move("a1", 10**30)
    line.move("a3", -(10**30))
    assert order(line, "x1 a1 a2 a3") == ["x1", "a3", "a2", "a1"]


def test_submitted_runs_cannot_be_moved() -> None:
    """A run that has ended can't be moved either."""
    line = FairQueue(SERVER, ahead=1)
    filled(line, "a1 a2 a3")
    line.move("a1", 2)
    line.move("gone", 0)
    assert order(line, "a1 a2 a3") == ["a1", "a2", "a3"]


def test_a_waiting_run_can_leave() -> None:
    """The queue never sends the run, and the runs behind it move up."""
    line = FairQueue(SERVER, ahead=1)
    filled(line, "a1 a2 a3")
    line.leave("a2")
    assert line.place("a3") == 1
    assert order(line, "a1 a3") == ["a1", "a3"]


def test_a_run_sent_before_a_restart_keeps_its_position() -> None:
    """A run sent before a restart takes its place at the server and isn't sent again."""
    line = FairQueue(SERVER, ahead=1)
    line.join("old", "a", nothing, handed="one")
    filled(line, "b1")
    assert (line.place("old"), line.place("b1")) == (None, 1)


@settings(derandomize=True)
@given(st.lists(st.sampled_from("abc"), max_size=20), st.integers(1, 3))
def test_no_user_gets_two_turns_before_a_waiting_user(owners: list[str], ahead: int) -> None:
    """Between two runs of one user, every other waiting user gets a turn. Each run is sent exactly
    once."""
    runs = [f"{owner}{at}" for at, owner in enumerate(owners)]
    line = FairQueue(SERVER, ahead)
    filled(line, " ".join(runs))
    waiting = [run for run in runs if line.place(run) is not None]
    assert len(runs) - len(waiting) == min(ahead, len(runs))
    gone: list[str] = []
    current = [run for run in runs if run not in waiting]
    while current:
        line.leave(current.pop(0))
        settle(line, " ".join(waiting))
        now = [run for run in waiting if line.place(run) is None and run not in gone]
        gone += now
        current += now
    assert sorted(gone) == sorted(waiting)
    for at, run in enumerate(gone):
        later = gone[at + 1 :]
        if any(other[0] != run[0] for other in later) and later[0][0] == run[0]:
            raise AssertionError(f"{run[0]} went twice in a row: {gone}")
