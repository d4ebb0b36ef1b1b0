"""A program that uses the API, with a user's cookie or without one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import requests

from tests.support.http_client import ANN, cookie_of
from tests.support.serving import RunningApp
from tests.support.waiting import LONGEST_WAIT

PROBLEM = "application/problem+json"
QUICK = {"5.steps": 1, "4.width": 256, "4.height": 256}


def call(
    app: RunningApp, method: str, path: str, cookie: str = ANN, **options: Any
) -> requests.Response:
    """Send a request to a path below `/api/v1`, or to a path that the API returned, and return the
    answer."""
    address = app.url + (path if path.startswith("/api/") else f"/api/v1{path}")
    options.setdefault("timeout", LONGEST_WAIT)
    return requests.request(method, address, cookies=cookie_of(cookie), **options)


def run_of(
    app: RunningApp,
    workflow: str = "text-to-image",
    /,
    values: dict[str, Any] | None = None,
    cookie: str = ANN,
    *,
    wait: bool = True,
) -> dict[str, Any]:
    """Start a run and return its document. By default, wait until the run has finished."""
    body = {"values": QUICK if values is None else values}
    path = f"/workflows/{workflow}/runs?wait={str(wait).lower()}"
    with call(app, "POST", path, cookie, json=body) as answer:
        assert answer.status_code == 201, answer.text
        return dict(answer.json())


def problem(answer: requests.Response, status: int) -> dict[str, Any]:
    """Return the problem document of an answer, after checking that both have this status."""
    told = dict(answer.json())
    assert answer.headers["content-type"] == PROBLEM
    assert (answer.status_code, told["status"]) == (status, status)
    assert told["title"]
    assert told["detail"]
    return told


class Event(NamedTuple):
    """A received event: its id, its name and its data."""

    id: str
    name: str
    told: dict[str, Any]


def events(answer: requests.Response) -> Iterator[Event]:
    fields: dict[str, str] = {}
    for line in answer.iter_lines(decode_unicode=True):
        if line.startswith(":"):
            yield Event("", "", {})
        elif line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            yield Event(fields["id"], fields["event"], json.loads(fields["data"]))
            fields = {}
