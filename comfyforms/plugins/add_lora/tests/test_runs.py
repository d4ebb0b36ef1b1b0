"""Runs with LoRAs that the author of the workflow didn't wire."""

from __future__ import annotations

from typing import Any

from comfy.records.record import Job
from tests.support.http_client import ANN
from tests.support.serving import running_demo_app
from tests.ui.api.api_calls import QUICK, call, run_of

ROWS = [{"on": True, "lora": "demo-ink-lines.safetensors", "strength": 0.8}]
RUNS = "/workflows/text-to-image/runs"


def test_programs_give_rows_like_any_value() -> None:
    """The prompt has the loader, and the run keeps the rows as a value. A run without rows has none
    among its details."""
    with running_demo_app(step_seconds=0) as (_, app):
        form = call(app, "GET", "/workflows/text-to-image").json()
        (field,) = (one for one in form["fields"] if one["key"] == "loras.rows")
        assert (field["label"], field["widget"]) == ("LoRAs", "rows")

        def started(**values: object) -> tuple[Job, dict[str, Any]]:
            run = run_of(app, values={**QUICK, **values})["id"]
            told = call(app, "GET", f"/runs/{run}?with_page=true").json()
            return app.runs.record(run, f"browser:{ANN}").job, dict(told["page"]["details"])

        plain, details = started()
        assert "LoraLoader" not in [one["class_type"] for one in plain.prompt.values()]
        assert "LoRAs" not in details
        styled, details = started(**{"loras.rows": ROWS})
        (loader,) = (n for n in styled.prompt.values() if n["class_type"] == "LoraLoader")
        assert loader["inputs"]["lora_name"] == ROWS[0]["lora"]
        assert styled.values["loras.rows"] == ROWS
        assert details["LoRAs"].startswith("demo-ink-lines")
        wrong = {"values": {"loras.rows": [{**ROWS[0], "lora": "nowhere.safetensors"}]}}
        answer = call(app, "POST", RUNS, json=wrong)
        assert (answer.status_code, [*answer.json()["errors"]]) == (422, ["loras.rows"])
