"""Submission of a prompt to a server whose answers get lost. A prompt that may have arrived is
never sent twice."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator

import pytest

from comfy.base.errors import ComfyError, PromptRejected, ServerError, ServerUnreachable
from comfy.comfyui.client.client import Client
from comfy.comfyui.protocol.responses import Submitted
from comfy.demo import DemoServer
from comfy.prompt.model import Prompt
from comfy.runs.attempt import Submission
from comfy.runs.interface import Timeouts
from tests.support.sampler import prompt

POST = "POST /prompt"
PATIENT, HURRIED = Timeouts(outcome_delay=60.0), Timeouts(outcome_delay=0.0)
WORKFLOW = prompt(7, 2)


@pytest.fixture(scope="module")
def one_server() -> Iterator[DemoServer]:
    with DemoServer(step_seconds=0) as server:
        yield server


@pytest.fixture
def demo(one_server: DemoServer) -> Iterator[DemoServer]:
    yield one_server
    one_server.behave()


@pytest.fixture
def client(demo: DemoServer) -> Iterator[Client]:
    with Client(demo.url) as one:
        yield one


class Attempts:
    """Submission that records the ids it sends."""

    def __init__(self, client: Client, timing: Timeouts, *, fails: Exception | None = None) -> None:
        self.id = str(uuid.uuid4())
        self.sent: list[str] = []
        self.fails = fails
        self.submission = Submission(client, client_id="c", timing=timing)

    def prompt(self) -> Prompt:
        if self.fails is not None:
            raise self.fails
        return WORKFLOW

    def next(self, *, started: bool = False, later: float = 0.0) -> Submitted | float:
        now = time.monotonic() + later
        return self.submission.attempt(
            self.id, self.prompt, self.sent.append, started=started, now=now
        )


def test_a_prompt_is_posted_once(demo: DemoServer, client: Client) -> None:
    """The request carries the given id, and the caller gets a notification before the app sends
    it."""
    attempts = Attempts(client, PATIENT)
    answer = attempts.next()
    assert isinstance(answer, Submitted)
    assert (answer.prompt_id, attempts.sent) == (attempts.id, [attempts.id])


@pytest.mark.parametrize("kind", ["answer_lost", "answer_502"])
def test_a_prompt_whose_answer_is_lost_is_found_on_the_server(
    demo: DemoServer, client: Client, kind: str
) -> None:
    """The app finds the prompt on the server and doesn't post it again."""
    attempts = Attempts(client, HURRIED)
    demo.script(kind, at=POST)  # type: ignore[arg-type]
    before = demo.requests[POST]
    with pytest.raises((ServerUnreachable, ServerError)):
        attempts.next()
    answer = attempts.next()
    assert isinstance(answer, Submitted)
    assert answer.prompt_id == attempts.id
    assert demo.requests[POST] - before == 1


def test_a_prompt_that_is_nowhere_may_still_be_on_its_way(demo: DemoServer, client: Client) -> None:
    """The app looks for the prompt again a moment later, and doesn't post it before then."""
    attempts = Attempts(client, PATIENT)
    demo.script("cut", at=POST)
    with pytest.raises(ServerUnreachable):
        attempts.next()
    sure_at = attempts.next()
    assert isinstance(sure_at, float)
    assert sure_at > time.monotonic()
    assert len(attempts.sent) == 1


def test_a_prompt_that_is_nowhere_is_posted_again(demo: DemoServer, client: Client) -> None:
    """The app posts the prompt under the same id, after a second look that begins when the delay is
    over."""
    attempts = Attempts(client, PATIENT)
    demo.script("cut", at=POST)
    with pytest.raises(ServerUnreachable):
        attempts.next()
    assert isinstance(attempts.next(), float)
    assert isinstance(attempts.next(later=PATIENT.outcome_delay), Submitted)
    assert attempts.sent == [attempts.id] * 2
    assert demo.journal.of(attempts.id).count("taken") == 1


def test_a_start_reported_by_the_socket_proves_acceptance(demo: DemoServer, client: Client) -> None:
    """After that message, the app sends neither a query nor the prompt."""
    attempts = Attempts(client, HURRIED)
    demo.script("cut", at=POST)
    with pytest.raises(ServerUnreachable):
        attempts.next()
    before = demo.requests.total()
    assert attempts.next(started=True) == Submitted(attempts.id, 0)
    assert demo.requests.total() == before


def test_repeated_server_errors_are_not_retried_forever(demo: DemoServer, client: Client) -> None:
    """After five failed posts, the app gives up. If the submission starts again, the count does
    too."""
    attempts = Attempts(client, HURRIED)
    demo.script("http_500", at=POST, count=5)
    for number in range(1, 6):
        with pytest.raises(ServerError) as told:
            attempts.next()
        assert attempts.submission.not_worth_retrying(told.value) is (number == 5)
    attempts.submission.again()
    assert not attempts.submission.not_worth_retrying(told.value)
    assert isinstance(attempts.next(), Submitted)


def test_permanent_errors_are_not_retried(client: Client) -> None:
    """The app gives up immediately on an invalid certificate or a missing login."""
    submission = Attempts(client, PATIENT).submission
    assert submission.not_worth_retrying(
        ServerUnreachable("Its certificate has expired.", passing=False)
    )
    assert submission.not_worth_retrying(ServerError("It asks for a login.", status=401))
    assert not submission.not_worth_retrying(ServerUnreachable("Nothing answers."))


@pytest.mark.parametrize("error", [PromptRejected("No such file."), ServerUnreachable("Away.")])
def test_a_prompt_that_cannot_be_made_was_not_sent(
    demo: DemoServer, client: Client, error: ComfyError
) -> None:
    """For example, a file upload fails. The app doesn't report the prompt as sent, posts nothing,
    and has nothing to look for afterwards."""
    attempts = Attempts(client, PATIENT, fails=error)
    before = demo.requests.total()
    with pytest.raises(type(error)):
        attempts.next()
    assert (attempts.sent, demo.requests.total()) == ([], before)
    attempts.fails = None
    assert isinstance(attempts.next(), Submitted)
