"""Labels taken from parts of node titles."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfy.form.labels import Wanted, distinct, telling_part

SAMPLER = ("KSamplerAdvanced", "KSampler (Advanced)")
PIECES = [
    "KSampler",
    "(Advanced)",
    "BASE",
    "Load",
    "Image",
    "(mask (A))",
    "[hi]",
    "\uff08タイル\uff09",
    ": ",
    "2",
]

OPENING = {")": "(", "]": "[", "\uff09": "\uff08"}


def is_balanced(text: str) -> bool:
    """Return whether each bracket has its partner."""
    opened: list[str] = []
    for character in text:
        if character in OPENING.values():
            opened.append(character)
        elif character in OPENING and (not opened or opened.pop() != OPENING[character]):
            return False
    return not opened


@pytest.mark.parametrize(
    ("title", "label"),
    [
        ("KSampler (Advanced) - BASE", "BASE"),
        ("KSampler (Advanced) (BASE)", "BASE"),
        ("KSampler (Advanced)", ""),
        ("KSampler (Advanced): mask (A)", "mask (A)"),
        ("KSampler (Advanced second) 2", "KSampler (Advanced second) 2"),
    ],
)
def test_brackets_of_the_class_name_are_dropped(title: str, label: str) -> None:
    """ComfyUI's own names have brackets. The author's words stand behind them or in other
    brackets."""
    assert telling_part(title, *SAMPLER) == label


@given(
    pieces=st.lists(st.sampled_from(PIECES), min_size=1, max_size=6),
    space=st.sampled_from(["", " "]),
    cut=st.integers(0, 40),
)
def test_balanced_titles_make_balanced_labels(pieces: list[str], space: str, cut: int) -> None:
    """No bracket loses its partner, for any part of a title as the name of its class."""
    title = space.join(pieces)
    assert is_balanced(telling_part(title, title[:cut], "KSampler (Advanced)"))
    assert is_balanced(telling_part(title, "KSampler", title[:cut]))


def test_an_addition_with_brackets_is_not_bracketed_again() -> None:
    """A dash separates it instead."""
    labels = [Wanted("Steps", ["Base (first)"]), Wanted("Steps", ["Refiner"])]
    assert distinct(labels) == ["Steps \N{EN DASH} Base (first)", "Steps (Refiner)"]


def test_labels_are_numbered_in_each_group() -> None:
    """A group of the editor tells more than a number, and it stands behind other details."""
    labels = [Wanted("Crop", group=group) for group in ("Pose", "Pose", "Face")]
    assert distinct(labels) == ["Crop (Pose)", "Crop (Pose) 2", "Crop (Face)"]
    encoders = [Wanted("Crop", group=group, of_node=["Encode"]) for group in ("Pose", "Face", "")]
    others = [Wanted("Crop", of_node=["Resize"])]
    assert distinct([*encoders, *others]) == [
        "Crop (Encode) \N{EN DASH} Pose",
        "Crop (Encode) \N{EN DASH} Face",
        "Crop (Encode)",
        "Crop (Resize)",
    ]
