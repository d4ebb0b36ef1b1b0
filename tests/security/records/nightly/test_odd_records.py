"""Records in a form that the app doesn't write."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from comfy.comfyui.protocol.run_state import Phase
from comfy.records.serialization import from_text, to_text
from tests.support.http_client import ANN, finished, get, start
from tests.support.samples.histories import EVERYTHING, begun, bytes_kept
from tests.support.serving import RunningApp, changing
from tests.ui.api.page.test_history import SMALL, ask, kept_files, past
from ui.documents.history_docs import past_run
from ui.documents.page_runs import stage_run

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


def places(told: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path to every part of a JSON document except the root."""
    parts = (
        told.items()
        if isinstance(told, dict)
        else enumerate(told)
        if isinstance(told, list)
        else ()
    )
    for key, part in parts:
        yield (*path, key)
        yield from places(part, (*path, key))


@st.composite
def odd_records(draw: st.DrawFn) -> str:
    """Draw a record with parts that are missing, of another type, or unknown."""
    told = json.loads(to_text(EVERYTHING))
    for _ in range(draw(st.integers(1, 6))):
        *way, last = draw(st.sampled_from(list(places(told))))
        place = told
        for key in way:
            place = place[key]
        match draw(st.sampled_from(["change", "leave out", "add"])):
            case "leave out":
                del place[last]
            case "add" if isinstance(place, dict):
                place[draw(st.text(max_size=5))] = draw(JSON)
            case _:
                place[last] = draw(JSON)
        if not list(places(told)):
            break
    return json.dumps(told)


def with_targets(targets: object) -> str:
    """Return a record with other targets for the file's inputs."""
    told = json.loads(to_text(EVERYTHING))
    told["job"]["inputs"]["7.image"]["targets"] = targets
    return json.dumps(told)


@settings(max_examples=400)
@example(with_targets([[None], {}]))
@example(with_targets([[None]]))
@example(with_targets([["1"], [None, "image"], 3, ["2", "image"]]))
@given(odd_records() | JSON.map(json.dumps) | st.text())
def test_finding_17_records_of_another_shape_are_read(text: str) -> None:
    """A record may have missing, unknown or wrongly typed parts. It reads as a run that the app can
    list, show and write again, or raises ValueError."""
    try:
        record = from_text(text)
    except ValueError:
        return
    assert from_text(to_text(record)) is not None
    json.dumps(past_run(record).to_json())
    json.dumps(stage_run(record, now=time.time()).to_json())


def test_finding_17_defaults_replace_missing_values() -> None:
    """A damaged record lacks only the fields that are missing. A record of a newer version loses
    only the new fields."""
    told = json.loads(to_text(EVERYTHING))
    del (
        told["keeps_going"],
        told["state"]["node_errors"],
        told["job"]["inputs"],
        told["state"]["files"][0]["size"],
    )
    told["colour"], told["state"]["files"][0]["colour"], told["state"]["phase"] = (
        "red",
        "red",
        "melted",
    )
    record = from_text(json.dumps(told))
    file = replace(EVERYTHING.state.files[0], size=0)
    assert record.state.files == (file, EVERYTHING.state.files[1])
    assert record.state.error == EVERYTHING.state.error
    assert (record.keeps_going, record.state.node_errors, record.job.inputs) == (False, (), {})
    assert record.job.values == EVERYTHING.job.values
    assert record.state.phase is Phase.LOST


def test_finding_17_unreadable_runs_are_logged_once(
    no_traceback: None, forgetful: RunningApp, caplog: pytest.LogCaptureFixture
) -> None:
    """The app lists no unreadable run, logs one line for all of them, and doesn't try to resume
    them forever. Deleting a run removes its files."""
    app = forgetful
    history = app.services.runs.history
    runs = [finished(start(app, **SMALL, **{"5.seed": seed})) for seed in range(4)]
    with changing(app.data) as connection:
        connection.exec_driver_sql("UPDATE runs SET record = '[' || id")
    history.begin(begun("never ends", f"browser:{ANN}"))
    with changing(app.data) as connection:
        connection.exec_driver_sql("UPDATE runs SET record = '{}' WHERE id = 'never ends'")
    before = len(caplog.records)
    assert past(app) == []
    assert history.unfinished() == ()
    assert get(app, f"/api/v1/runs/{runs[0].id}?with_page=true").status_code == 404
    assert (
        len(
            [
                record
                for record in caplog.records[before:]
                if "unreadable run" in record.getMessage()
            ]
        )
        == 1
    )
    assert ask(app, "DELETE", f"/api/v1/runs/{runs[0].id}", "b" * 43).status_code == 404
    for run in runs:
        assert ask(app, "DELETE", f"/api/v1/runs/{run.id}").status_code == 200
    assert bytes_kept(kept_files(app)) == 0
    assert history.delete("never ends", f"browser:{ANN}")
