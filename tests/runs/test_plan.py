"""Decisions of a run as pure functions: what to do next, and when to reconnect."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from comfy.base.errors import ComfyError, ServerError, ServerUnreachable
from comfy.comfyui.protocol.events import ExecutionSuccess, Status
from comfy.comfyui.protocol.run_state import Phase, RunError, RunState, advance, waiting
from comfy.runs.interface import Timeouts
from comfy.runs.plan import Action, CheckHistory, CheckQueue, Stop, Submit, plan, seconds_left
from comfy.runs.reconnect import FORGOTTEN, REMOVED, RESTARTED, Reconnect
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
RECONNECT_CUT, ERROR = (
    ServerUnreachable("Can't reach ComfyUI.", "Start it."),
    ServerError("Error 500.", status=500),
)


def at_server(now: float = 0.0) -> Reconnect:
    """Return the connection of a run whose prompt the server has and whose socket is open."""
    return Reconnect(TIMING, now).opening(now).sending().confirmed(now)


def ended(link: Reconnect, state: RunState = WAITS, *, remembers: bool = False) -> RunState | None:
    end = link.unknown(state, lambda: remembers)
    return None if end is None else end(state)


def test_a_resumed_run_is_resent_only_if_the_server_remembers() -> None:
    """A server without memory may have run the prompt and may have restarted. If the app has seen
    the prompt there, another client has removed it."""
    link = Reconnect.resumed(TIMING, 0.0)
    assert ended(link, remembers=True) is None
    assert ended(link).phase is Phase.LOST  # type: ignore[union-attr]
    assert ended(link, RUNS, remembers=True).phase is Phase.LOST  # type: ignore[union-attr]
    seen = link.confirmed(1.0)
    assert ended(seen, remembers=True).phase is Phase.LOST  # type: ignore[union-attr]


def test_retries_back_off() -> None:
    """Each pause doubles the last one, up to the maximum. The pause is multiplied by the given
    share."""
    link, pauses = at_server(), []
    for _ in range(8):
        link = link.unanswered(RECONNECT_CUT, 100.0, 1.0)
        pauses.append(link.retry_at - 100.0)
    assert pauses == [0.5, 1, 2, 4, 8, 10, 10, 10]
    assert at_server().unanswered(RECONNECT_CUT, 100.0, 0.5).retry_at == 100.25


@pytest.mark.parametrize(("sent", "phase"), [(False, Phase.FAILED), (True, Phase.LOST)])
@pytest.mark.parametrize("error", [RECONNECT_CUT, ERROR])
def test_patience_has_an_end(sent: bool, phase: Phase, error: ComfyError) -> None:
    """When the patience ends, an unsent run fails with the error. A run that was sent is lost."""
    link = at_server() if sent else Reconnect(TIMING, 0.0)
    link = link.unanswered(error, 10.0, 1.0)
    assert link.given_up(error, 129.0) is None
    end = link.given_up(error, 130.0)
    assert end is not None
    state = end(WAITS)
    assert state.phase is phase
    assert state.error is not None
    assert ("120 seconds" in state.error.message) is sent
    assert str(error) in (state.error.message, state.error.detail)


def test_a_result_from_the_socket_counts_if_the_server_is_silent() -> None:
    """The history wouldn't add anything to that end."""
    end = at_server().unanswered(RECONNECT_CUT, 0.0, 1.0).given_up(RECONNECT_CUT, 200.0)
    assert end is not None
    assert end(replace(RUNS, verdict=ExecutionSuccess("p"))).phase is Phase.DONE


def test_a_run_moves_to_another_server_at_once_or_after_a_while() -> None:
    """An unsent run moves immediately. Otherwise a run moves after a long enough time without an
    answer."""
    assert Reconnect(TIMING, 0.0).gives_way(0.0)
    link = at_server().unanswered(RECONNECT_CUT, 10.0, 1.0)
    assert not link.gives_way(10.0)
    assert link.gives_way(10.0 + TIMING.elsewhere)
    assert not at_server().gives_way(1000.0)


def test_a_prompt_has_not_begun_if_the_socket_saw_it_wait() -> None:
    """The app can't know this for a run that is active, whose answer was lost, or that it resumes
    after a restart."""
    waits = at_server()
    assert not waits.may_have_begun(WAITS)
    assert not waits.lost("cut", Phase.WAITING, 5.0, by_itself=True).may_have_begun(WAITS)
    assert waits.lost("given up", Phase.WAITING, 5.0, by_itself=False).may_have_begun(WAITS)
    assert waits.may_have_begun(RUNS)
    assert Reconnect(TIMING, 0.0).sending().may_have_begun(WAITS)
    assert Reconnect.resumed(TIMING, 0.0).may_have_begun(WAITS)
    assert not Reconnect(TIMING, 0.0).may_have_begun(WAITS)


def test_an_answer_ends_the_wait() -> None:
    """The app's patience starts again with the next unanswered query."""
    link = at_server().unanswered(RECONNECT_CUT, 10.0, 1.0).confirmed(20.0)
    assert not link.away
    assert link.given_up(RECONNECT_CUT, 500.0) is None


def test_a_reopened_socket_gets_more_time_on_each_attempt() -> None:
    """A reopened socket may be silent for less time at first, then for more. A message about our
    run resets the limit."""
    link = at_server(10.0)
    assert link.silent_until == 25.0
    borne = []
    for _ in range(6):
        link = link.put_off(10.0, 1.0).opening(10.0)
        borne.append(link.silent_until - 10.0)
    assert borne == [5, 10, 20, 40, 60, 60]
    assert link.progressed(ended=False).silent_until == 25.0


def test_a_server_that_answers_again_starts_with_short_silences() -> None:
    """The attempts to reach it don't prolong the silence of the next socket."""
    link = at_server()
    for moment in (20.0, 30.0, 40.0, 50.0):
        link = link.unanswered(RECONNECT_CUT, moment, 1.0)
    link = link.confirmed(60.0).put_off(60.0, 1.0).opening(60.0)
    assert link.silent_until == 65.0


def test_any_message_is_a_sign_of_life() -> None:
    """Even a message without news resets the silence limit."""
    assert at_server().heard(7.0).silent_until == 22.0


def test_a_run_missing_after_a_queue_change_was_removed() -> None:
    """The socket reported a queue change and no start, and never failed. The app concludes that
    someone removed the run."""
    state = ended(at_server().queue_changed(5.0))
    assert state is not None
    assert (state.phase, state.error) == (Phase.STOPPED, REMOVED)


def test_the_server_went_away_before_it_began() -> None:
    """The socket reported that the run was waiting until the socket ended by itself. The app sends
    the run again."""
    assert ended(at_server().lost("reset", Phase.WAITING, 5.0, by_itself=True)) is None


def test_a_server_that_remembers_earlier_runs_did_not_go_away() -> None:
    """The socket ended by itself, but the server was not restarted. This means that another client
    removed the run."""
    link = at_server().lost("reset", Phase.WAITING, 5.0, by_itself=True)
    state = ended(link, remembers=True)
    assert state is not None
    assert (state.phase, state.error) == (Phase.STOPPED, REMOVED)


def test_a_clear_outcome_ignores_the_servers_memory() -> None:
    """The server's memory changes no outcome that is clear without it."""
    for link, state in (
        (at_server().queue_changed(5.0), WAITS),
        (at_server().lost("no sign of life", Phase.WAITING, 5.0, by_itself=False), WAITS),
        (at_server(), RUNS),
    ):
        assert ended(link, state) is not None
        assert ended(link, state, remembers=True) == ended(link, state)


@pytest.mark.parametrize(
    ("link", "state"),
    [
        (at_server().lost("reset", Phase.RUNNING, 5.0, by_itself=True), RUNS),
        (at_server().lost("no sign of life", Phase.WAITING, 5.0, by_itself=False), WAITS),
        (
            at_server()
            .unanswered(RECONNECT_CUT, 1.0, 1.0)
            .lost("reset", Phase.WAITING, 5.0, by_itself=True),
            WAITS,
        ),
        (at_server().unanswered(RECONNECT_CUT, 5.0, 1.0), WAITS),
        (Reconnect.resumed(TIMING, 0.0), WAITS),
        (
            Reconnect(TIMING, 0.0)
            .opening(0.0)
            .sending()
            .lost("reset", Phase.WAITING, 1.0, by_itself=True),
            WAITS,
        ),
    ],
    ids=[
        "it ran",
        "a silent socket",
        "away before",
        "a question cut off",
        "restarted",
        "not known to be taken",
    ],
)
def test_a_run_that_may_have_started_is_lost(link: Reconnect, state: RunState) -> None:
    """No client could hear of a start, and the app therefore doesn't run the prompt twice."""
    lost = ended(link, state)
    assert lost is not None
    assert (lost.phase, lost.error) == (Phase.LOST, RESTARTED)


def test_a_restarted_server_remembers_no_run() -> None:
    """A run starts again only if its server lost it by a restart."""
    link = at_server().lost("reset", Phase.RUNNING, 5.0, by_itself=True)
    lost, done = ended(link, RUNS), ended(link, TOLD)
    assert lost is not None
    assert done is not None
    assert link.was_restarted(lost, lambda: False)
    assert not link.was_restarted(lost, lambda: True)
    assert not link.was_restarted(done, lambda: False)
    assert not at_server().was_restarted(lost, lambda: False)


def test_an_unknown_run_on_a_steady_server_was_forgotten() -> None:
    """No connection was dropped, so the server wasn't restarted."""
    state = ended(at_server(), RUNS)
    assert state is not None
    assert (state.phase, state.error) == (Phase.LOST, FORGOTTEN)


def test_a_run_whose_socket_died_while_it_waited_is_sent_again() -> None:
    """The server answers that the run is waiting, then dies. The run never started, so the app
    sends it again."""
    asked_at = 1.0
    link = at_server().lost("reset", Phase.WAITING, 1.5, by_itself=True).confirmed(asked_at)
    link = link.unanswered(RECONNECT_CUT, 2.0, 1.0)
    assert ended(link) is None


def test_an_answer_clears_earlier_observations() -> None:
    """The prompt was there afterwards. Only later observations count."""
    link = (
        at_server()
        .queue_changed(1.0)
        .lost("reset", Phase.WAITING, 1.0, by_itself=True)
        .confirmed(2.0)
    )
    assert (link.dropped_at, link.waited_at, link.status_at) == (None, None, None)
    assert link.broken is not None


def test_a_change_of_the_queue_during_a_look_is_looked_into() -> None:
    """The answer is older than the change, so it doesn't clear the change."""
    link = at_server().queue_changed(1.0)
    assert link.looked(2.0).status_at is None
    assert link.queue_changed(3.0).looked(2.0).status_at == 3.0


def test_resending_a_prompt_clears_earlier_observations() -> None:
    """Observations from the first attempt no longer count. The socket still has to be reopened."""
    link = (
        at_server()
        .queue_changed(1.0)
        .lost("reset", Phase.WAITING, 2.0, by_itself=True)
        .sent_again()
    )
    assert not link.accepted
    assert not link.at_server
    assert (link.dropped_at, link.waited_at, link.status_at) == (None, None, None)
    assert link.broken == "reset"


NOTED = st.one_of(
    st.tuples(st.just("lost"), st.booleans(), st.sampled_from([Phase.WAITING, Phase.RUNNING])),
    st.just(("queue_changed",)),
    st.just(("unanswered",)),
    st.just(("confirmed",)),
    st.just(("opening",)),
    st.just(("progressed",)),
)


@given(
    st.lists(NOTED, max_size=12),
    st.sampled_from([WAITS, RUNS, replace(WAITS, verdict=ExecutionSuccess("p"))]),
)
def test_only_a_run_that_waited_until_its_socket_ended_is_resent(
    story: list[tuple[object, ...]], state: RunState
) -> None:
    """In any order of events, the last known fact about its socket is that it ended by itself while
    the run waited."""
    link, now, heard_out = at_server(), 0.0, False
    for what, *details in story:
        now += 0.1
        match what:
            case "lost":
                by_itself, phase = details
                heard_out = by_itself is True and phase is Phase.WAITING and not link.away
                link = link.lost("reset", phase, now, by_itself=by_itself)  # type: ignore[arg-type]
            case "queue_changed":
                link = link.queue_changed(now)
            case "unanswered":
                link = link.unanswered(RECONNECT_CUT, now, 1.0)
            case "confirmed":
                link, heard_out = link.confirmed(now), False
            case "opening":
                link = link.opening(now)
            case "progressed":
                link = link.progressed(ended=False)
    if link.unknown(state, lambda: False) is None:
        assert heard_out or link.away_since is not None  # in touch a moment before counts as well
        assert link.waited_at is not None
        assert (state.phase, state.verdict) == (Phase.WAITING, None)


def test_a_status_changes_no_phase() -> None:
    """The status that `queue_changed` records isn't a start."""
    assert advance(WAITS, Status(1)).phase is Phase.WAITING


def test_a_returned_server_is_found_soon() -> None:
    """However long a server was away, the next attempt follows within two seconds."""
    assert Timeouts().pause_after(1000, 1.0) <= 2.0
