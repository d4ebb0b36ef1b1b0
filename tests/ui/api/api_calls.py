"""A program that uses the API: requests with a person's cookie, or without any."""

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
    """The answer to a request below `/api/v1`, or at a path that the API has told."""
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
    """A run that was started, and has ended where that is waited for."""
    body = {"values": QUICK if values is None else values}
    path = f"/workflows/{workflow}/runs?wait={str(wait).lower()}"
    with call(app, "POST", path, cookie, json=body) as answer:
        assert answer.status_code == 201, answer.text
        return dict(answer.json())


def problem(answer: requests.Response, status: int) -> dict[str, Any]:
    """The problem document of an answer, which has this status and says it."""
    told = dict(answer.json())
    assert answer.headers["content-type"] == PROBLEM
    assert (answer.status_code, told["status"]) == (status, status)
    assert told["title"]
    assert told["detail"]
    return told


class Event(NamedTuple):
    """One that was heard: its id, its name, and what it tells."""

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
