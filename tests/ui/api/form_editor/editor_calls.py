"""Calls of the form editor's routes."""

from __future__ import annotations

from typing import Any

import requests

from tests.support.http_client import ANN, cookie_of, get
from tests.support.serving import RunningApp
from tests.support.waiting import LONGEST_WAIT


def at(name: str, part: str = "") -> str:
    """Return the path of a workflow's editor, or of a part of it."""
    return f"/api/v1/workflows/{name}/editor{part}"


def editor(app: RunningApp, name: str, who: str = ANN) -> dict[str, Any]:
    """Return the document of a form in the editor."""
    answer = get(app, at(name), who)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def send(
    app: RunningApp, method: str, path: str, body: object = None, who: str = ANN
) -> requests.Response:
    """Send a request as a browser with this cookie."""
    return requests.request(
        method, app.url + path, json=body, cookies=cookie_of(who), timeout=LONGEST_WAIT
    )


def save(
    app: RunningApp, name: str, document: dict[str, Any], who: str = ANN, **more: Any
) -> requests.Response:
    """Save the settings in an editor's document."""
    body = {"settings": document["settings"], "version": document["version"]} | more
    return send(app, "PUT", at(name), body, who)


def fields(app: RunningApp, name: str, who: str = ANN) -> dict[str, dict[str, Any]]:
    """Return the form's fields by key."""
    shown = get(app, f"/api/v1/workflows/{name}", who).json()["fields"]
    return {one["key"]: one for one in shown}
