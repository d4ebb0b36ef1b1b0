"""The order of a form's fields, and what they repeat."""

from __future__ import annotations

from dataclasses import replace

from comfy.form.kinds.registry import KINDS
from comfy.form.model import Field
from ui.page.form.arrangement import arrangement_of

TEXT = Field("6.text", "6", "text", "Text", "STRING", KINDS["textarea"], "main", "", tooltip="See.")


def test_texts_with_the_same_help_show_it_once() -> None:
    """Only the first of several prompts has the help that they share. Other help stays."""
    other = replace(TEXT, key="8.text", tooltip="Other.")
    number = replace(TEXT, key="9.steps", kind=KINDS["number"])
    fields = (TEXT, replace(TEXT, key="7.text"), other, number)
    shown = arrangement_of(fields).main
    assert [field.tooltip for field in shown] == ["See.", "", "Other.", "See."]
