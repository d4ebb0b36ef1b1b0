"""Requests that list workflows, or name one, by the app's faces. Each returns the answer."""

from __future__ import annotations

import json
from collections.abc import Callable

import requests

from tests.support.serving import RunningApp
from tests.support.waiting import LONGEST_WAIT

# A list's text.
Lists = Callable[[RunningApp, requests.Session], str]
# The status and text for the name of a workflow.
Names = Callable[[RunningApp, requests.Session, str], tuple[int, str]]


def got(path: str) -> Lists:
    """Return a request for a list at this path."""

    def lists(app: RunningApp, session: requests.Session) -> str:
        return session.get(app.url + path, timeout=LONGEST_WAIT).text

    return lists


def naming(method: str, path: str, body: object = None) -> Names:
    """Return a request with the workflow's name in place of NAME, and its identifier (see
    `ui/api/named_workflows.py`) in place of IDENTIFIER."""

    def names(app: RunningApp, session: requests.Session, name: str) -> tuple[int, str]:
        filled = json.loads(with_name(json.dumps(body), name))
        address = app.url + with_name(path, name)
        answer = session.request(method, address, json=filled, timeout=LONGEST_WAIT)
        return answer.status_code, without_name(answer.text, name)

    return names


def identifier(name: str) -> str:
    return name.replace("/", "_").replace(".", "_")


def with_name(text: str, name: str) -> str:
    return text.replace("NAME", name).replace("IDENTIFIER", identifier(name))


def without_name(text: str, name: str) -> str:
    return text.replace(name, "NAME").replace(identifier(name), "NAME")
