"""Due checks of a run, in every possible sequence of events at the server and its connections."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from comfy.base.errors import ServerUnreachable
from comfy.comfyui.protocol.events import ExecutionSuccess
from comfy.comfyui.protocol.run_state import Phase, RunError, RunState, waiting
from comfy.runs.interface import Timeouts
from comfy.runs.plan import Action, CheckHistory, CheckQueue, Stop, Submit, plan, seconds_left
from comfy.runs.reconnect import Reconnect
from tests.support.distribution import examples

TIMING = Timeouts(
    silence=15, fresh=5, silence_most=60, outcome_delay=1, retry=0.25, retry_most=10, patience=120
)
WAITS = waiting("p", {})
RUNS = replace(WAITS, phase=Phase.RUNNING)
TOLD = replace(RUNS, verdict=ExecutionSuccess("p"))
OVER = replace(TOLD, over=True)
CUT = ServerUnreachable("Can't reach ComfyUI.")
LATE = RunError("It took too long.")

FRESH = Reconnect(TIMING, 0.0)
OPEN = FRESH.opening(0.0)
AT_SERVER = OPEN.sending().confirmed(0.0)
AWAY = AT_SERVER.unanswered(CUT, 5.0, 1.0)


@pytest.mark.parametrize(
    ("state", "link", "due"),
    [
        (WAITS, FRESH, (0.0, Submit())),
        (WAITS, FRESH.unanswered(CUT, 5.0, 1.0), (5.5, Submit())),
        (WAITS, OPEN.wait_until(7.0), (7.0, Submit())),
        (WAITS, AT_SERVER, (15.0, CheckHistory())),
        (WAITS, AT_SERVER.heard(4.0), (19.0, CheckHistory())),
        (RUNS, AT_SERVER.put_off(3.0, 1.0).opening(3.0), (8.0, CheckHistory())),
        (RUNS, AT_SERVER.lost("reset", Phase.RUNNING, 3.0, by_itself=True), (0.0, CheckHistory())),
        (RUNS, AWAY, (5.5, CheckHistory())),
        (TOLD, AT_SERVER.heard(4.0).progressed(ended=True), (5.0, CheckHistory())),
        (OVER, AT_SERVER.heard(4.0).progressed(ended=True), (0.0, CheckHistory())),
        (OVER, AWAY, (5.5, CheckHistory())),
        (RUNS, AT_SERVER.overtaken(4.0), (4.1, CheckHistory())),
        (RUNS, AT_SERVER.overtaken(4.0).confirmed(4.2), (15.0, CheckHistory())),
    ],
    ids=[
        "to be sent",
        "nobody there",
        "the prompt may be on its way",
        "silence",
        "silence after a message",
        "silence of a new socket",
        "no socket",
        "no answer",
        "the outcome is told",
        "it is over",
        "it is over and nobody answers",
        "another run starts",
        "it still runs though another starts",
    ],
)
def test_due_checks(state: RunState, link: Reconnect, due: tuple[float, Action]) -> None:
    """The plan names the next check and its time for each state of the run and its connection."""
    assert plan(state, link, (), None) == due


@pytest.mark.parametrize(
    ("remaining", "place", "due"),
    [
        (3, 2, 14.1),
        (1, 2, 14.1),
        (1, 0, 14.0),
        (1, None, 14.0),
        (0, 1, 14.0),
    ],
)
def test_a_change_of_the_queue_is_looked_into(
    remaining: int, place: int | None, due: float
) -> None:
    """If the status is conclusive, the app checks the queue immediately. Otherwise it waits a
    moment, because the run may start, and at least a second after the last check."""
    state = replace(WAITS, queue_remaining=remaining, queue_place=place)
    link = AT_SERVER.looking(12.0).queue_changed(14.0)
    assert plan(state, link, (), None) == (due, CheckQueue())
    soon = plan(state, link.looking(13.5), (), None)
    assert soon == (max(due, 14.5) if due > 14.0 else due, CheckQueue())


@pytest.mark.parametrize(
    ("state", "link"),
    [
        (RUNS, AT_SERVER.queue_changed(1.0)),
        (WAITS, AWAY.queue_changed(1.0)),
        (WAITS, OPEN.queue_changed(1.0)),
    ],
    ids=["it runs", "nobody answers", "not sent"],
)
def test_the_queue_is_queried_only_while_a_run_waits_there(
    state: RunState, link: Reconnect
) -> None:
    """The run doesn't ask while it runs, while the server doesn't answer, or before it was sent."""
    assert not isinstance(plan(state, link, (), None)[1], CheckQueue)


def test_a_limit_is_due_when_it_comes_first() -> None:
    """The stop carries the limit's reason."""
    assert plan(RUNS, AT_SERVER, [(20.0, LATE)], None) == (15.0, CheckHistory())
    assert plan(RUNS, AT_SERVER, [(20.0, LATE), (3.0, LATE)], None) == (3.0, Stop(LATE))


def test_limits_of_a_run_that_waits_in_line() -> None:
    """The result is the remaining time, or the reason that no time is left."""
    assert seconds_left([], 5.0) == (math.inf, None)
    assert seconds_left([(9.0, LATE), (7.0, LATE)], 5.0) == (2.0, None)
    assert seconds_left([(9.0, LATE), (5.0, LATE)], 5.0) == (0.0, LATE)


STATES = st.sampled_from([WAITS, RUNS, TOLD, OVER])
LINKS = st.builds(
    replace,
    st.sampled_from([FRESH, OPEN, AT_SERVER, AWAY, Reconnect.resumed(TIMING, 0.0)]),
    heard_at=st.floats(0, 100),
    retry_at=st.floats(0, 100),
    attempts=st.integers(0, 100),
    status_at=st.none() | st.floats(0, 100),
    looked_at=st.just(-math.inf) | st.floats(0, 100),
)
LIMITS = st.lists(st.tuples(st.floats(0, 1000), st.just(LATE)), max_size=3)


@given(STATES, LINKS, LIMITS, st.sampled_from([Stop(None), Stop(LATE)]))
def test_a_stop_wins_over_everything(
    state: RunState, link: Reconnect, until: list[tuple[float, RunError]], stop: Stop
) -> None:
    """A stop comes immediately and before everything else that is due."""
    assert plan(state, link, until, stop) == (0.0, stop)


@given(STATES, LINKS, LIMITS)
def test_an_accepted_prompt_is_never_sent_again(
    state: RunState, link: Reconnect, until: list[tuple[float, RunError]]
) -> None:
    """The app doesn't query a prompt that the server hasn't accepted."""
    _, action = plan(state, link, until, None)
    assert not isinstance(action, Submit if link.accepted else CheckHistory | CheckQueue)


class Story(RuleBasedStateMachine):
    r"""Model of a server, its connections and a run that follows the plan, with its own clock.

    The server reports every start to a socket that it knows, and a socket ends by itself when the
    server dies. Silence reveals any other failure of a connection. The policy relies on this.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = 1.0
        self.link = AT_SERVER.opening(self.now)
        self.state = WAITS
        self.alive = self.has = True
        self.started = self.in_history = False
        self.has_run = False
        self.ended: RunState | None = None

    # The world

    @precondition(lambda self: self.alive and self.has and not self.started)
    @rule()
    def the_server_starts_it(self) -> None:
        self.started = self.has_run = True
        if self.link.broken is None:
            self.hear_of_the_start()

    @precondition(lambda self: self.alive and self.started)
    @rule()
    def the_server_is_through(self) -> None:
        self.started = self.has = False
        self.in_history = True

    @precondition(lambda self: self.alive)
    @rule()
    def the_server_dies(self) -> None:
        self.alive = self.has = self.started = self.in_history = False
        if self.link.broken is None:
            self.link = self.link.lost("reset", self.state.phase, self.now, by_itself=True)

    @precondition(lambda self: not self.alive)
    @rule()
    def the_server_comes_back(self) -> None:
        self.alive = True

    @precondition(lambda self: self.link.broken is None)
    @rule()
    def the_link_fails_without_a_word(self) -> None:
        self.link = self.link.lost("no sign of life", self.state.phase, self.now, by_itself=False)

    @precondition(lambda self: self.link.broken is None and self.alive)
    @rule()
    def the_queue_changes(self) -> None:
        self.link = self.link.heard(self.now).queue_changed(self.now)

    @precondition(lambda self: self.alive and self.has and not self.started)
    @rule()
    def somebody_removes_it(self) -> None:
        self.has = False
        if self.link.broken is None:
            self.link = self.link.queue_changed(self.now)

    # The run

    @precondition(lambda self: self.ended is None)
    @rule()
    def the_run_does_what_is_due(self) -> None:
        due, action = plan(self.state, self.link, (), None)
        self.now = max(self.now, due) + 0.01
        match action:
            case Submit():
                self.submit()
            case CheckHistory() | CheckQueue():
                self.settle()

    def submit(self) -> None:
        if not self.can_open():
            return
        assert not self.has_run, "it is run twice"
        self.has = True
        self.link = self.link.sending().confirmed(self.now)

    def settle(self) -> None:
        if not self.alive:
            self.unanswered()
        elif self.in_history:
            self.ended = replace(self.state, phase=Phase.DONE)
        elif self.has:
            self.link = self.link.confirmed(self.now)
            if self.link.broken is not None:
                self.link = self.link.put_off(self.now, 1.0)
                self.can_open()
        elif (end := self.link.unknown(self.state, lambda: False)) is not None:
            self.ended = end(self.state)
        else:
            self.link = self.link.sent_again()

    def can_open(self) -> bool:
        if self.link.broken is None:
            return True
        if not self.alive:
            self.unanswered()
            return False
        self.link = self.link.opening(self.now)
        if self.started:  # the server sends the active node to a client that comes back
            self.hear_of_the_start()
        return True

    def unanswered(self) -> None:
        self.link = self.link.unanswered(CUT, self.now, 1.0)
        if (end := self.link.given_up(CUT, self.now)) is not None:
            self.ended = end(self.state)

    def hear_of_the_start(self) -> None:
        self.state = RUNS
        self.link = self.link.heard(self.now).progressed(ended=False)

    # Invariants

    @invariant()
    def something_is_due_soon(self) -> None:
        """A run never sleeps longer than the longest allowed silence, and queries the server again
        before its patience ends."""
        if self.ended is not None:
            return
        due, _ = plan(self.state, self.link, (), None)
        assert due <= self.now + TIMING.silence_most
        if self.link.away_since is not None:
            assert due <= self.link.away_since + TIMING.patience + TIMING.retry_most

    @invariant()
    def what_was_removed_has_not_run(self) -> None:
        if self.ended is not None and self.ended.phase is Phase.STOPPED:
            assert not self.has_run


Story.TestCase.settings = settings(
    max_examples=examples(150), stateful_step_count=20, derandomize=True
)
test_no_story_runs_a_prompt_twice = Story.TestCase
