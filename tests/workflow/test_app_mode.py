"""App mode: the app finds the inputs that an author exposed, in all three forms of ID."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from comfy.comfyui.object_info import Catalog
from comfy.form.build import build_form
from comfy.graph.convert import convert
from comfy.workflow.model import App, read_workflow
from comfy.workflow.resolve import find_widget, on_server, promoted_inputs, read_app
from tests.support.samples.forms import parse_workflow
from tests.support.samples.graphs import CATALOG, converted, graph, graph_node

GRAPH = Path(__file__).parents[1] / "data" / "graphs" / "two_boats.graph.json"


@pytest.fixture(scope="module")
def data() -> Any:
    return json.loads(GRAPH.read_text())


def app_of(data: Any) -> App:
    app = read_app(converted(data))
    assert app is not None
    return app


def test_an_app_lists_its_inputs_in_order(data: Any) -> None:
    """Inputs appear in the author's order, each only once, with their height and all the prompt
    inputs that they set."""
    app = app_of(data)
    assert [(one.height, one.targets) for one in app.inputs] == [
        (120, (("50:30", "text"),)),
        (None, (("2", "width"),)),
        (None, (("2", "height"),)),
        (None, (("50:31:20", "seed"), ("51:31:20", "seed"))),
    ]


def test_labels_and_heights_for_a_form(data: Any) -> None:
    """A label equal to the input's name means nothing, but “Seed” for `seed` is the author's label.
    Heights are whole pixels."""
    app = on_server(parse_workflow("boats", data), CATALOG).app
    assert app is not None
    assert [(one.label, one.height) for one in app.inputs] == [
        ("", 120),
        ("", None),
        ("", None),
        ("Seed", None),
    ]


def test_outputs_that_are_gone_are_left_out(data: Any) -> None:
    """An app keeps only the outputs that the graph still has."""
    assert app_of(data).outputs == ("10",)


def test_promoted_widget_by_its_inner_node(data: Any) -> None:
    """An ID inside a subgraph stands for the widget on the only root node that shows it."""
    data = json.loads(json.dumps(data))
    data["nodes"] = [one for one in data["nodes"] if one["id"] != 51]
    shown = find_widget(converted(data), "30", "text")
    assert shown is not None
    assert (shown.node, shown.name, shown.value, shown.label) == (
        "50",
        "text",
        "a red boat",
        "text",
    )


def test_inner_widget_that_several_hosts_show(data: Any) -> None:
    """If two hosts show the widget, a single entry sets it in both."""
    shown = find_widget(converted(data), "30", "text")
    assert shown is not None
    assert shown.targets == (("50:30", "text"), ("51:30", "text"))


def test_labels_of_ports(data: Any) -> None:
    """The author's name for a subgraph's input is its label."""
    shown = converted(data).widget("50:31", "seed")
    assert shown is not None
    assert shown.label == "Seed"


def test_widget_of_a_primitive() -> None:
    """A PrimitiveNode's widget goes by `value` or by the name of the widget that it feeds."""
    data = graph(
        graph_node(1, "PrimitiveNode", 64, "fixed"),
        graph_node(2, "Empty", 1, 1, sockets="width"),
        links="1.0 INT > 2.width",
    )
    for name in ("value", "width"):
        shown = find_widget(converted(data), 1, name)
        assert shown is not None
        assert shown.targets == (("2", "width"),)


@pytest.mark.parametrize(
    ("title", "labels"), [("Wide", ["Wide"]), ("PrimitiveNode", []), ("width", [])]
)
def test_a_primitive_with_a_title_names_its_input(title: str, labels: list[str]) -> None:
    """Titles that the editor gives by itself name nothing."""
    data = graph(
        {**graph_node(1, "PrimitiveNode", 64, "fixed"), "title": title},
        graph_node(2, "Empty", 1, 1, sockets="width"),
        links="1.0 INT > 2.width",
    )
    shown = promoted_inputs(converted(data))
    assert [(one.label, one.is_primitive) for one in shown] == [(each, True) for each in labels]


@pytest.mark.parametrize(
    "saved",
    [
        None,
        3,
        [],
        {},
        {"inputs": []},
        {"inputs": 5, "outputs": "x"},
        {"inputs": [None, 1, [], [1], [1, 2], {"a": 1}]},
    ],
)
def test_no_app(saved: object) -> None:
    """Saved data that isn't a selection gives no app."""
    assert (
        read_app(converted(graph(graph_node(1, "Number", 2), extra={"linearData": saved}))) is None
    )


@pytest.mark.parametrize("stored", [None, True, 1.5, [], {}, "", ":", "a:b", "a:b:c:d", "nobody"])
def test_invalid_ids(stored: object) -> None:
    """An ID in an unknown form finds no widget and causes no error."""
    assert find_widget(converted(graph(graph_node(1, "Number", 2))), stored, "value") is None


def _same_limits(options: Any, expected: Any) -> bool:
    if expected["min"] is None:
        return True
    return (options.get("min"), options.get("max"), options.get("step", 1)) == tuple(
        expected[key] for key in ("min", "max", "step")
    )


def test_official_apps(shared: Path) -> None:
    """The app and the official front end find the same host, inputs, value, label, title and limits
    for every entry."""
    catalog = Catalog.read(shared / "comfyui" / "object_info-0.33.0.json.gz")
    wrong: list[object] = []
    for name, app in json.loads((shared / "workflows" / "app_mode.json").read_text()).items():
        result = convert(
            json.loads((shared / "workflows" / "gui_to_api" / "gui" / name).read_text()), catalog
        )
        for entry in app["inputs"]:
            shown = find_widget(result, *entry["stored"][:2])
            if entry["resolved"].startswith("dropped"):
                if entry["api"] and (
                    shown is None or sorted(map(list, shown.targets)) != sorted(entry["api"])
                ):
                    wrong.append((name, entry["stored"], shown))
                continue
            assert shown is not None, (name, entry["stored"])
            if entry["api"]:
                seen = [shown.node, shown.name, shown.value, shown.label, shown.title]
                label = entry["label"] or entry["widget"]
                expected = [
                    entry["host_node"],
                    entry["widget"],
                    entry["value"],
                    label,
                    entry["host_title"],
                ]
                limits = _same_limits(shown.spec.options if shown.spec else {}, entry["options"])
                if seen != expected or not limits:
                    wrong.append((name, seen, expected))
            if sorted(map(list, shown.targets)) != sorted(entry["api"]):
                wrong.append((name, entry["stored"], shown.targets, entry["api"]))
    assert wrong == []


def test_official_apps_keep_their_labels(shared: Path) -> None:
    """If the author's label has a capital letter or a space, the field's label matches it
    exactly."""
    catalog = Catalog.read(shared / "comfyui" / "object_info-0.33.0.json.gz")
    compared = 0
    for name, app in json.loads((shared / "workflows" / "app_mode.json").read_text()).items():
        workflow = read_workflow(shared / "workflows" / "gui_to_api" / "gui" / name)
        form = build_form(on_server(workflow, catalog), catalog)
        labels = {target: field.label for field in form.fields for target in field.targets}
        for entry in app["inputs"]:
            written = entry.get("label") or ""
            if written and entry["api"] and (" " in written or not written.islower()):
                assert labels[tuple(entry["api"][0])] == written, (name, entry["stored"])
                compared += 1
    assert compared >= 20


def test_a_camera_view_stands_for_its_angles() -> None:
    """The author exposed the view of a node that was replaced since. Users get its numbers."""
    angles = {"horizontal_angle": ["INT", {}], "vertical_angle": ["INT", {}], "zoom": ["FLOAT", {}]}
    inputs = {**angles, "view": ["CAMERA_ANGLE_VIEW", {}]}
    camera = {"input": {"required": inputs}, "output": [], "output_node": True}
    data = graph(
        graph_node(7, "CameraAngle", 30, 10, 5.0, "camera"),
        extra={"linearData": {"inputs": [[3, "camera_preview"]], "outputs": [7]}},
    )
    app = read_app(convert(data, Catalog({"CameraAngle": camera})))
    assert app is not None
    assert [one.targets for one in app.inputs] == [(("7", name),) for name in angles]
