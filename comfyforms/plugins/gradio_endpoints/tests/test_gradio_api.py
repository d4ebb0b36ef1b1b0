"""Runs for scripts: Gradio's API, called by its own client and by hand."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from gradio_client import Client
from PIL import Image

from comfy.records.groups import Group
from tests.support.gradio_calls import script_client
from tests.support.http_client import get
from tests.support.serving import Served, running_demo_app
from tests.support.waiting import LONGEST_WAIT, eventually


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path) -> Iterator[Served]:
    """Run an app on a fast server."""
    with running_demo_app(step_seconds=0.005) as served:
        yield served


@pytest.fixture
def caller(served: Served) -> Iterator[Client]:
    """Yield a gradio_client that is connected to the app."""
    client = script_client(served[1].url)
    yield client
    client.close()


def results_of(caller: Client, workflow: str, values: dict[str, Any]) -> dict[str, Any]:
    """Run a workflow and return its last answer."""
    return dict(caller.predict(workflow, values, api_name="/run"))


def test_the_workflows_are_listed(caller: Client) -> None:
    """A script can list the workflows and see whether they are usable."""
    listed = caller.predict(api_name="/workflows")
    assert {"name": "text-to-image", "title": "Text to image", "problem": ""} in listed


def test_a_run_reports_and_ends_with_its_files(served: Served, caller: Client) -> None:
    """The script gets progress as it happens. The last answer names the files and the seed."""
    demo, _ = served
    job = caller.submit(
        "text-to-image", {"5.steps": 5, "2.text": "a cat", "5.seed": 2**64 - 1}, api_name="/run"
    )
    answers = list(job)
    last = answers[-1]
    assert last["started_at"] < last["finished_at"]
    assert not last.keys() & {"prompt_id", "node_errors"}, "the server's own words stay here"
    assert last["phase"] == "done"
    assert last["files"][0].startswith(f"/files/{last['run']}/0/")
    prompt = demo.queue.history_of(last["run"])[last["run"]]["prompt"][2]
    assert prompt["2"]["inputs"]["text"] == "a cat"
    assert prompt["5"]["inputs"]["seed"] == 2**64 - 1


def test_a_file_travels_in_an_address(served: Served, caller: Client) -> None:
    """The script sends an image as a data URL, and the image reaches the server."""
    demo, _ = served
    data = io.BytesIO()
    Image.new("RGB", (64, 48), "#20c040").save(data, "PNG")
    image = "data:image/png;base64," + base64.b64encode(data.getvalue()).decode()
    run = results_of(caller, "image-to-image", {"8.steps": 1, "4.image": image})["run"]
    name = demo.queue.history_of(run)[run]["prompt"][2]["4"]["inputs"]["image"]
    path = demo.storage.find(name)
    assert path is not None
    assert Image.open(path).size == (64, 48)


@pytest.mark.parametrize(
    ("workflow", "values", "said"),
    [
        ("nothing", {}, "not found"),
        ("text-to-image", {"5.steps": "many", "4.width": 7}, "Width"),
        ("image-to-image", {"4.image": "comfyforms/somebody/else.png"}, ": Send the file itself."),
    ],
)
def test_wrong_calls_get_a_reason(
    caller: Client, workflow: str, values: dict[str, Any], said: str
) -> None:
    """A script gets the same sentences as a user of the page."""
    with pytest.raises(Exception, match=said):
        results_of(caller, workflow, values)


def test_only_endpoints_for_scripts_are_offered(caller: Client) -> None:
    """The API lists runs, batches, chains and workflows, but none of the page's own handlers."""
    endpoints = caller.view_api(return_format="dict", print_info=False)
    listed = set(endpoints["named_endpoints"])
    assert {"/run", "/batch", "/chain", "/workflows", "/text_to_image"} < listed
    assert "/endpoint" not in listed
    assert not endpoints["unnamed_endpoints"]


def test_a_canceled_call_ends_its_run(served: Served, caller: Client) -> None:
    """If a script cancels its call, the app ends the run on the server."""
    demo, app = served
    job = caller.submit("text-to-image", {"5.steps": 60, "4.batch_size": 8}, api_name="/run")
    next(iter(job))
    job.cancel()
    for run in app.runs.known():
        for _ in run.watch(timeout=LONGEST_WAIT):
            pass
    eventually(lambda: demo.queue.remaining() == 0)


@pytest.mark.parametrize("values", [None, [], 7, "6.text"])
def test_values_must_be_an_object(caller: Client, values: Any) -> None:
    """A caller that sends anything else gets an error that names the expected format."""
    with pytest.raises(Exception, match="JSON object"):
        results_of(caller, "text-to-image", values)


def test_a_batch_reports_and_ends_with_its_rows(served: Served, caller: Client) -> None:
    """The app sends progress while the batch runs. The last answer has each row's outcome."""
    spec = {"axes": [{"field": "5.steps", "text": "1..2"}, {"field": "5.cfg", "text": "7, 8"}]}
    answers = list(caller.submit("text-to-image", {"5.seed": 3}, spec, api_name="/batch"))
    last = answers[-1]
    assert [one["done"] for one in answers] == sorted(one["done"] for one in answers)
    assert (last["state"], last["rows"], last["done"]) == ("done", 4, 4)
    assert [(one["number"], one["values"], one["state"]) for one in last["results"]] == [
        (1, {"5.steps": "1", "5.cfg": "7"}, "done"),
        (2, {"5.steps": "1", "5.cfg": "8"}, "done"),
        (3, {"5.steps": "2", "5.cfg": "7"}, "done"),
        (4, {"5.steps": "2", "5.cfg": "8"}, "done"),
    ]
    jobs = {run.id: run.record.job for run in served[1].runs.known()}
    for row in last["results"]:
        assert row["files"][0].startswith(f"/files/{row['run']}/0/")
        assert jobs[row["run"]].prompt["5"]["inputs"]["seed"] == 3


def test_a_text_changed_by_several_axes_is_shown_whole(caller: Client) -> None:
    """The script can then tell the rows apart."""
    axes = [{"field": "2.text", "text": "boats\nseas"}, {"field": "2.text", "replace": "s\nt"}]
    spec = {"axes": axes}
    rows = caller.predict("text-to-image", {"5.steps": 1}, spec, api_name="/batch")["results"]
    assert [row["values"]["2.text"] for row in rows] == ["boats", "boatt", "seas", "teat"]


def test_a_batch_ends_with_its_caller(served: Served, caller: Client) -> None:
    """When the caller cancels the call, the app stops the batch and starts no more rows. Without a
    cookie, it deletes the batch."""
    spec = {"axes": [{"field": "5.seed", "text": "1..500"}]}
    job = caller.submit("text-to-image", {"5.steps": 20}, spec, api_name="/batch")
    eventually(lambda: job.outputs())
    job.cancel()
    eventually(lambda: not groups_of_nobody(served))
    eventually(lambda: not served[1].services.batches.recent("browser:"))


def test_a_batch_that_gives_up_is_stopped_with_a_reason(served: Served, caller: Client) -> None:
    """No caller remains who could resume the batch, and it takes no place in the queue. The app
    deletes a batch that its owner couldn't find again."""
    spec = {"axes": [{"field": "5.seed", "text": "1..9"}]}
    broken = {"1.ckpt_name": "demo-broken.safetensors"}
    last = caller.predict("text-to-image", broken, spec, api_name="/batch")
    assert (last["state"], last["done"], bool(last["why"])) == ("stopped", 0, True)
    assert {row["state"] for row in last["results"]} == {"failed", "stopped"}
    eventually(lambda: served[1].services.batches.recent("browser:") == ())
    assert groups_of_nobody(served) == ()


def groups_of_nobody(served: Served) -> tuple[Group, ...]:
    """Return the batches that the history keeps for clients without a cookie."""
    history = served[1].runs.history
    return tuple(history.groups.of("browser:", "batch"))


def test_a_chain_reports_and_ends_with_its_results(served: Served, caller: Client) -> None:
    """The app sends each step's progress while the chain runs. It deletes a chain that its owner
    couldn't find again, but the results stay available by address. The same call from another
    caller runs every step again, and no run links to another caller's runs."""
    values = {"detail.runs": False, "base.5.steps": 2, "base.5.seed": 3}
    answers = list(caller.submit("create-upscale-detail.chain", values, api_name="/chain"))
    last = answers[-1]
    assert {one["state"] for one in answers[:-1]} == {"running"}
    assert (last["state"], last["why"]) == ("done", "")
    assert [(one["name"], one["state"]) for one in last["steps"]] == [
        ("base", "done"),
        ("upscale", "done"),
    ]
    assert [one["step"] for one in last["results"]] == ["base", "upscale"]
    for one in last["results"]:
        fetched = requests.get(served[1].url + one["files"][0], timeout=LONGEST_WAIT)
        assert fetched.headers["content-type"] == "image/png"
    assert served[1].services.chains.recent("browser:") == ()
    other = caller.predict("create-upscale-detail.chain", values, api_name="/chain")
    made = {one["run"] for one in (*last["results"], *other["results"])}
    assert len(made) == 4, "strangers share no results"
    for run in made:
        told = get(served[1], f"/api/v1/runs/{run}?with_page=true", cookie="").json()
        assert (told["page"]["made_from"], told["page"]["used_for"]) == ([], []), (
            "it may be another stranger's"
        )


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("no-such", {}, "no-such"),
        ("create-upscale-detail.chain", [], "JSON object"),
        ("create-upscale-detail.chain", {"base.5.stepps": 2}, "There is no field .base.5.stepps"),
        ("create-upscale-detail.chain", {"base.5.steps": 0}, "Steps"),
    ],
)
def test_a_wrong_chain_is_refused_in_words(
    served: Served, caller: Client, name: str, values: Any, said: str
) -> None:
    """The app reports the problem and starts no run."""
    before = len(served[1].runs.known())
    with pytest.raises(Exception, match=said):
        caller.predict(name, values, api_name="/chain")
    assert len(served[1].runs.known()) == before


def test_a_chain_ends_with_its_caller(served: Served, caller: Client) -> None:
    """When the caller cancels the call, the app stops the chain."""
    values = {"base.5.steps": 60, "base.4.batch_size": 8}
    job = caller.submit("create-upscale-detail.chain", values, api_name="/chain")
    eventually(lambda: job.outputs())
    job.cancel()
    eventually(lambda: served[0].queue.remaining() == 0)
    eventually(lambda: served[1].services.chains.recent("browser:") == ())
