"""Which fields take several values, and what the script is told of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest

from comfy.form.model import Field, Form
from comfy.workflow.config import Widget
from ui.page.form.vary import takes_several, varied_field

TEXT = Field("6.text", "6", "text", "Text", "STRING", "text", "main", "")
CHOICES = (("One", "sub/one.st"), ("Two", 2**60))


def told(field: Field) -> dict[str, Any]:
    """What the script is told of a form's one field."""
    return varied_field(Form("Form", "", (field,), ()), field)


@pytest.mark.parametrize("widget", get_args(Widget))
def test_every_field_that_is_seen_takes_several_values(widget: Widget) -> None:
    """Whatever it is filled in with."""
    field = replace(TEXT, widget=widget)
    assert takes_several(field)
    assert told(field)["kind"]
    assert not takes_several(replace(field, group="hidden"))


def test_choices_are_told_as_they_are_sent() -> None:
    """Each value as text, digits that a browser would lose too; yes and no in words. Too many are
    not told: they are typed."""
    field = replace(TEXT, widget="dropdown", choices=CHOICES)
    assert told(field)["choices"] == [["One", "sub/one.st"], ["Two", str(2**60)]]
    box = told(replace(TEXT, widget="checkbox"))
    assert (box["kind"], box["choices"]) == ("choice", [["Yes", "true"], ["No", "false"]])
    many = told(replace(field, choices=tuple((str(n), n) for n in range(2000))))
    assert (many["choices"], many["long"]) == ([], True)
    mask = told(replace(TEXT, widget="mask", group="advanced"))
    assert (mask["accept"], mask["advanced"], box["advanced"]) == ("image/*", True, False)
