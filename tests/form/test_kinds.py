"""Widgets in the registry, and their common properties."""

from __future__ import annotations

import pytest

from comfy.form.candidates import Candidate
from comfy.form.kinds.registry import KINDS
from comfy.form.model import Field, Fit, Several
from tests.support.samples.forms import form_of, text_to_image

UNKNOWN = Candidate("1", "x", "Node", "", {"a": 1}, None, None, "*")


def field_of(widget: str) -> Field:
    """Return a field with this widget."""
    return Field("1.x", "1", "x", "X", "STRING", KINDS[widget], "main", "")


@pytest.mark.parametrize("widget", KINDS)
def test_a_widget_explains_how_to_write_several_values(widget: str) -> None:
    """Users choose files instead of typing them, so only file widgets have no help."""
    kind = KINDS[widget]
    assert bool(kind.several_help) == (kind.several is not Several.FILES)
    assert (kind.file is not None) == (kind.several is Several.FILES)


@pytest.mark.parametrize("widget", KINDS)
def test_a_widget_has_a_json_schema(widget: str) -> None:
    """Programs read the schema of every field."""
    assert isinstance(KINDS[widget].schema(field_of(widget)), dict)


def test_an_input_of_an_unknown_type_is_a_text() -> None:
    """Only the text widget takes everything."""
    fits = {name: kind.fits(UNKNOWN) for name, kind in KINDS.items()}
    assert {name for name, fit in fits.items() if fit} == {"text"}
    assert fits["text"] is Fit.FALLBACK


def test_the_widgets_of_a_form_are_rows() -> None:
    """A form keeps the registry's row itself, so a field knows everything that its widget knows."""
    assert all(field.kind is KINDS[field.widget] for field in form_of(text_to_image()).fields)
