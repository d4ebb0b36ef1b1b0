"""The page's calls to Gradio, sent directly, as a stranger could."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import requests
from gradio_client import Client  # type: ignore[import-untyped]

from tests.support.http_client import ANN, cookie_of
from tests.support.serving import RunningApp
from tests.support.waiting import LONGEST_WAIT

FILE = {"_type": "gradio.FileData"}


def file_at(place: str, **more: Any) -> dict[str, Any]:
    """Return Gradio's description of a file."""
    return {"path": place, "meta": FILE, **more}


class PageCalls:
    """Open page of a user: its session, its listeners, and the components of the drawn form."""

    def __init__(self, app: RunningApp, cookie: str = ANN) -> None:
        self.url = app.url
        self.cookies = cookie_of(cookie)
        self.session = secrets.token_hex(8)
        self.config = self._get("/config")
        self.components: list[dict[str, Any]] = self.config["components"]
        self.listeners: list[dict[str, Any]] = self.config["dependencies"]
        self.load = self.listener("load")
        self.choice: Any = None

    def _get(self, path: str) -> Any:
        return requests.get(self.url + path, cookies=self.cookies, timeout=LONGEST_WAIT).json()

    def listener(self, event: str, source: int | None = None) -> dict[str, Any]:
        """Return the last listener of an event, for one component or for any."""
        return next(
            one
            for one in reversed(self.listeners)
            if not one["js"] or one["backend_fn"]
            for target, name in one["targets"]
            if name == event and source in (None, target)
        )

    def component(self, element: str) -> dict[str, Any]:
        """Return the page's component with this id."""
        return next(
            one for one in reversed(self.components) if one["props"].get("elem_id") == element
        )

    def call(self, listener: Mapping[str, Any], *data: Any, **more: Any) -> requests.Response:
        """Call a listener with this data."""
        body = {"session_hash": self.session, "fn_index": listener["id"], "data": data, **more}
        return self.send(json.dumps(body).encode())

    def send(self, body: bytes) -> requests.Response:
        """Send this body to the route for the page's calls."""
        kind = {"content-type": "application/json"}
        path = f"{self.url}/gradio_api/run/predict"
        return requests.post(path, body, cookies=self.cookies, headers=kind, timeout=LONGEST_WAIT)

    def open(self, workflow: str, **wanted: Any) -> PageCalls:
        """Draw a workflow's form, as the page does for the workflow's address."""
        self.choice = self.call(self.load, {"name": workflow, **wanted}).json()["data"][0]
        assert self.draw(self.choice).status_code == 200
        return self

    def draw(self, choice: Any) -> requests.Response:
        """Draw the form for a choice."""
        opened = self.load["outputs"][0]
        drawing = next(
            one
            for one in self.config["dependencies"]
            if one["inputs"] == [opened] and not one["outputs"][1:]
        )
        answer = self.call(drawing, choice)
        if answer.ok and (drawn := answer.json().get("render_config")):
            self.components = [*self.config["components"], *drawn["components"]]
            self.listeners = [*self.config["dependencies"], *drawn["dependencies"]]
        return answer

    @property
    def held(self) -> dict[str, Any]:
        """Return the form's values as the page's script receives them."""
        script = self.component("heading")["props"]["js_on_load"]
        at, decoder = script.index("drawn(") + len("drawn("), json.JSONDecoder()
        given: list[Any] = []
        while script[at] != ")":
            value, at = decoder.raw_decode(script, at + 2 * (script[at] == ","))
            given.append(value)
        *_, values = (value for value in given if isinstance(value, dict))
        return dict(values)

    def press(self, values: object = None, kind: str = "runs") -> requests.Response:
        """Press Generate with the form's own values, except for these by field key. `kind`: start
        `runs` or `chains`."""
        name = quote(self.choice["name"])
        sent = {**self.held, **values} if isinstance(values, Mapping) else values or self.held
        return requests.post(
            f"{self.url}/api/v1/workflows/{name}/{kind}",
            json.dumps({"values": sent, "watched": True}),
            cookies=self.cookies,
            headers={"content-type": "application/json"},
            timeout=LONGEST_WAIT,
        )

    def said(self, answer: requests.Response) -> dict[str, Any]:
        """Return the run, or the refusal with the `errors` of fields."""
        told: dict[str, Any] = answer.json()
        return {"run": told["id"]} if answer.ok else told


def script_client(url: str, **options: Any) -> Client:
    """Return a `gradio_client` for an app that waits as long as other tests do, because a busy
    machine answers late. `options`: options of the client."""
    patience = {"timeout": LONGEST_WAIT}
    return Client(url, verbose=False, analytics_enabled=False, httpx_kwargs=patience, **options)
