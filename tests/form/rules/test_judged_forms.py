"""Forms compared with hand-judged ones (`python -m tools.judged_forms`)."""

from __future__ import annotations

from pathlib import Path

from comfy.comfyui.object_info import Catalog
from comfy.form.build import build_form
from comfy.workflow.model import read_workflow
from comfy.workflow.resolve import on_server
from tests.support.samples.forms import small_catalog
from tools.judged_forms import Score, judged_forms, total

FORMS = judged_forms()


def test_own_workflows_have_the_judged_main_fields() -> None:
    """The rules find the main fields of the shipped workflows without their TOML files."""
    result = total((one for one in FORMS if not one.is_shared), small_catalog())
    assert result == Score(result.judged, result.shown)


def test_real_graphs_have_the_judged_main_fields(shared: Path) -> None:
    """The rules find at least 97 % of the main fields that a person would choose, and at most 8 %
    of their main fields are others. The same holds for graphs that are held out, whose differences
    `--list` doesn't show."""
    catalog = Catalog.read(shared / "comfyui" / "object_info-0.33.0.json.gz")
    tuned = total((one for one in FORMS if one.is_shared and not one.held_out), catalog)
    held_out = total((one for one in FORMS if one.held_out), catalog)
    assert tuned.recall >= 0.97, tuned.missing
    assert tuned.precision >= 0.92, tuned.extra
    assert held_out.recall >= 0.97
    assert held_out.precision >= 0.92


def test_sliders_of_an_image_tool_come_before_its_modes(shared: Path) -> None:
    """A graph without a prompt adjusts an image in many subgraphs. The first slider of a subgraph
    is a main field, as far as there is room."""
    catalog = Catalog.read(shared / "comfyui" / "object_info-0.33.0.json.gz")
    file = shared / "workflows" / "gui_to_api" / "gui" / "basic_image_color_adjustment.json"
    form = build_form(on_server(read_workflow(file), catalog), catalog)
    labels = [field.label for field in form.fields if field.group == "main"]
    assert labels[:2] == ["Image", "Brightness"]
    first_mode = next(place for place, label in enumerate(labels) if label.startswith("Mode"))
    assert labels.index("Brightness") < first_mode
    assert len(labels) <= 20
