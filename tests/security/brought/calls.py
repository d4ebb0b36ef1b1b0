"""Opened workflows: posted and drawn the way the page does it."""

from __future__ import annotations

import json

import requests

from tests.support.gradio_calls import PageCalls
from tests.support.http_client import ANN, BOB
from tests.support.samples.forms import node
from tests.support.serving import RunningApp
from tests.support.waiting import LONGEST_WAIT

ANNS, BOBS = f"browser:{ANN}", f"browser:{BOB}"
RESULT = "ComfyUI_00001_.png [output]"
SECRET = "anna.png"
SHOW = node("SaveImage", images=["1", 0], filename_prefix="x")


def bring(app: RunningApp, prompt: object, cookie: str = BOB) -> requests.Response:
    """Drop a workflow on the page."""
    return post_data(app, "/api/v1/workflows?file=a.json", prompt, cookie)


def post_data(app: RunningApp, path: str, body: object, cookie: str) -> requests.Response:
    """POST JSON as this browser's page does."""
    cookies = PageCalls(app, cookie).cookies
    return requests.post(app.url + path, json.dumps(body), cookies=cookies, timeout=LONGEST_WAIT)


def drawn(app: RunningApp, name: str) -> PageCalls:
    """Draw the form of a workflow on Bob's page."""
    return PageCalls(app, BOB).open(name)
