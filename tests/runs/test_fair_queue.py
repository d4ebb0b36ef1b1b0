"""The fair queue chooses the next run for the server."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from comfy.runs.line.fair_queue import FairQueue

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
