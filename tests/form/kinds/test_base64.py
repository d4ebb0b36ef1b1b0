"""Images that a prompt contains as base64 text."""

from __future__ import annotations

import json
import random

import pytest

from comfy.comfyui.object_info import Catalog
from comfy.form.build import build_form
from comfy.form.check import check
from comfy.form.fill import fill
from comfy.form.model import Form
from comfy.prompt.model import Prompt
from comfy.workflow.sanitize import sanitize
from tests.support.samples.extra_nodes import node_entry, wide_catalog
from tests.support.samples.forms import node, workflow_of

TEXT: list[object] = ["STRING", {"default": ""}]
CATALOG = Catalog(
    {
        **wide_catalog().raw,
        "easy loadImageBase64": node_entry({"base64_data": TEXT}, ["IMAGE", "MASK"]),
        "ETN_LoadImageBase64": node_entry({"image": TEXT}, ["IMAGE", "MASK"]),
        "LoadImageB64": node_entry(
            {"image_base64": ["STRING", {"multiline": True}]}, ["IMAGE", "MASK"]
        ),
        "ETN_LoadMaskBase64": node_entry({"mask": TEXT}, ["MASK"]),
        "GzippedBase64ToImage": node_entry({"base64text": TEXT}, ["IMAGE"]),
        "DecodeBase64": node_entry({"base64_string": TEXT}, ["STRING"]),
        "ImageToBase64": node_entry({"image": [["a.png"], {"image_upload": True}]}, ["IMAGE"]),
    }
)
OWN = "iVBORw0KGgo" * 5000


def loading(class_type: str, name: str, value: str) -> Prompt:
    """Return a prompt that only loads an image with this node."""
    return {
        "1": node(class_type, **{name: value}),
        "2": node("PreviewAny", source=["1", 0]),
        "3": node("PreviewAny", source=["1", 1]),
    }


def form_for(class_type: str, name: str, value: str = "") -> Form:
    """Return the form of such a prompt."""
    return build_form(workflow_of(loading(class_type, name, value)), CATALOG)


@pytest.mark.parametrize(
    ("class_type", "name"),
    [
        ("easy loadImageBase64", "base64_data"),
        ("ETN_LoadImageBase64", "image"),
        ("ETN_LoadMaskBase64", "mask"),
        ("LoadImageB64", "image_base64"),
    ],
)
def test_an_image_as_text_is_an_upload(class_type: str, name: str) -> None:
    """Users can't paint a mask, because these nodes don't invert it."""
    field = form_for(class_type, name).field(f"1.{name}")
    assert (field.widget, field.group, field.label) == ("image", "main", "Image")
    assert (field.as_base64, field.required, field.default) == (True, True, None)


@pytest.mark.parametrize(
    ("class_type", "name"),
    [
        ("GzippedBase64ToImage", "base64text"),
        ("DecodeBase64", "base64_string"),
        ("ImageToBase64", "image"),
    ],
)
def test_other_texts_and_uploads_stay_as_they_are(class_type: str, name: str) -> None:
    """Compressed and other texts aren't image files, and a list of files takes a name."""
    assert not form_for(class_type, name).field(f"1.{name}").as_base64


def test_an_authors_image_is_sent_but_not_shown() -> None:
    """Its text isn't a default, since it can have megabytes. Users may add another image."""
    form = form_for("easy loadImageBase64", "base64_data", OWN)
    assert OWN[:100] not in json.dumps(form.to_json())
    workflow = workflow_of(loading("easy loadImageBase64", "base64_data", OWN))
    for values in ({}, {"1.base64_data": None}):
        clean, errors = check(form, values)
        prompt, used = fill(workflow, form, clean, random.Random(1))
        assert (errors, used) == ({}, {})
        assert prompt["1"]["inputs"]["base64_data"] == OWN


def test_an_opened_workflow_keeps_its_image() -> None:
    """The text names no file on the server."""
    workflow = workflow_of(loading("easy loadImageBase64", "base64_data", OWN))
    assert sanitize(workflow, CATALOG, "own").prompt == workflow.prompt
