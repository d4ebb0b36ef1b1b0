"""Forms of the corpus of real workflows, and their negative prompts."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from comfy.base.errors import WorkflowError
from comfy.comfyui.object_info import Catalog
from comfy.comfyui.protocol.node_lists import PAID_MODULE
from comfy.form.build import build_form
from comfy.form.missing import missing_classes
from comfy.prompt.texts import looks_negative
from comfy.workflow.model import read_workflow
from comfy.workflow.resolve import on_server
from tests.form.test_build import is_balanced

ROOT = Path(__file__).parents[3]


def corpus(shared: Path) -> Iterator[Path]:
    """Return the real API workflows beside the checkout."""
    return (
        file
        for file in sorted((shared / "workflows/corpus/api").glob("*.json"))
        if file.name != "index.json"
    )


@pytest.mark.parametrize("version", ["0.33.0", "0.3.64"])
def test_every_real_workflow_opens(shared: Path, version: str) -> None:
    """Each file of the corpus opens as a form. Labels are unique, have balanced brackets and aren't
    node ids. There's a main field if possible."""
    catalog = Catalog.read(shared / "comfyui" / f"object_info-{version}.json.gz")
    opened = 0
    for file in corpus(shared):
        form = build_form(read_workflow(file), catalog)
        labels = [field.label for field in form.fields]
        assert len(labels) == len(set(labels)), file.name
        assert not any(field.label == field.key for field in form.fields), file.name
        assert all(is_balanced(label) for label in labels), file.name
        json.dumps(form.to_json(), allow_nan=False)
        opened += 1
    assert opened >= 70


@pytest.mark.parametrize("version", ["0.33.0", "0.3.64"])
def test_official_templates_name_paid_nodes(shared: Path, version: str) -> None:
    """Templates of both versions open on a server without paid nodes. The app doesn't blame a newer
    version, and calls each missing paid node paid."""
    raw = Catalog.read(shared / "comfyui" / f"object_info-{version}.json.gz").raw
    paid = {name for name, info in raw.items() if info["python_module"].startswith(PAID_MODULE)}
    catalog = Catalog({name: info for name, info in raw.items() if name not in paid})
    found = set()
    for file in sorted((shared / "workflows/gui_to_api/api").glob("api_*.json")):
        for one in missing_classes(read_workflow(file).prompt, catalog):
            assert "Newer versions" not in one.sentence, file.name
            if one.class_type in paid:
                assert one.is_paid, file.name
                found.add(one.class_type)
    assert len(found) >= 20


def test_odd_files_open(shared: Path) -> None:
    """A wrapped prompt opens as a prompt, and a bare graph as a graph."""
    odd = shared / "workflows/corpus/odd"
    assert read_workflow(odd / "swarmui__Basic_SDXL.json").prompt
    assert read_workflow(odd / "cog-comfyui__sd15_text2img_not_api_version.json").graph


# tests/graph converts all of the last folder in any run.
@pytest.mark.parametrize(
    "folder",
    [
        "corpus/gui",
        "corpus/images",
        "corpus/pairs",
        "gui_to_api/gui",
    ],
)
def test_every_graph_becomes_a_form_or_a_sentence(shared: Path, folder: str) -> None:
    """Graphs and images from many sources open as forms, or a sentence says why not."""
    catalog = Catalog.read(shared / "comfyui/object_info-0.33.0.json.gz")
    refused = []
    files = [file for file in sorted((shared / "workflows" / folder).rglob("*")) if file.is_file()]
    for file in files:
        if file.name == "index.json":
            continue
        try:
            form = build_form(on_server(read_workflow(file), catalog), catalog)
        except WorkflowError as refusal:
            refused.append((file.name, str(refusal)))
            continue
        assert len({field.key for field in form.fields}) == len(form.fields), file.name
        assert all(is_balanced(field.label) for field in form.fields), file.name
        json.dumps(form.to_json(), allow_nan=False)
    # Only this image has no workflow, and the app must say that.
    assert {name for name, _ in refused} <= {"comfyanonymous__house_scribble.png"}, refused


def test_the_published_score_is_reached(shared: Path, tmp_path: Path) -> None:
    """The scorer for forms of official Apps finds all their inputs, with their defaults and no
    others, when it runs as a user would run it. It also counts what a form without App data has in
    front, which is at most four things."""
    scorer = shared / "workflows/score_forms.py"
    done = subprocess.run(
        [sys.executable, str(scorer), "--python", sys.executable],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    shown = r"App inputs shown (\d+)/\1, right default (\d+)/\2, main fields beyond the App's 0;"
    assert re.search(shown, done.stdout), done.stdout + done.stderr


def test_no_negative_text_of_real_graphs_is_a_prompt(shared: Path) -> None:
    """Real graphs often have missing nodes between their texts and the sampler."""
    catalog = Catalog.read(shared / "comfyui" / "object_info-0.33.0.json.gz")
    folder = shared / "workflows"
    files = [*folder.glob("corpus/*/*.json"), *folder.glob("gui_to_api/gui/*.json")]
    wrong = []
    for file in files:
        if file.name == "index.json" or file.parent.name == "odd":
            continue
        form = build_form(on_server(read_workflow(file), catalog), catalog)
        wrong += [
            f"{file.name}: {one.key} {one.label}"
            for one in form.fields
            if one.group == "main" and one.role == "prompt" and looks_negative(one.default)
        ]
    assert len(files) > 100
    assert wrong == []
