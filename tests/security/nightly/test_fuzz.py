"""Hundreds of hostile HTTP and WebSocket requests, with and without a sign-in. The app answers each
without a failure and leaves nothing behind."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.attacks.campaign import Report, campaign, drawn, judge, sites_of, two_apps
from tests.attacks.command import main
from tests.attacks.people import SECRET
from tests.attacks.wire import Answer, Attack

REQUESTS = 2500
SEED = 10  # some of its requests get a 200; a new route changes the requests
PAGE = Path(__file__).parents[3] / "docs" / "audits.md"


def test_finding_21_no_request_makes_the_app_fail() -> None:
    """The app answers every request with success or a clear error: no failure, no traceback, no
    other user's text, no file outside its folders. Afterwards it works as before. The requests
    aren't all noise: they reach the app's own answers, good and bad."""
    report = campaign(REQUESTS, SEED)
    assert sum(report.kinds.values()) >= REQUESTS
    assert not report.problems, "\n".join(
        f"{problem}\n  {command}" for problem, command in report.problems.items()
    )
    assert {200, 404, 422, 400, 101} <= report.statuses.keys()


@pytest.mark.parametrize(
    ("answer", "log", "says"),
    [
        (Answer(500), "", "500 to GET /x"),
        (Answer(502), "", "502 to GET /x"),
        (Answer(0, "closed"), "", "no answer to GET /x"),
        (Answer(404, "", b"Traceback (most recent call last):"), "", "a traceback in the answer"),
        (Answer(200, "", b"root:x:0:0"), "", "/etc/passwd in the answer"),
        (Answer(200, "", SECRET.encode()), "", "another user's words"),
        (Answer(200, "content-type: x\nSet-Cookie: a=b"), "", "a header of the caller's"),
        (
            Answer(404),
            "Traceback (most recent call last):\n  File\nOops",
            "a traceback in the log: Oops",
        ),
        (
            Answer(422),
            "A request failed: KeyError (a.py:1)",
            "caught at last: A request failed: KeyError (a.py:1)",
        ),
    ],
)
def test_the_judge_reports_errors(answer: Answer, log: str, says: str) -> None:
    """The judge names the violation and the request that led to it."""
    report = Report()
    judge(report, Attack(1, "GET /x", b"GET /x HTTP/1.1\r\n\r\n"), answer, log)
    ((problem, command),) = report.problems.items()
    assert says in problem
    assert "GET /x" in command


def test_the_judge_lets_the_right_answers_pass() -> None:
    """The judge accepts refusals and the caller's own data."""
    report = Report()
    for answer in (Answer(200), Answer(404), Answer(503), Answer(200, "", SECRET.encode())):
        judge(report, Attack(1, "GET /x", b"", knows=True), answer, "WARNING a line")
    judge(report, Attack(1, "noise", b"", whole=False), Answer(0), "")
    assert not report.problems


def test_everything_comes_from_the_seed(capsys: pytest.CaptureFixture[str]) -> None:
    """A seed always sends the same requests, and docs/audits.md names the command that sends
    more."""
    with two_apps() as (apps, _):
        sites = sites_of(apps)
    first, again, other = (drawn(sites, 12, number) for number in (1, 1, 2))
    assert first == again != other
    assert "python -m tools.fuzz --requests 10000" in PAGE.read_text(encoding="utf-8")
    with pytest.raises(SystemExit):
        main(["--help"])
    assert re.search(r"prog|usage: python -m tools.fuzz", capsys.readouterr().out)
