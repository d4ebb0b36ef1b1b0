"""Loaders of packs whose scripts upload files without declaring it."""

from __future__ import annotations

import pytest

from comfy.comfyui.object_info import Catalog
from comfy.form.build import build_form
from comfy.form.model import Form
from comfy.prompt.model import Prompt
from comfy.workflow.sanitize import sanitize
from tests.support.samples.extra_nodes import node_entry, wide_catalog
from tests.support.samples.forms import node, workflow_of

CATALOG = Catalog(
    {
        **wide_catalog().raw,
        "VHS_LoadVideo": node_entry(
            {"video": [["mine.mp4", "hers.mp4"]], "custom_width": ["INT", {"default": 0}]},
            ["IMAGE"],
        ),
        "VHS_LoadVideoFFmpeg": node_entry({"video": [["hers.mp4"]]}, ["IMAGE"]),
        "VHS_LoadAudioUpload": node_entry({"audio": [["hers.mp3"], {"tooltip": "x"}]}, ["AUDIO"]),
        "VHS_LoadVideoPath": node_entry({"video": ["STRING", {}]}, ["IMAGE"]),
        "PickVideo": node_entry({"clip": [["hers.mp4", "none"]]}, ["IMAGE"]),
    }
)


def loading(class_type: str, **inputs: object) -> Prompt:
    """Return a prompt that only loads something with this node."""
    return {"1": node(class_type, **inputs), "2": node("PreviewAny", source=["1", 0])}


def form_for(class_type: str, **inputs: object) -> Form:
    """Return the form of such a prompt."""
    return build_form(workflow_of(loading(class_type, **inputs)), CATALOG)


@pytest.mark.parametrize(
    ("class_type", "name", "kind"),
    [
        ("VHS_LoadVideo", "video", "video"),
        ("VHS_LoadVideoFFmpeg", "video", "video"),
        ("VHS_LoadAudioUpload", "audio", "audio"),
    ],
)
def test_an_upload_of_a_pack_is_a_main_field(class_type: str, name: str, kind: str) -> None:
    """Users add their own file. Other users' files aren't offered."""
    field = form_for(class_type, **{name: "mine.mp4"}).field(f"1.{name}")
    assert (field.widget, field.group, field.choices, field.required) == (kind, "main", None, True)


def test_an_opened_workflow_may_upload_there() -> None:
    """The name of the author's file is removed, and the workflow isn't refused."""
    opened = sanitize(workflow_of(loading("VHS_LoadVideo", video="hers.mp4")), CATALOG, "own")
    assert opened.prompt["1"]["inputs"] == {"video": ""}


def test_the_uploads_of_a_pack_count_as_files_of_users() -> None:
    """No other list offers them."""
    assert "hers.mp3" in CATALOG.uploads
    choices = form_for("PickVideo", clip="none").field("1.clip").choices
    assert [value for _, value in choices or ()] == ["none"]


def test_a_path_on_the_server_stays_a_text() -> None:
    """The node doesn't read the input folder."""
    assert form_for("VHS_LoadVideoPath", video="/a.mp4").field("1.video").widget == "text"
