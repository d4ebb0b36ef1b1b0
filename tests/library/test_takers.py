"""List of workflows that take results, updated when a workflow changes."""

from __future__ import annotations

import json
from pathlib import Path

from comfy.library.catalog import CatalogCache
from comfy.library.folder import WorkflowFolder
from comfy.library.forms import Forms, takers_of
from comfy.library.permissions import Permissions
from tests.support.samples.forms import DATA, node, text_to_image

LOADS = {"1": node("LoadImage", image="example.png"), "2": node("PreviewImage", images=["1", 0])}
LACKS = {
    **LOADS,
    "3": node("NoSuchNode", image=["1", 0]),
    "4": node("PreviewImage", images=["3", 0]),
}


def write(folder: Path, **prompts: object) -> None:
    """Put workflows into a folder."""
    for name, prompt in prompts.items():
        (folder / f"{name}.json").write_text(json.dumps(prompt))


def test_workflows_that_take_results(tmp_path: Path) -> None:
    """The list has workflows with a file or text field, with the kinds they take and the keys of
    the image and the text field. It omits workflows without such a field, and those that can't run
    here or be read."""
    write(tmp_path, loads=LOADS, lacks=LACKS, text=text_to_image(), broken=[])
    folder = WorkflowFolder(tmp_path)
    info = json.loads((DATA / "object_info.json").read_text())
    forms = Forms(folder.get, CatalogCache(lambda: info), Permissions())
    found = takers_of(forms, folder, "ann")
    assert [
        (one.name, one.kinds, one.image_field, one.text_field, one.draws_text) for one in found
    ] == [
        ("loads", ("image",), "1.image", "", False),
        ("text", ("text",), "", "6.text", True),
    ]
    assert [one.title for one in found] == ["Loads", "Text"]
    assert takers_of(forms, folder, "bob") == found
    write(tmp_path, text=LOADS)
    assert {one.kinds for one in takers_of(forms, folder, "ann")} == {("image",)}
