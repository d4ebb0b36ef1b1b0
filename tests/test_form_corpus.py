"""Forms of real workflows, where the collection of them lies beside the checkout."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from comfy.errors import WorkflowError
from comfy.form import build_form
from comfy.object_info import Catalogue
from comfy.workflow import read_workflow


def corpus(shared: Path) -> Iterator[Path]:
    """The real API workflows beside the checkout."""
    return (file for file in sorted((shared / "workflows/corpus/api").glob("*.json")) if file.name != "index.json")


@pytest.mark.parametrize("version", ["0.33.0", "0.3.64"])
def test_every_real_workflow_opens(shared: Path, version: str) -> None:
    """Each file of the corpus makes a form: no duplicate labels, no node ids as names, a main field where possible."""
    catalogue = Catalogue.read(shared / "comfyui" / f"object_info-{version}.json.gz")
    opened = 0
    for file in corpus(shared):
        form = build_form(read_workflow(file), catalogue)
        labels = [field.label for field in form.fields]
        assert len(labels) == len(set(labels)), file.name
        assert not any(field.label == field.key for field in form.fields), file.name
        json.dumps(form.to_json(), allow_nan=False)
        opened += 1
    assert opened >= 70


def test_odd_files_open_or_say_why_not(shared: Path) -> None:
    """A wrapped prompt opens, a bare graph is refused in words."""
    odd = shared / "workflows/corpus/odd"
    assert read_workflow(odd / "swarmui__Basic_SDXL.json").prompt
    with pytest.raises(WorkflowError, match="editor"):
        read_workflow(odd / "cog-comfyui__sd15_text2img_not_api_version.json")
