"""Malicious values, names and documents at every entry point. The app answers with a message, never
with a failure, and changes nothing outside."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
from hypothesis import HealthCheck, given, settings

from comfyui_standin import DemoServer
from tests.support.gradio_calls import PageCalls
from tests.support.http_client import ANN, cookie_of
from tests.support.samples.hostile import JSON, NUMBERS, TEXTS, VALUES, nested, spelled
from tests.support.serving import RunningApp
from tests.support.waiting import LONGEST_WAIT

SEEDED = settings(
    max_examples=25,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
GRAPH = {"1": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "a"}}}


def asked(app: RunningApp, method: str, path: str, body: bytes | None = None) -> requests.Response:
    """Send a request from a user's page."""
    return requests.request(
        method, app.url + path, data=body, cookies=cookie_of(ANN), timeout=LONGEST_WAIT
    )


def calm(answer: requests.Response) -> None:
    """Check that the app answered without a server error or a traceback."""
    assert answer.status_code < 500, (answer.status_code, answer.text[:500])
    assert "Traceback" not in answer.text


def in_address(text: str) -> str:
    return quote(text[:2000].encode("utf-8", "surrogatepass"), safe="")


@SEEDED
@given(document=JSON)
def test_any_document_is_a_workflow_or_a_sentence(app: RunningApp, document: object) -> None:
    """The app opens any JSON as a workflow or refuses it with an error message."""
    calm(asked(app, "POST", "/api/v1/workflows?file=a.json", spelled(document)))
    calm(
        asked(
            app,
            "POST",
            "/api/v1/workflows?file=a.json",
            spelled({"nodes": document, "links": document, "extra": document}),
        )
    )
    calm(
        asked(
            app,
            "POST",
            "/api/v1/workflows?file=a.json",
            spelled({"1": {"class_type": "KSampler", "inputs": document}}),
        )
    )


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe", b"{", b'{"a":' * 5000, spelled(nested(900)), b"\0" * 1000, b"PK\3\4"]
)
def test_bytes_that_are_not_a_document_are_refused(app: RunningApp, body: bytes) -> None:
    """The app refuses a body that is neither JSON nor an image."""
    answer = asked(app, "POST", "/api/v1/workflows?file=a.json", body)
    calm(answer)
    assert answer.status_code == 422
    assert answer.json()["detail"]


@pytest.mark.parametrize("name", TEXTS, ids=lambda name: ascii(name[:12]))
def test_names_lead_nowhere(app: RunningApp, name: str) -> None:
    """For any file name, id, address or search, the app answers found or not found and touches no
    file but its own."""
    before = sorted(path.name for path in Path("/etc").iterdir())
    spelt = in_address(name)
    calm(asked(app, "POST", f"/api/v1/workflows?file={spelt}", spelled(GRAPH)))
    calm(asked(app, "GET", f"/api/v1/runs?text={spelt}&workflow={spelt}&cursor={spelt}"))
    for path in (
        "/api/v1/runs/{}?with_page=true",
        "/api/v1/runs/{}/values",
        "/files/{}/0/a.png",
        "/files/{}/all.zip",
        "/files/{}/0/thumb",
    ):
        answer = asked(app, "GET", path.format(spelt or "-"))
        calm(answer)
        assert answer.status_code in (200, 404, 422), answer.url
    for path in ("/api/v1/runs/{}/again", "/api/v1/runs/{}/stop", "/api/v1/workflows/{}/keep"):
        calm(asked(app, "POST", path.format(spelt or "-")))
    calm(asked(app, "DELETE", f"/api/v1/runs/{spelt or '-'}"))
    calm(asked(app, "GET", f"/?workflow={spelt}&2.text={spelt}"))
    assert sorted(path.name for path in Path("/etc").iterdir()) == before


@pytest.mark.parametrize(
    "number", ["1", "-1", "9" * 400, "-" + "9" * 400, "1e9", "NaN", "", "0x1", "\u0661"]
)
def test_numbers_in_addresses(app: RunningApp, number: str) -> None:
    """The app answers any queue position and any file index without a failure."""
    calm(asked(app, "POST", f"/api/v1/runs/{'0' * 36}/move?by={quote(number)}"))
    calm(asked(app, "GET", f"/files/{'0' * 36}/{quote(number) or '-'}/a.png"))


@pytest.fixture(scope="module")
def page(running: tuple[DemoServer, RunningApp]) -> PageCalls:
    """Open a page with short runs."""
    return PageCalls(running[1]).open("text-to-image", **{"5.steps": "1"})


FIELDS = ("2.text", "5.steps", "4.width")


@pytest.mark.parametrize("field", FIELDS)
def test_any_value_in_a_field_starts_a_run_or_shows_an_error(
    app: RunningApp, page: PageCalls, field: str
) -> None:
    """For any value in a text or number field, the app starts a run or shows an error on the
    field."""
    for value in VALUES:
        answer = page.press({field: value})
        calm(answer)
        said = page.said(answer)
        assert said.get("run") or said.get("errors") or said.get("detail"), (value, said)
        for run in app.runs.known():
            run.cancel()


@SEEDED
@given(choice=JSON)
def test_any_choice_of_a_form(app: RunningApp, page: PageCalls, choice: object) -> None:
    """An untrusted client may send any JSON as the page's choice of form. The app answers without
    failing."""
    calm(page.draw(choice))
    calm(page.draw({"name": choice, "linked": {}, "kept": {}, "unfolded": []}))
    calm(page.draw({"name": "text-to-image", "linked": choice, "kept": choice, "unfolded": choice}))


@pytest.mark.parametrize(
    "data",
    [
        [],
        [1],
        ["x", None],
        ["text-to-image", []],
        ["text-to-image", {"2.text": {}}],
        {"a": 1},
        None,
        *NUMBERS,
    ],
)
def test_calls_of_scripts(app: RunningApp, data: object) -> None:
    """The app answers any data from a script with an event stream that ends, or with a refusal."""
    body = json.dumps({"data": data}).encode()
    answer = requests.post(
        f"{app.url}/gradio_api/call/run",
        body,
        headers={"content-type": "application/json"},
        timeout=LONGEST_WAIT,
    )
    calm(answer)
    if answer.ok and "event_id" in answer.json():
        told = requests.get(
            f"{app.url}/gradio_api/call/run/{answer.json()['event_id']}", timeout=LONGEST_WAIT
        )
        calm(told)
        assert "event:" in told.text
