"""Batches and chains don't start if one choice needs a different server than the rest."""

from __future__ import annotations

from tests.comfyui.servers.test_conflicts import (
    MODEL,
    SAMPLER,
    VALUES,
    WORKFLOW,
    hidden,
    prompts,
    two_servers,
)
from tests.support.serving import running_app
from tests.ui.api.api_calls import call, problem


def test_scripts_get_an_error_and_nothing_runs() -> None:
    """The app answers 422 with the fields and the rows."""
    body = {"values": VALUES, "axes": [{"field": SAMPLER, "text": "euler, ddim"}]}
    with two_servers() as (one, other), running_app(*hidden(one, other)) as app:
        with call(app, "POST", f"/workflows/{WORKFLOW}/batches", json=body) as answer:
            told = problem(answer, 422)
        assert {one["field"]: one["row"] for one in told["problems"]} == {MODEL: 2, SAMPLER: 2}
        with call(app, "GET", "/batches") as answer:
            assert answer.json()["batches"] == []
        assert prompts(one, other) == 0
