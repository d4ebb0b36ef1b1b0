"""Jobs of Comfy API v2: started, followed, canceled, and refused."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import pytest

from comfyforms.plugins.comfy_api_v2.documents import PATH
from comfyforms.plugins.comfy_api_v2.tests.calls import (
    call,
    ended,
    events,
    inverted,
    job,
    reference,
    refused,
    submit,
    told,
)
from tests.support.http_client import ANN, BOB
from tests.support.samples.shipped import prompt
from tests.support.serving import RunningApp, Served, running_demo_app
from tests.support.waiting import eventually

LONG = prompt(n5_steps=2000)


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path) -> Iterator[Served]:
    """Serve an app on a server that takes some time."""
    with running_demo_app(step_seconds=0.03) as served:
        yield served


def test_a_job_tells_its_events_and_its_outputs(app: RunningApp) -> None:
    """The links lead on, and the stream ends with the final status, after the outputs."""
    started = told(submit(app, prompt(n5_steps=25)), 201)
    assert started["status"] in ("queued", "running")
    assert (started["outputs"], started["error"]) == ([], None)
    got = list(events(app, started["urls"]["events"]))
    names = [name for name, _ in got]
    assert names[0] == "status"
    assert got[-1] == ("status", {"status": "succeeded", "queue_position": None})
    assert {"progress", "preview"} <= {*names}
    previews = [data for name, data in got if name == "preview"]
    assert (previews[0]["node_id"], previews[0]["content_type"]) == ("5", "image/jpeg")
    steps = [data for name, data in got if name == "progress"]
    assert [one["value"] for one in steps] == sorted(one["value"] for one in steps)
    assert (steps[-1]["value"], steps[-1]["nodes_done"]) == (1.0, steps[-1]["nodes_total"])
    assert "KSampler" in {one["current_node_class"] for one in steps}
    (output,) = (data for name, data in got if name == "output")
    whole = told(call(app, "GET", started["urls"]["self"]))
    (kept,) = whole["outputs"]
    assert (kept["id"], kept["type"], kept["job_id"]) == (output["id"], "image", started["id"])
    content = call(app, "GET", kept["url"])
    assert len(content.content) == kept["size_bytes"]
    assert content.headers["content-type"] == kept["content_type"] == "image/png"
    part = call(app, "GET", kept["url"], headers={"range": "bytes=1-3"})
    assert (part.status_code, part.content) == (206, b"PNG")
    beyond = call(app, "GET", kept["url"], headers={"range": "bytes=99999999-"})
    assert beyond.status_code == 416
    assert list(events(app, started["urls"]["events"]))[-1][1]["status"] == "succeeded"
    ran = told(call(app, "GET", f"/jobs/{started['id']}/workflow"))
    assert ran == {"workflow": prompt(n5_steps=25), "format": "api"}


def test_an_output_is_an_input_of_the_next_job(app: RunningApp) -> None:
    first = ended(app, told(submit(app), 201)["id"])
    asset_id = first["outputs"][0]["id"]
    second = ended(app, told(submit(app, inverted(reference(asset_id))), 201)["id"])
    assert second["status"] == "succeeded"
    asset = told(call(app, "GET", f"/assets/{asset_id}"))
    assert (asset["job_id"], asset["hash"]) == (first["id"], None)
    refused(call(app, "DELETE", f"/assets/{asset_id}"), 409, "asset_in_use")
    foreign = submit(app, inverted(reference(asset_id)), BOB)
    assert refused(foreign, 422, "missing_asset") == {"missing_ids": [asset_id]}


def test_a_text_is_an_output(app: RunningApp) -> None:
    nodes = {
        "1": {"class_type": "PrimitiveString", "inputs": {"value": "a cät"}},
        "2": {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}},
    }
    (output,) = ended(app, told(submit(app, nodes), 201)["id"])["outputs"]
    assert (output["type"], output["node_id"], output["size_bytes"]) == ("text", "2", 6)
    assert call(app, "GET", output["url"]).content.decode() == "a cät"


def test_a_canceled_job_ends(app: RunningApp) -> None:
    """A running one, and one that waits. A second time changes nothing."""
    running, waiting = (told(submit(app, LONG), 201) for _ in range(2))
    for _ in takewhile(lambda event: event[0] != "preview", events(app, running["urls"]["events"])):
        pass
    assert job(app, waiting["id"])["queue_position"] == 1
    for one in (waiting, running):
        refused(call(app, "POST", one["urls"]["cancel"], BOB), 404, "not_found")
        canceled = told(call(app, "POST", one["urls"]["cancel"]))
        assert canceled["status"] in ("canceling", "canceled")
        assert ended(app, one["id"])["status"] == "canceled"
        assert told(call(app, "POST", one["urls"]["cancel"]))["status"] == "canceled"
    eventually(lambda: not app.runs.line_of(f"browser:{ANN}"))


def test_a_failed_job_says_why(app: RunningApp) -> None:
    failed = prompt(n5_steps=2)
    failed["5"]["inputs"]["denoise"] = "x"
    details = refused(submit(app, failed), 422, "invalid_workflow")
    assert details["node_errors"]["5"]["errors"][0]["type"] == "invalid_input_type"


def test_a_key_starts_one_job(app: RunningApp) -> None:
    """A repeat is refused with any content. A refused request leaves its key free."""
    key = str(uuid.uuid4())
    refused(submit(app, {}, key=key), 422, "invalid_workflow")
    first = told(submit(app, key=key), 201)
    for nodes in (None, LONG):
        details = refused(submit(app, nodes, key=key), 422, "idempotency_key_reuse")
        assert details == {"ids": [first["id"]]}
    other = told(submit(app, cookie=BOB, key=key), 201)
    assert other["id"] != first["id"]
    refused(submit(app, key="k" * 256), 422, "invalid_request")


def test_a_key_that_is_being_used_can_be_sent_again(app: RunningApp) -> None:
    """The process that took it may have died: nothing was started, so there is no job to find."""
    key, same = str(uuid.uuid4()), json.dumps(["job", PATH, {}], sort_keys=True)
    taken = app.runs.history.requests.begin(f"browser:{ANN}", key, same)
    answer = submit(app, key=key)
    refused(answer, 429, "queue_full")
    assert int(answer.headers["retry-after"]) > 0
    app.runs.history.requests.failed(taken)
    told(submit(app, key=key), 201)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid_workflow"),
        ({"workflow": []}, "invalid_workflow"),
        ({"workflow": {"1": {"class_type": "Nope", "inputs": {}}}}, "invalid_workflow"),
        ({"workflow": {"nodes": [], "links": []}}, "workflow_format_ui"),
        ({"workflow": inverted({"__type": "core/ASSET"})}, "missing_asset"),
        ({"workflow": inverted(reference("any"))}, "missing_asset"),
        ({"workflow": prompt(), "extra_data": {"other": "x"}}, "invalid_request"),
        ({"workflow": prompt(), "extra_data": {"api_key_comfy_org": None}}, "invalid_request"),
        ({"workflow": prompt(), "webhook_url": "https://example.org"}, "invalid_request"),
        ({"workflow": prompt(), "metadata": {"client": "x"}}, "metadata_not_supported"),
        ([], "invalid_request"),
    ],
)
def test_refusals_have_the_codes_of_the_api(app: RunningApp, body: object, code: str) -> None:
    refused(call(app, "POST", "/jobs", json=body), 422, code)


def test_strangers_find_no_job(app: RunningApp) -> None:
    """Another user's is as unknown as one that never was."""
    started = told(submit(app), 201)["id"]
    for job_id in (started, str(uuid.uuid4()), "x"):
        texts = {
            call(app, method, f"/jobs/{job_id}{rest}", BOB).text
            for method, rest in (("GET", ""), ("GET", "/workflow"), ("GET", "/events"))
        }
        assert len(texts) == 1
        refused(call(app, "GET", f"/jobs/{job_id}", BOB), 404, "not_found")
    ended(app, started)


def test_other_sites_start_no_job(app: RunningApp) -> None:
    headers = {"Origin": "https://evil.example"}
    answer = call(app, "POST", "/jobs", json={"workflow": prompt()}, headers=headers)
    assert answer.json()["error"]["code"] in ("unauthorized", "forbidden")


def test_a_user_has_a_number_of_streams(app: RunningApp) -> None:
    """Polling still works."""
    started = told(submit(app, LONG), 201)
    calls = app.services.rooms.calls
    person, calls.person = calls.person, 0
    try:
        answer = call(app, "GET", started["urls"]["events"])
        refused(answer, 429, "too_many_streams")
        refused(submit(app), 429, "queue_full")
        assert int(answer.headers["retry-after"]) > 0
        assert job(app, started["id"])["status"] in ("queued", "running")
    finally:
        calls.person = person
