"""Calls that wait for a run when the app shuts down."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from gradio_client.exceptions import AppError
from openai import OpenAIError

from comfy.runs.interface import Origin
from tests.plugins.mcp.test_mcp import assistant, text_of
from tests.plugins.openai_images.conftest import client_of
from tests.support.gradio_calls import script_client
from tests.support.sampler import job
from tests.support.serving import RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT, awaited, eventually


def from_openai(app: RunningApp) -> str:
    with client_of(app, "any") as client, pytest.raises(OpenAIError) as refused:
        client.images.generate(prompt="a lighthouse")
    return str(refused.value)


def from_mcp(app: RunningApp) -> str:
    async def ask() -> str:
        async with assistant(app) as client:
            answer = await client.call_tool("run_workflow", {"workflow": "text-to-image"})
            assert answer.is_error
            return text_of(answer)

    return awaited(ask())


def from_gradio(app: RunningApp) -> str:
    client = script_client(app.url)
    with pytest.raises(AppError) as refused:
        client.predict(api_name="/text_to_image")
    client.close()
    return str(refused.value)


CALLS = (from_openai, from_mcp, from_gradio)


def test_calls_for_waiting_runs_get_the_reason() -> None:
    """The runs wait for the restart, so the calls have no result. They aren't told a place in the
    queue as if that were the end."""
    with (
        running_demo_app() as (demo, app),
        demo.hold("POST /prompt") as held,
        ThreadPoolExecutor() as threads,
    ):
        app.runs.submit(job(), Origin("me"))
        assert held.reached.wait(LONGEST_WAIT)
        calls = [threads.submit(call, app) for call in CALLS]
        eventually(lambda: app.runs.waiting == 1 + len(CALLS), "all runs wait")
        app.runs.close()
        for call in calls:
            assert "ComfyForms is shutting down" in call.result(LONGEST_WAIT)
