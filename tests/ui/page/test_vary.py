"""Fields that can vary, and their data for the script."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from comfy.form.kinds.registry import KINDS
from comfy.form.model import Field, Form
from ui.page.form.tools import takes_several, varied_field

TEXT = Field("6.text", "6", "text", "Text", "STRING", KINDS["text"], "main", "")
CHOICES = (("One", "sub/one.st"), ("Two", 2**60))


def told(field: Field) -> dict[str, Any]:
    return varied_field(Form("Form", "", (field,), ()), field)


@pytest.mark.parametrize("widget", KINDS)
def test_every_field_that_is_seen_takes_several_values(widget: str) -> None:
    """Every kind of widget can be varied."""
    field = replace(TEXT, kind=KINDS[widget])
    assert takes_several(field)
    assert told(field)["several"]
    assert not takes_several(replace(field, group="hidden"))


def test_choices_are_listed_as_they_are_sent() -> None:
    """Each value is text, even digits that a browser would lose, and booleans are words. If a list
    is too long, the app leaves it out and the user types the values."""
    field = replace(TEXT, kind=KINDS["dropdown"], choices=CHOICES)
    assert told(field)["choices"] == [["One", "sub/one.st"], ["Two", str(2**60)]]
    box = told(replace(TEXT, kind=KINDS["checkbox"]))
    assert (box["several"], box["choices"]) == ("choices", [["Yes", "true"], ["No", "false"]])
    many = told(replace(field, choices=tuple((str(n), n) for n in range(2000))))
    assert (many["choices"], many["long"]) == ([], True)
    model = told(replace(TEXT, kind=KINDS["file"], input="model_file"))
    assert ".glb" in model["accept"].split(",")
    assert told(replace(TEXT, kind=KINDS["file"]))["accept"] == ""
    mask = told(replace(TEXT, kind=KINDS["mask"], group="advanced"))
    assert (mask["accept"], mask["advanced"], box["advanced"]) == ("image/*", True, False)
