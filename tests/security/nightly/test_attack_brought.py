"""Findings of the second attack on opened workflows and on calls to the administrator's
workflows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from comfy.base.errors import WorkflowError
from comfy.comfyui.protocol.outputs import read_outputs
from comfy.launch.start import FieldErrors
from comfy.launch.uploads import Upload, from_data_url
from comfy.library.forms import Forms
from comfy.library.permissions import Permissions
from comfy.records.record import Job
from comfy.runs.interface import Origin, RunPolicy
from comfyui_standin import DemoServer
from comfyui_standin.nodes.base import NodeClass, NodeResult, node_info, spec
from comfyui_standin.nodes.registry import NODES
from tests.support.http_client import ANN, BOB, finished, start
from tests.support.samples.forms import node
from tests.support.samples.graphs import graph
from tests.support.samples.graphs import graph_node as drawn
from tests.support.samples.media import saved
from tests.support.serving import PAINTED, RunningApp, running_app
from tests.support.waiting import LONGEST_WAIT

BOBS = f"browser:{BOB}"
ANNAS = {"filename": "ann_00001_.png", "subfolder": "", "type": "output"}


def shows(class_type: str, key: str) -> NodeClass:
    """Return an output node that shows its input under this key, as ComfyUI's Preview3D and
    CurveEditor do."""
    told = node_info(
        class_type, class_type, "x", required={"given": ["ANYTHING", {}]}, output_node=True
    )
    return NodeClass(lambda _: told, lambda _, inputs: NodeResult((), {key: [inputs["given"]]}))


def takes(class_type: str, name: str, **options: object) -> NodeClass:
    """Return an output node that takes a file of one kind."""
    told = node_info(
        class_type, class_type, "x", required={name: spec("COMBO", **options)}, output_node=True
    )
    return NodeClass(lambda _: told, lambda *_: NodeResult(), validated=frozenset({name}))


def chooses_image() -> NodeClass:
    """Return an output node with an option that takes an image."""
    options = [
        {"key": "quietly", "inputs": {}},
        {"key": "in an image", "inputs": {"required": {"image": ["IMAGE", {}]}}},
    ]
    how = {"how": ["COMFY_DYNAMICCOMBO_V3", {"options": options}]}
    told = node_info("Says", "Says", "x", required=how, output_node=True)
    return NodeClass(lambda _: told, lambda *_: NodeResult(), validated=frozenset({"how"}))


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path) -> Iterator[RunningApp]:
    """Run an app in front of a server with these nodes, on which Ann has generated an image."""
    extra = {"Preview3D": shows("Preview3D", "result"), "Odd": shows("Odd", "odd")}
    extra["Load3D"] = takes("Load3D", "model_file", options=["none"], file_upload=True)
    extra["Says"] = chooses_image()
    extra["PlaysVideo"] = takes("PlaysVideo", "file", options=["a.mp4"], video_upload=True)
    with (
        DemoServer(step_seconds=0, painted=PAINTED, nodes={**NODES, **extra}) as demo,
        running_app(demo.url) as app,
    ):
        anns = {
            "1": node("LoadImage", image=""),
            "2": node("SaveImage", images=["1", 0], filename_prefix="ann"),
        }
        name = app.services.forms.open(f"browser:{ANN}", "a.json", json.dumps(anns).encode()).name
        run = finished(start(app, name, ANN, **{"1.image": Upload("a.png", saved("PNG"))}))
        assert run.state.files[0].filename == ANNAS["filename"]
        yield app


@pytest.fixture
def app(running: RunningApp, nothing_left_behind: None) -> Iterator[RunningApp]:
    """Close the app's idle connections after each test."""
    yield running
    running.close_idle()


@pytest.mark.parametrize(
    "given", [ANNAS, {"__value__": ANNAS}, {"__value__": [ANNAS]}, {"a": ANNAS}, [[ANNAS]]]
)
@pytest.mark.parametrize("class_type", ["Preview3D", "Odd"])
def test_attack_an_object_shown_by_a_node_is_not_a_file(
    app: RunningApp, class_type: str, given: Any
) -> None:
    """Some nodes show their inputs. An object that claims to be Ann's result gives Bob no access to
    it."""
    prompt = {"1": node(class_type, given=given)}
    name = app.services.forms.open(BOBS, "a.json", json.dumps(prompt).encode()).name
    run = finished(
        app.services.starter.start(
            name, {}, Origin(BOBS), RunPolicy(deadline=LONGEST_WAIT, watched=False)
        )
    )
    assert not run.state.files
    assert ANNAS["filename"] not in json.dumps(run.job.prompt)


def test_attack_a_run_with_a_forged_file_object_is_not_repeated(app: RunningApp) -> None:
    """The app applies today's rules to a record from before this attack was known."""
    run = finished(
        app.services.runs.submit(
            Job({"1": node("Odd", given=ANNAS)}, "~x"), Origin(BOBS), RunPolicy(keeps_going=True)
        )
    )
    with pytest.raises(WorkflowError, match="another user"):
        app.services.starter.again(run.id, Origin(BOBS))


@pytest.mark.parametrize("key", ["result", "histogram", "input_bboxes", "text", "string"])
def test_attack_forged_file_objects_in_outputs_are_ignored(key: str) -> None:
    """The app reads no files under these keys, even if a node creates such an object during the
    run."""
    assert (
        read_outputs("1", {key: [ANNAS], "images": [{"filename": "mine.png"}]})[0][0].filename
        == "mine.png"
    )


def test_attack_a_file_goes_to_a_field_for_files_only(app: RunningApp) -> None:
    """If a script could send a file for a text, the file would reach ComfyUI unchecked, and a node
    might open it."""
    with pytest.raises(FieldErrors) as problem:
        app.services.starter.start(
            "text-to-image",
            {"2.text": from_data_url("data:application/postscript;base64,JSFQUwo=")},
            Origin(BOBS),
        )
    assert "doesn't take files" in problem.value.errors["2.text"]


def test_attack_a_file_goes_to_inputs_for_its_own_kind_only(app: RunningApp) -> None:
    """Without this rule, an arranged field would accept any file as a 3D model and also pass it to
    nodes that play videos."""
    links = "1.0 COMBO > 2.model_file\n1.0 COMBO > 3.file\n1.0 COMBO > 4.file"
    nodes = [drawn(number, "PlaysVideo", "a.mp4", sockets="file") for number in (3, 4)]
    loads = drawn(2, "Load3D", "none", sockets="model_file")
    data = graph(drawn(1, "PrimitiveNode", "none", "fixed"), loads, *nodes, links=links)
    data["extra"] = {"linearData": {"inputs": [[1, "value"]], "outputs": []}}
    name = app.services.forms.open(BOBS, "a.json", json.dumps(data).encode()).name
    _, form = app.services.forms.form(name, BOBS)
    assert form.field("2.model_file").targets == (("2", "model_file"),)
    run = finished(
        app.services.starter.start(
            name,
            {"2.model_file": Upload("a.m3u", b"#EXTM3U\n")},
            Origin(BOBS),
            RunPolicy(deadline=LONGEST_WAIT, watched=False),
        )
    )
    assert [run.job.prompt[node]["inputs"]["file"] for node in ("3", "4")] == ["none", "none"]


def test_attack_an_option_cannot_add_a_forbidden_node(app: RunningApp) -> None:
    """An option that needs an image adds a loader node. If the loader isn't on the allowlist, the
    app refuses the run."""
    few = Permissions(nodes=frozenset({"Says"}))
    forms = Forms(app.services.folder.get, app.services.forms.catalog, few)
    starter = replace(app.services.starter, forms=forms)
    name = forms.open(BOBS, "a.json", json.dumps({"1": node("Says", how="quietly")}).encode()).name
    image = Upload("a.png", saved("PNG"))
    with pytest.raises(WorkflowError, match="can't use “LoadImage”"):
        starter.start(name, {"1.how": "in an image", "1.how.image.image": image}, Origin(BOBS))
    finished(starter.start(name, {}, Origin(BOBS), RunPolicy(deadline=LONGEST_WAIT, watched=False)))


@pytest.mark.parametrize(
    "typed", ["/etc/passwd", "ann_00001_.png [output]", "../output/ann_00001_.png", "comfyforms/0"]
)
def test_attack_a_removed_value_cannot_be_typed_in_again(app: RunningApp, typed: str) -> None:
    """The app empties an input that contains a path, even if the input's name doesn't say so. The
    field accepts no path either."""
    prompt = {"1": node("PrimitiveString", value=typed), "2": node("PreviewAny", source=["1", 0])}
    name = app.services.forms.open(BOBS, "a.json", json.dumps(prompt).encode()).name
    assert app.services.forms.form(name, BOBS)[1].field("1.value").default == ""
    with pytest.raises(WorkflowError, match="another user"):
        app.services.starter.start(name, {"1.value": typed}, Origin(BOBS))
    finished(
        app.services.starter.start(
            name,
            {"1.value": "a cat [output] and a dog"},
            Origin(BOBS),
            RunPolicy(deadline=LONGEST_WAIT, watched=False),
        )
    )


def test_attack_a_stored_file_is_checked_again_on_a_rerun(app: RunningApp) -> None:
    """The app doesn't resend a file that it accepted as an image when the run was made but that
    today's rules reject."""
    image = Upload("a.png", saved("PNG"))
    run = finished(
        app.services.starter.start(
            "image-to-image",
            {"4.image": image},
            Origin(BOBS),
            RunPolicy(deadline=LONGEST_WAIT, watched=False),
        )
    )
    history = app.services.runs.history
    kept = history.files.path(run.job.inputs["4.image"].digest)
    assert kept is not None
    kept.write_bytes(b"#EXTM3U")
    with pytest.raises(WorkflowError, match="Choose an image file"):
        app.services.starter.again(run.id, Origin(BOBS))
