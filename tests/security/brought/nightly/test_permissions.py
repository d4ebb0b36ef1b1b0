"""Inputs hidden by an author, and the administrator's allowlist of nodes, bind every caller."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from comfy.base.errors import WorkflowError
from comfy.form.build import build_form
from comfy.launch.uploads import Upload
from comfy.library.permissions import Permissions
from comfy.runs.interface import Origin, RunPolicy
from tests.security.brought.calls import ANNS, BOBS, RESULT, SECRET, SHOW, bring, drawn
from tests.support.gradio_calls import PageCalls, script_client
from tests.support.http_client import ANN, BOB, finished, get, post
from tests.support.samples.forms import node
from tests.support.samples.media import saved
from tests.support.serving import WORKFLOWS, RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the shipped workflows, and hide and link inputs that callers must not set."""
    folder = Path(shutil.copytree(WORKFLOWS, tmp_path_factory.mktemp("a") / "workflows"))
    toml = folder / "text-to-image.toml"
    steps = '[fields."Sampler.steps"]\ngroup = '
    text = toml.read_text("utf-8").replace(f'{steps}"advanced"', f'{steps}"hidden"')
    assert f'{steps}"hidden"' in text
    toml.write_text(text, "utf-8")
    linked = {
        "0": node("PrimitiveString", value="example.png"),
        "1": node("LoadImage", image=["0", 0]),
        "2": SHOW,
    }
    (folder / "linked.json").write_text(json.dumps(linked), "utf-8")
    return folder


@pytest.fixture(scope="module")
def offering(own_temporary_folder: Path, folder: Path) -> Iterator[RunningApp]:
    """Run an app with these workflows."""
    with running_demo_app(step_seconds=0, workflows=folder) as (_, app):
        yield app


@pytest.fixture
def hiding(offering: RunningApp, nothing_left_behind: None) -> Iterator[RunningApp]:
    yield offering
    offering.close_idle()


@pytest.mark.parametrize(
    ("workflow", "values", "says"),
    [
        ("text-to-image", {"5.steps": 60}, "The workflow's author has set this."),
        ("text-to-image", {"5.steps": 20}, "The workflow's author has set this."),
        ("text-to-image", {"4.width": 4096}, "Maximum 1024."),
        ("text-to-image", {"4.batch_size": 9}, "Maximum 8."),
        ("text-to-image", {"1.ckpt_name": "other.safetensors"}, "Choose another."),
        ("text-to-image", {"5.more": 1}, "no field"),
        ("linked", {"0.value": RESULT}, "The workflow's author has set this."),
        ("linked", {"1.image": SECRET}, "no field"),
    ],
)
def test_finding_26_the_authors_limits_bind_every_caller(
    hiding: RunningApp, workflow: str, values: dict[str, Any], says: str
) -> None:
    """A script can't set a hidden input or exceed a limit. The error names the field."""
    caller = script_client(hiding.url)
    try:
        with pytest.raises(Exception, match=says):
            caller.predict(workflow, values, api_name="/run")
    finally:
        caller.close()
    assert not hiding.services.runs.line_of(BOBS)


def test_finding_26_the_page_cannot_set_hidden_inputs(hiding: RunningApp) -> None:
    """Neither the page's address nor values kept in the browser can set the input. The run uses the
    author's value."""
    page = PageCalls(hiding, BOB).open(
        "text-to-image", linked={"5.steps": "60"}, kept={"5.steps": 60}
    )
    run = hiding.services.runs.get(page.said(page.press())["run"], BOBS)
    assert run.job.prompt["5"]["inputs"]["steps"] != 60
    finished(run)


def test_finding_02_only_the_authors_text_becomes_a_file_name(hiding: RunningApp) -> None:
    """The administrator's own link from a text to a loader works, but only with the administrator's
    text."""
    _, form = hiding.services.forms.form("linked", BOBS)
    assert form.field("0.value").group == "hidden"
    run = finished(
        hiding.services.starter.start(
            "linked", {}, Origin(BOBS), RunPolicy(deadline=LONGEST_WAIT, watched=False)
        )
    )
    assert run.job.prompt["0"]["inputs"]["value"] == "example.png"


@pytest.fixture(scope="module")
def openers() -> set[str]:
    return set()


@pytest.fixture
def permitted(openers: set[str]) -> set[str]:
    openers |= {ANNS, BOBS}
    return openers


@pytest.fixture(scope="module")
def asking(own_temporary_folder: Path, openers: set[str], folder: Path) -> Iterator[RunningApp]:
    """Run an app in which the users in `openers` may open workflows. Users may keep workflows but
    aren't trusted."""
    permissions = Permissions(
        open=openers.__contains__,
        keep=lambda _: True,
        nodes=frozenset({"LoadImage", "SaveImage"}),
    )
    with running_demo_app(step_seconds=0, workflows=folder, permissions=permissions) as (_, app):
        yield app


@pytest.fixture
def strict(
    asking: RunningApp, permitted: set[str], nothing_left_behind: None
) -> Iterator[RunningApp]:
    yield asking
    asking.close_idle()


NO = "Opening your own workflows is turned off"


def test_finding_09_with_opening_off_opened_files_are_refused(
    strict: RunningApp, permitted: set[str]
) -> None:
    """The app refuses the workflow on every path: the route, the form, its address, a script, a
    kept copy, the history and a rerun."""
    name = bring(strict, {"1": node("LoadImage", image=""), "2": SHOW}).json()["name"]
    image = Upload("b.png", saved("PNG"))
    run = finished(
        strict.services.starter.start(
            name, {"1.image": image}, Origin(BOBS), RunPolicy(deadline=LONGEST_WAIT, watched=False)
        )
    )
    permitted.remove(BOBS)
    refused = [
        bring(strict, {"1": SHOW}),
        post(strict, f"/api/v1/workflows/{name}/keep", BOB),
        post(strict, f"/api/v1/runs/{run.id}/again", BOB),
        get(strict, f"/api/v1/runs/{run.id}/values", BOB),
    ]
    assert [answer.status_code for answer in refused] == [422, 422, 422, 422]
    assert all(NO in answer.text for answer in refused)
    assert NO in json.dumps(drawn(strict, name).components)
    with pytest.raises(WorkflowError, match=NO):
        strict.services.starter.start(name, {"1.image": image}, Origin(BOBS))
    assert bring(strict, {"1": SHOW}, ANN).ok


def test_finding_09_a_script_opens_nothing_where_it_may_not(
    strict: RunningApp, permitted: set[str]
) -> None:
    """The scripts' endpoint refuses the workflow's name with the same error."""
    permitted.clear()
    caller = script_client(strict.url)
    try:
        with pytest.raises(Exception, match=NO):
            caller.predict("~0123456789abcdef", {}, api_name="/run")
    finally:
        caller.close()


@pytest.mark.parametrize("who", [ANN, BOB])
def test_finding_09_the_open_button_needs_the_permission(
    strict: RunningApp, permitted: set[str], who: str
) -> None:
    """When the page loads, the app tells it whether the user may open workflows."""
    permitted.remove(BOBS)
    page = PageCalls(strict, who)
    answer = page.call(page.load, {"name": "upscale"}).json()["data"]
    button = page.component("open")
    assert button["props"]["visible"] is False
    assert answer[page.load["outputs"].index(button["id"])].get("visible") is (who == ANN)


def test_finding_09_opened_workflows_use_listed_nodes_only(strict: RunningApp) -> None:
    """The error names the node that isn't listed. Workflows in the administrator's folder may use
    any node."""
    name = bring(
        strict, {"1": node("LoadImage", image=""), "2": SHOW, "3": node("ExecPython", code="1")}
    ).json()["name"]
    assert "use “ExecPython”" in json.dumps(drawn(strict, name).components, ensure_ascii=False)
    with pytest.raises(WorkflowError, match="can't use “ExecPython”"):
        strict.services.starter.start(name, {}, Origin(BOBS))
    finished(
        strict.services.starter.start(
            "text-to-image", {}, Origin(BOBS), RunPolicy(deadline=LONGEST_WAIT, watched=False)
        )
    )


def test_finding_09_a_workflow_shared_by_a_user_names_no_file(
    strict: RunningApp, folder: Path
) -> None:
    """A workflow in the folder counts as the operator's. The app keeps only a workflow that names
    no file."""
    before = sorted(folder.iterdir())
    for image in (SECRET, RESULT, {"__value__": RESULT}, ["3", 0]):
        name = bring(strict, {"1": node("LoadImage", image=image), "2": SHOW}).json()["name"]
        assert "uses server files" in post(strict, f"/api/v1/workflows/{name}/keep", BOB).text
    name = bring(strict, {"1": node("NotInstalled", image="a.png"), "2": SHOW}).json()["name"]
    assert (
        "nodes that the server doesn't have"
        in post(strict, f"/api/v1/workflows/{name}/keep", BOB).text
    )
    assert sorted(folder.iterdir()) == before
    name = bring(strict, {"1": node("LoadImage", image=""), "2": SHOW}).json()["name"]
    kept = post(strict, f"/api/v1/workflows/{name}/keep", BOB).json()["name"]
    assert (
        build_form(strict.services.folder.get(kept), strict.services.forms.catalog.get())
        .field("1.image")
        .default
        == ""
    )
