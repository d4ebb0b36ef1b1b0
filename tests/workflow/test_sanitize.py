"""Removal of other users' files from the node catalog."""

from __future__ import annotations

from typing import Any

import pytest

from comfy.runs.input_files import UPLOADS
from comfy.workflow.sanitize import without_folder


@pytest.mark.parametrize("before", ["", "é", "日本", "\ud83d", "\U0001f600", "x" * 0xC3])
def test_uploads_are_removed_beside_any_text(before: str) -> None:
    """The app finds its folder in a path after any characters."""
    kept = [f"{before}.png", f"{UPLOADS}.png", 0xC3, 10**400, 0.5, True, None]
    for name in (f"{before}/{UPLOADS}/a.png", f"{before}\\{UPLOADS.upper()}\\a.png [input]"):
        raw = {"A": {"input": {"required": {"image": [[*kept, name], {"default": name}]}}}}
        assert without_folder(raw, UPLOADS) == {"A": {"input": {"required": {"image": [kept, {}]}}}}


def test_other_classes_are_not_copied() -> None:
    """A class without names of uploads stays the same object."""
    raw = {"A": {"input": {"required": {"image": [["a.png"]]}}}, "B": None, UPLOADS: {}}
    clean = without_folder(raw, UPLOADS)
    assert clean == {"A": raw["A"], "B": None}
    assert clean["A"] is raw["A"]


@pytest.mark.parametrize("depth", [101, 900, 5000])
def test_deep_nesting_is_removed(depth: int) -> None:
    """The app drops lists below a limit, and keeps wide classes above it."""
    raw = {"deep": nested(depth), "shallow": nested(99), "wide": {"a": [[]] * 200}}
    clean = without_folder(raw, UPLOADS)
    assert clean["shallow"] is raw["shallow"]
    assert clean["wide"] is raw["wide"]
    assert clean["deep"] == nested(100, None)


def nested(depth: int, inner: Any = "x") -> dict[str, Any]:
    """Return a value inside this many lists and one object."""
    for _ in range(depth - 1):
        inner = [inner]
    return {"a": inner}
