"""S19: the app refuses values that neither a database nor an answer can carry as soon as it reads
them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import requests

from tests.attacks.people import Person, person
from tests.attacks.routes import SOCKET, registered
from tests.support.serving import RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT

ODD = {
    "half a character": (b'"a\\ud83d"', "broken character"),
    "half a character in a key": (b'{"a\\udc00": 1}', "broken character"),
    "NaN": (b"NaN", "NaN or infinite"),
    "infinity": (b"-Infinity", "NaN or infinite"),
    "a number that becomes infinite": (b"1e400", "NaN or infinite"),
    "65 bits": (b"36893488147419103232", "more than 64 bits"),
}
ADDRESSES = (
    "/api/v1/runs?with_page=true&skip={}",
    "/api/v1/runs?with_page=true&limit={}",
    "/api/v1/runs/{run}/values?n={}",
    "/files/{run}/{}/a.png",
    "/files/{run}/{}/thumb",
    "/files/{run}/given/{}",
    "/api/v1/runs?limit={}",
    "/api/v1/runs/{run}/files/{}",
    "/api/v1/runs/{run}/preview?n={}",
    "/api/v1/batches/{run}/rows?skip={}",
    "/api/v1/batches/{run}/grid?page={}",
    "/api/v1/runs/{run}/move?by={}",
    "/?workflow=text-to-image&5.seed={}",
)
NUMBERS = ("-1", "9223372036854775808", "9" * 30, "9" * 5000, "NaN", "1e400")


@pytest.fixture(scope="module")
def app(own_temporary_folder: object) -> Iterator[RunningApp]:
    """Run an app that every visitor may use."""
    with running_demo_app(step_seconds=0) as (_, app):
        yield app


@pytest.fixture(scope="module")
def ann(app: RunningApp) -> Person:
    return person(app)


def sent(app: RunningApp, method: str, path: str, ann: Person, body: bytes) -> requests.Response:
    """Send a JSON body and return the answer."""
    headers = ann.headers | {"Content-Type": "application/json"}
    with requests.request(
        method, app.url + path, headers=headers, data=body, timeout=LONGEST_WAIT
    ) as answer:
        assert answer.content is not None
        return answer


def spelled(odd: bytes) -> Iterator[bytes]:
    """Yield request bodies with the odd value at the top level and nested."""
    yield b'{"values": {"2.text": %s}, "data": [], "name": "a"}' % odd
    yield b'{"values": {}, "data": [{"a": [%s]}], "session_hash": "s1", "fn_index": 0}' % odd
    yield b'{"runs": [%s], "favourite": %s, "title": %s, "name": %s, "tag": %s}' % ((odd,) * 5)
    yield b'{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"a": %s}}' % odd
    yield odd


@pytest.mark.parametrize("odd", ODD)
def test_finding_s19_odd_values_are_refused_when_read(
    app: RunningApp, ann: Person, odd: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Every route that takes a body answers without an internal error, and no answer repeats the
    value."""
    value, _ = ODD[odd]
    for route in sorted(set(registered(app.asgi.routes))):
        if route.method not in ("POST", "PUT", "PATCH", "DELETE") or route.method == SOCKET:
            continue
        for body in spelled(value):
            answer = sent(app, route.method, ann.owned.at(route.path), ann, body)
            assert answer.status_code < 500, (route, body, answer.text)
    said = [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]
    assert not [one for one in said if "A request failed" in one and "(gradio" not in one]


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/workflows/text-to-image/runs",
        "/api/v1/workflows/text-to-image/batches",
        "/gradio_api/call/generate",
        "/endpoints/gradio_api/queue/join",
        "/api/v1/presets?workflow=text-to-image",
    ],
)
@pytest.mark.parametrize("odd", ODD)
def test_finding_s19_the_sentence_names_the_odd_value(
    app: RunningApp, ann: Person, path: str, odd: str
) -> None:
    """Programs and pages get the same error."""
    value, said = ODD[odd]
    body = b'{"values": {"2.text": %s}, "data": ["text-to-image", {}], "name": "a"}' % value
    answer = sent(app, "POST", path, ann, body)
    assert answer.status_code == 422, answer.text
    assert said in answer.text


@pytest.mark.parametrize("path", ADDRESSES)
def test_finding_s19_odd_numbers_in_addresses(
    app: RunningApp, ann: Person, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The app refuses these numbers or finds nothing under them."""
    for number in NUMBERS:
        filled = path.replace("{run}", ann.owned.run).format(number)
        for method in ("GET", "POST"):
            answer = sent(app, method, filled, ann, b"")
            assert answer.status_code < 500, (filled, answer.text)
    assert "A request failed" not in caplog.text


def test_finding_s19_parts_of_a_form_are_read_alike(app: RunningApp, ann: Person) -> None:
    """The app ignores the charset that a part declares: UTF-7 can spell half a character."""
    parts = b'--x\r\nContent-Disposition: form-data; name="2.text"\r\n\r\n+2D0-\r\n--x--\r\n'
    kind = "multipart/form-data; boundary=x; charset=utf-7"
    path = "/api/v1/workflows/text-to-image/runs"
    headers = ann.headers | {"Content-Type": kind}
    with requests.post(app.url + path, headers=headers, data=parts, timeout=LONGEST_WAIT) as answer:
        assert answer.status_code == 422
        assert "broken character" in answer.text


def test_surrogate_pairs_and_long_seeds_are_read(app: RunningApp, ann: Person) -> None:
    """The app accepts surrogate pairs and 64-bit seeds."""
    values = {"2.text": "a \N{FOX FACE}"}
    body = json.dumps({"values": values | {"5.seed": 2**64 - 1}}).encode()
    assert b"\\ud83e" in body
    answer = sent(app, "POST", "/api/v1/workflows/text-to-image/runs", ann, body)
    assert answer.status_code == 201, answer.text
