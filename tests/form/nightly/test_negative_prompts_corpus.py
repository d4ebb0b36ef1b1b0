"""Negative prompts of all real graphs, which are never shown as prompts."""

from __future__ import annotations

from pathlib import Path

from comfy.comfyui.object_info import Catalog
from comfy.form.build import build_form
from comfy.prompt.texts import looks_negative
from comfy.workflow.model import read_workflow
from comfy.workflow.resolve import on_server


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
