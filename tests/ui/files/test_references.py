"""References to files in values that pages and programs send."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from comfy.launch.uploads import Refused, Upload
from ui.files.references import ResultReference, UploadReference, inline_file, read_reference

PNG = base64.b64encode(b"\x89PNG").decode()


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"file": "0/a.png"}, UploadReference("0/a.png")),
        ({"file": "0/a.png", "mask": None}, UploadReference("0/a.png")),
        ({"file": "0/a.png", "mask": "0/m.png"}, UploadReference("0/a.png", ("0/m.png",))),
        ({"file": "0/a.png", "name": "my.png"}, UploadReference("0/a.png", (), "my.png")),
        ({"run": "r"}, ResultReference("r", 0)),
        ({"run": "r", "file": 2}, ResultReference("r", 2)),
        ({"run": "r", "file": -1}, ResultReference("r", 0)),
        ({"base64": PNG, "name": "../a.png"}, Upload("a.png", b"\x89PNG")),
        (f"data:image/png;base64,{PNG}", Upload("upload.png", b"\x89PNG")),
        ({"file": None}, None),
        ("0/a.png", None),
        (None, None),
        (7, None),
    ],
)
def test_reads_every_way_to_send_a_file(sent: object, read: object) -> None:
    """Values that don't refer to a file give None."""
    assert read_reference(sent) == read


@pytest.mark.parametrize(
    "sent",
    [{"base64": "%"}, {"run": "r", "file": "0"}, {"path": "/etc/passwd"}, {"file": 1}, ["a"], {}],
)
def test_refuses_other_objects_and_lists(sent: Any) -> None:
    """The app also refuses paths on the server."""
    assert isinstance(read_reference(sent), Refused)


def test_a_text_without_a_file_stays_a_text() -> None:
    """Only a `data:` URL holds a file."""
    assert inline_file("a boat") == "a boat"
    assert isinstance(inline_file(f"data:image/png;base64,{PNG}"), Upload)
