"""Calls of Comfy API v2 at the app."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any

import requests
from blake3 import blake3
from PIL import Image

from tests.support.http_client import ANN, cookie_of
from tests.support.samples.media import saved
from tests.support.samples.shipped import prompt
from tests.support.serving import RunningApp
from tests.support.waiting import LONGEST_WAIT, eventually

Json = dict[str, Any]
Event = tuple[str, Json]
FINAL = ("succeeded", "canceled", "failed")


def call(
    app: RunningApp, method: str, path: str, cookie: str = ANN, **sent: Any
) -> requests.Response:
    """Send a request below `/api/v2`, or to a link of an answer."""
    address = path if path.startswith("http") else app.url + path
    if not path.startswith(("http", "/api/")):
        address = f"{app.url}/api/v2{path}"
    with requests.request(
        method, address, cookies=cookie_of(cookie), timeout=LONGEST_WAIT, **sent
    ) as answer:
        assert answer.content is not None
        return answer


def told(answer: requests.Response, status: int = 200) -> Json:
    assert answer.status_code == status, answer.text
    content: Json = answer.json()
    return content


def refused(answer: requests.Response, status: int, code: str) -> Json:
    """Return the details of a refusal, which has the API's format."""
    error = told(answer, status)["error"]
    assert error.keys() == {"code", "message", "details"}
    assert (error["code"], bool(error["message"])) == (code, True)
    return error["details"] or {}


def submit(
    app: RunningApp, workflow: Json | None = None, cookie: str = ANN, key: str = "", **more: Any
) -> requests.Response:
    body = {"workflow": prompt(n5_steps=2) if workflow is None else workflow, **more}
    return call(app, "POST", "/jobs", cookie, json=body, headers={"Idempotency-Key": key})


def job(app: RunningApp, job_id: str, cookie: str = ANN) -> Json:
    return told(call(app, "GET", f"/jobs/{job_id}", cookie))


def ended(app: RunningApp, job_id: str, cookie: str = ANN) -> Json:
    """Wait for a job's end, and return it."""
    eventually(lambda: job(app, job_id, cookie)["status"] in FINAL)
    return job(app, job_id, cookie)


def events(app: RunningApp, path: str, cookie: str = ANN) -> Iterator[Event]:
    """Yield the events of a job until the app ends the stream."""
    with requests.get(
        app.url + path, cookies=cookie_of(cookie), stream=True, timeout=LONGEST_WAIT
    ) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        name = ""
        for line in answer.iter_lines(decode_unicode=True):
            kind, _, value = line.partition(": ")
            if kind == "event":
                name = value
            elif kind == "data":
                yield name, json.loads(value)


def image() -> bytes:
    """Return a small image in a random color."""
    return saved("PNG", Image.new("RGB", (8, 8), f"#{secrets.token_hex(3)}"))


def hash_of(content: bytes) -> str:
    return f"blake3:{blake3(content).hexdigest()}"


def upload(
    app: RunningApp,
    content: bytes,
    name: str = "a.png",
    cookie: str = ANN,
    key: str = "",
    **more: str,
) -> requests.Response:
    fields = {"content_type": "image/png", "file_path": name, **more}
    sent = {"data": fields, "files": {"file": (name, content)}}
    return call(app, "POST", "/assets", cookie, headers={"Idempotency-Key": key}, **sent)


def inverted(reference: object) -> Json:
    """Return a workflow that inverts an image."""
    return {
        "1": {"class_type": "LoadImage", "inputs": {"image": reference}},
        "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
        "3": {"class_type": "SaveImage", "inputs": {"filename_prefix": "x", "images": ["2", 0]}},
    }


def reference(asset_id: str) -> Json:
    return {"__type": "core/ASSET", "info": {"id": asset_id}}
