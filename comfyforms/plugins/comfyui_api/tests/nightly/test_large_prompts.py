"""Prompts with a large text, such as an image as base64, never take all of the app's memory."""

from __future__ import annotations

from pathlib import Path

from comfy.media.checks import MIB
from comfyforms.plugins.comfyui_api.tests.api_calls import call, ended, refused, send, told
from tests.support.http_client import BOB
from tests.support.samples.shipped import prompt
from tests.support.serving import running_demo_app
from tests.support.waiting import eventually


def test_the_size_of_large_prompts_is_limited() -> None:
    """Large prompts have a limit while they wait, in the queue's answer and in the history's."""
    with running_demo_app(step_seconds=2) as (demo, app):
        ids = [send(app, nodes=prompt(n2_text=f"{at}" + "€" * 2 * MIB)) for at in range(5)]
        queue = told(app, "/queue")
        waiting = [*queue["queue_running"], *queue["queue_pending"]]
        assert [one[1] for one in waiting] == ids
        assert [bool(one[2]) for one in waiting] == [True] * 3 + [False] * 2
        larger = prompt(n2_text="x" * 17 * MIB)
        large = [send(app, nodes=larger) for _ in range(3)]
        assert refused(app, 429, prompt=larger)["error"]["message"].startswith("The queue is full.")
        call(app, "POST", "/queue", {"delete": [*large, send(app, BOB, nodes=larger)]})
        demo.speed.step = 0
        for one in ids:
            ended(app, one)
        assert [*told(app, "/history")] == ids[1:]
        first = told(app, "/api/v1/runs")
        assert [one["id"] for one in first["runs"]] == ids[:2:-1]
        rest = told(app, f"/api/v1/runs?cursor={first['next']}")
        assert [one["id"] for one in rest["runs"]] == ids[2:0:-1]


def test_large_prompts_count_after_a_restart(tmp_path: Path) -> None:
    large = prompt(n2_text="x" * 17 * MIB)
    with running_demo_app(step_seconds=2, data=tmp_path) as (_, app):
        send(app)
        eventually(lambda: told(app, "/queue")["queue_running"])
        for _ in range(3):
            send(app, nodes=large)
        app.server.should_exit = True
    with running_demo_app(step_seconds=2, data=tmp_path) as (_, app):
        refused(app, 429, prompt=large)
        call(app, "POST", "/queue", {"clear": True})
