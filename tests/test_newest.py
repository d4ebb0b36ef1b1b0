"""The comparison with the newest front end and templates, on small packages and graphs."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from comfy.comfyui.object_info import Catalog
from comfyui_standin.nodes.registry import NODES
from comfyui_standin.storage import Storage
from tests.support.samples.graphs import CATALOG, converted, graph, graph_node
from tools.newest.comparison import compared
from tools.newest.editor import message_types
from tools.newest.packages import TEMPLATES, newest, saved_graphs
from tools.newest.report import table
from tools.newest.unknown import (
    differing_nodes,
    unknown_displays,
    unknown_messages,
    unknown_types,
)

GRAPH = graph(graph_node(1, "Number", 3), graph_node(2, "Text", "a cat"))


def wheel(folder: Path, version: str, **files: object) -> None:
    path = folder / "wheels" / f"comfyui_workflow_templates_json-{version}-py3-none-any.whl"
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(f"templates_json/templates/{name}.json", json.dumps(data))


def test_the_newest_package_in_the_cache_counts(tmp_path: Path) -> None:
    """Versions are compared as numbers. Only editor graphs count as templates."""
    wheel(tmp_path, "0.1.9", old=GRAPH)
    wheel(tmp_path, "0.1.10", new=GRAPH, index=[1], api={"1": {"class_type": "A", "inputs": {}}})
    package = newest(TEMPLATES, tmp_path, offline=True)
    assert package.version == "0.1.10"
    assert saved_graphs(package) == {"new": GRAPH}
    with pytest.raises(FileNotFoundError):
        newest("comfyui-frontend-package", tmp_path, offline=True)


def changed(**inputs: Any) -> dict[str, Any]:
    prompt: dict[str, Any] = json.loads(json.dumps(converted(GRAPH).prompt))
    prompt["1"]["inputs"] |= inputs
    return prompt


@pytest.mark.parametrize(
    ("truth", "differences"),
    [
        (changed(), ()),
        (changed(value=3.0), ()),
        (changed(value=True), ("Number.value",)),
        (changed(value=4), ("Number.value",)),
        (changed(undeclared=7), ()),
    ],
)
def test_prompts_are_compared_by_effect(
    truth: dict[str, Any], differences: tuple[str, ...]
) -> None:
    """1 equals 1.0 but not true, and ComfyUI's own nodes read only what they declare."""
    raw = {name: {**one, "output_node": True} for name, one in CATALOG.raw.items()}
    comparison = compared("a", GRAPH, truth, Catalog(raw))
    assert comparison.differences == differences
    assert (comparison.exception, comparison.form_exception) == ("", "")


def test_the_table_counts_and_names() -> None:
    """The table has the share of equal prompts, and names the others."""
    raw = {name: {**one, "output_node": True} for name, one in CATALOG.raw.items()}
    comparisons = [
        compared("one", GRAPH, changed(), Catalog(raw)),
        compared("two", GRAPH, changed(value=4), Catalog(raw)),
        compared("three", GRAPH, None, Catalog(raw)),
    ]
    shown = table({"front end": "9.9"}, comparisons, {"three": "broken"}, {"news": ["a|b"]})
    for line in (
        "| front end | 9.9 |",
        "| templates | 3 |",
        "| equal in effect | 1 of 2 (50.0 %) |",
        "| differing | 1: two |",
        "| differing inputs | 1: Number.value × 1 |",
        "| not sent by the editor | 1: three |",
        "| forms built | 3 of 3 |",
        "| news | 1: a/b |",
    ):
        assert line in shown.splitlines()


def test_news_of_a_server_are_listed(tmp_path: Path) -> None:
    """New types of inputs and messages, and changed nodes, are in the table."""
    storage = Storage()
    info = {name: node.describe(storage) for name, node in NODES.items()}
    storage.close()
    assert differing_nodes(info) == unknown_types(Catalog(info)) == []
    wave = {"required": {"shape": ["WAVE", {}], "n": ["INT", {"display": "dial"}]}}
    info["SaveImage"] = {**info["SaveImage"], "input": wave}
    assert differing_nodes(info) == ["SaveImage"]
    assert unknown_types(Catalog(info)) == ["WAVE"]
    assert unknown_displays(Catalog(info)) == ["dial"]
    (tmp_path / "assets").mkdir()
    script = (
        "t=JSON.parse(e);switch(t.type){case`status`:case`news`:x();default:`Unknown message type`}"
    )
    (tmp_path / "assets" / "api.js").write_text(script)
    assert unknown_messages(message_types(tmp_path)) == ["news"]
