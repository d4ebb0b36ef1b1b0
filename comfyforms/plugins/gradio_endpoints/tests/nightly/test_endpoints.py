"""Workflows as separate endpoints, called by Gradio's Python client and over plain HTTP."""

from __future__ import annotations

import json
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
import requests
from gradio_client import Client
from PIL import Image

from comfy.comfyui.protocol.run_state import Phase
from comfyforms.plugins.gradio_endpoints.tests import test_endpoints as twin
from comfyforms.plugins.gradio_endpoints.tests.test_endpoints import SMALL, events_of
from tests.attacks.people import PROMPT
from tests.security.signing_in import signed_in
from tests.support.gradio_calls import script_client
from tests.support.serving import Served, running_demo_app
from tests.support.waiting import LONGEST_WAIT, eventually
from ui.settings.web_settings import WebSettings

running, caller = twin.running, twin.caller


ANNA, BEN = ("anna", "lighthouse"), ("ben", "harbour")


def test_a_canceled_job_stops_its_run(served: Served, caller: Client) -> None:
    """The app and the server both stop the run, for a workflow and for a chain. No other run starts
    instead."""
    demo, app = served
    for _ in range(3):
        one_is_cancelled(served, caller)
    job = caller.submit(api_name="/frames_animation_chain")
    next(iter(job))
    job.cancel()
    eventually(lambda: app.services.chains.recent("browser:") == (), "the end of the chain")
    eventually(lambda: demo.queue.remaining() == 0, "the end at the server")


def one_is_cancelled(served: Served, caller: Client) -> None:
    """Cancel a call of a workflow's endpoint, and check that it was a single run, which stops."""
    demo, app = served
    known = set(app.runs.known())
    job = caller.submit(steps=60, images=8, api_name="/text_to_image")
    next(iter(job))
    job.cancel()
    eventually(lambda: job.done() and demo.queue.remaining() == 0, "the end at the server")
    (run,) = set(app.runs.known()) - known
    eventually(lambda: run.state.phase is Phase.STOPPED, "the end of the run")


def test_a_signed_in_script_calls_endpoints_as_its_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scripts sign in with name and password, as elsewhere, or get no access. A workflow that a
    user opened, and its runs, are for that user alone."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    settings = WebSettings(port=0, users=(ANNA, BEN))
    with running_demo_app(step_seconds=0, settings=settings) as (_, app):
        assert requests.get(f"{app.url}/config", timeout=LONGEST_WAIT).status_code == 401
        with signed_in(app, ANNA) as browser:
            own = f"{app.url}/api/v1/workflows?file=of%20her%20own.json"
            browser.post(own, json.dumps(PROMPT), timeout=LONGEST_WAIT).raise_for_status()
        with (
            closing(script_client(app.url, auth=ANNA, download_files=tmp_path)) as anna,
            closing(script_client(f"{app.url}/endpoints", auth=BEN)) as ben,
        ):
            assert events_of(anna).keys() - events_of(ben).keys() == {"/of_her_own"}
            text, _, texts, about = anna.predict("a text", api_name="/of_her_own")
            assert [text] == texts == ["a text"]
            assert app.runs.record(about["run"], f"user:{ANNA[0]}").state.phase is Phase.DONE
            made, *_ = anna.predict(**SMALL, api_name="/text_to_image")
            assert Image.open(made).format == "PNG"
            for login, status in ((ANNA, 200), (BEN, 404)):
                with signed_in(app, login) as browser:
                    run = f"{app.url}/api/v1/runs/{about['run']}"
                    assert browser.get(run, timeout=LONGEST_WAIT).status_code == status
