"""Lint for the writing style: the hits per folder may only decrease."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.docs.style import hits_by_folder, hits_in

BASELINE = Path(__file__).with_name("style_baseline.json")


def test_no_folder_has_more_hits_than_before() -> None:
    """If the test fails, rewrite the text. If a folder has fewer hits now, lower its number in
    style_baseline.json."""
    known = json.loads(BASELINE.read_text(encoding="utf-8"))
    assert dict(sorted(hits_by_folder().items())) == known


@pytest.mark.parametrize(
    ("text", "hits"),
    [
        ("Whoever asks for it", 2),
        ("Resume the batch", 0),
        ("What lets a batch go on", 2),
        ("The exit status", 0),
    ],
)
def test_counts_starts_and_words(text: str, hits: int) -> None:
    """The lint counts the first word of a text, and words anywhere in it."""
    assert hits_in(text) == hits
