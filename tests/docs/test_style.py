"""Lint for the writing style: no text has a construction that it avoids."""

from __future__ import annotations

import pytest

from tests.docs.style import all_hits, hits_in


def test_no_text_has_an_avoided_construction() -> None:
    """If the test fails, rewrite the text."""
    assert not (hits := all_hits()), "\n".join(hits)


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
    """The lint finds the first word of a text, and words anywhere in it."""
    assert len(hits_in(text)) == hits
