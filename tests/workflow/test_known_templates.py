"""Recognize ComfyUI's own templates."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from comfy.workflow.known_templates import template_of
from comfy.workflow.model import open_workflow
from tests.support.samples.graphs import image_edit
from tools.template_table import table_of

SHARED = Path(__file__).parents[3] / "shared" / "workflows" / "gui_to_api" / "gui"


def test_a_renamed_template_has_its_title_and_description() -> None:
    """Other values, and a note, leave it the same template."""
    graph = image_edit("mine.png", "another text")
    graph["nodes"].append({"id": 90, "type": "MarkdownNote", "widgets_values": ["# Models"]})
    opened = open_workflow("workflow (2).json", json.dumps(graph).encode())
    assert (opened.template, opened.title) == ("api_grok_image_edit", "Grok: Image Edit")
    assert opened.description.startswith("Upload an image")


def test_another_graph_with_a_templates_name_is_not_the_template() -> None:
    """A node more makes another graph."""
    graph = image_edit()
    graph["nodes"].append({"id": 90, "type": "PreviewImage"})
    opened = open_workflow("api_grok_image_edit.json", json.dumps(graph).encode())
    assert (opened.template, opened.title, opened.description) == ("", "", "")


def test_a_heading_with_all_words_of_the_files_name_is_the_title() -> None:
    """Other headings are about models or the editor."""
    note = {"id": 1, "type": "MarkdownNote", "widgets_values": ["# Models\n\n## My try-on: hats\n"]}
    data = json.dumps({"nodes": [note], "links": []}).encode()
    assert open_workflow("my_try_on.json", data).title == "My try-on: hats"
    assert open_workflow("my_hats_2.json", data).title == ""


def test_a_model_distinguishes_templates_with_equal_graphs(tmp_path: Path) -> None:
    """The table has the models of templates with equal graphs. The file's name decides between
    equal models."""
    graphs = {"flux": image_edit(model="flux"), "qwen": image_edit(model="qwen")}
    for name, graph in graphs.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(graph))
    entries = [{"name": name, "title": name.upper()} for name in graphs]
    (tmp_path / "index.json").write_text(json.dumps([{"templates": entries}]))
    table = table_of([tmp_path])
    assert table["templates"] == [("flux", "FLUX", ""), ("qwen", "QWEN", "")]
    (by_choices,) = table["shapes"].values()
    assert sorted(by_choices.values()) == [[0], [0, 1], [1]]


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/workflows beside this checkout")
def test_older_versions_of_templates_are_recognized() -> None:
    """Users keep files that an older package had. The others are examples, not templates."""
    files = [file for file in SHARED.glob("*.json") if not file.stem.startswith("corpus_")]
    unknown = [file.stem for file in files if not template_of(json.loads(file.read_bytes()), "")]
    assert len(unknown) < len(files) // 20, unknown
