"""Repeatable rows for programs: the form's schema, runs and batches."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from comfyui_standin import DemoServer
from tests.support.samples.rows import DEMO_LORAS, LORA_IMAGE
from tests.support.serving import RunningApp, Served, running_app
from tests.ui.api.api_calls import call, problem, run_of

LIGHT, INK = DEMO_LORAS
ROWS = [{"on": True, "lora_name": LIGHT, "strength": 0.25}, {"lora_name": INK}]
SENT = [ROWS[0], {"on": True, "lora_name": INK, "strength": 1.0}]
START = "/workflows/loras"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve an app with a workflow that has rows."""
    folder: Path = tmp_path_factory.mktemp("workflows")
    (folder / "loras.json").write_text(json.dumps(LORA_IMAGE))
    with DemoServer(step_seconds=0) as demo, running_app(demo.url, workflows=folder) as app:
        yield demo, app


def inputs_of(served: Served, run_id: str) -> dict[str, object]:
    """Return the inputs of a run's rows, as the server received them."""
    demo, app = served
    (prompt_id,) = [run.state.prompt_id for run in app.runs.known() if run.id == run_id]
    assert prompt_id
    inputs = demo.queue.history_of(prompt_id)[prompt_id]["prompt"][2]["20"]["inputs"]
    return {name: value for name, value in inputs.items() if name.startswith("loras.")}


def test_the_schema_of_rows_accepts_what_a_run_takes(app: RunningApp) -> None:
    """Programs find the columns, their limits and the author's rows in the form's document."""
    schema = call(app, "GET", START).json()["schema"]
    rows = schema["properties"]["20.loras"]
    jsonschema.validate({"20.loras": ROWS}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"20.loras": [{"lora_name": "gone"}]}, schema)
    assert (rows["minItems"], rows["maxItems"], len(rows["default"])) == (0, 6, 2)
    assert [*rows["items"]["properties"]] == ["on", "lora_name", "strength"]


def test_a_run_gets_rows_as_a_list(served: Served) -> None:
    """The run's values repeat them as they were sent."""
    _, app = served
    run = run_of(app, "loras", {"20.loras": ROWS})
    assert (run["phase"], run["values"]["20.loras"]) == ("done", SENT)
    assert inputs_of(served, run["id"]) == {
        f"loras.{number}.{name}": value
        for number, row in enumerate(SENT)
        for name, value in row.items()
    }


def test_an_error_names_the_row(app: RunningApp) -> None:
    """The message has the row's number and the column."""
    wrong = {"values": {"20.loras": [ROWS[0], {"lora_name": INK, "strength": 200}]}}
    with call(app, "POST", f"{START}/runs", json=wrong) as answer:
        errors = problem(answer, 422)["errors"]
    assert errors == {"20.loras": "LoRA 2: Strength: Maximum 100."}


def test_a_batch_varies_rows(app: RunningApp) -> None:
    """Each value is a list of rows, or its JSON text; a table's cell has the JSON."""
    axes = [{"field": "20.loras", "values": [ROWS, [], json.dumps(ROWS[:1])]}]
    with call(app, "POST", f"{START}/batches?wait=true", json={"axes": axes}) as batch:
        listed = call(app, "GET", f"{batch.json()['url']}/rows").json()["rows"]
    assert [len(row["run"]["values"]["20.loras"]) for row in listed] == [2, 0, 1]
    lines = f"20.loras\n{_cell(ROWS)}\n[]\n"
    table = {"name": "loras.csv", "text": lines}
    with call(app, "POST", f"{START}/batches?wait=true", json={"table": table}) as batch:
        listed = call(app, "GET", f"{batch.json()['url']}/rows").json()["rows"]
        results = call(app, "GET", f"{batch.json()['url']}/results.csv").text
    assert [row["run"]["values"]["20.loras"] for row in listed] == [SENT, []]
    assert _cell(SENT) in results


def _cell(rows: object) -> str:
    return '"' + json.dumps(rows).replace('"', '""') + '"'
