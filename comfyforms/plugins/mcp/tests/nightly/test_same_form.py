"""Every place that shows the form of an official template calls the same fields main fields."""

from __future__ import annotations

from pathlib import Path

from comfy.comfyui.object_info import Catalog
from comfy.form.build import build_form
from comfy.workflow.model import read_workflow
from comfy.workflow.resolve import on_server
from comfyforms.plugins.mcp.tests.same_form import main_fields

THINGS = 4


def test_templates_have_the_same_form_everywhere(shared: Path) -> None:
    """Unless its author chose the fields, a form has at most four main things besides the files
    that a run needs, the prompt, a negative prompt and the number of results."""
    catalog = Catalog.read(shared / "comfyui" / "object_info-0.33.0.json.gz")
    files = sorted((shared / "workflows" / "gui_to_api" / "gui").glob("*.json"))
    for file in files:
        workflow = on_server(read_workflow(file), catalog)
        places = main_fields(workflow, catalog)
        assert places == dict.fromkeys(places, places["command"]), file.name
        main = [one for one in build_form(workflow, catalog).fields if one.group == "main"]
        free = [one for one in main if not one.is_media and one.role in ("", "width")]
        parts = [one for one in free if one.input not in ("height", "bottom", "left", "right")]
        assert workflow.app or len(parts) <= THINGS, file.name
    assert len(files) > 400
