"""Versions of a form's settings, and summaries of their changes."""

from __future__ import annotations

from comfy.library.editing.editor import change_summary
from comfy.library.editing.history import History
from comfy.workflow.config import FieldConfig, FormConfig

LABELS = {"5.steps": "Steps"}


def test_neighbors_of_one_user_are_one_version() -> None:
    """Another user's change, a later one and the present one stay on their own."""
    history = History().synced("original", 0)
    for text, at, by in (
        ("1", 10, "Anna"),
        ("2", 70, "Anna"),
        ("3", 80, "Ben"),
        ("4", 90, "Anna"),
        ("5", 4000, "Anna"),
        ("6", 4001, "Anna"),
    ):
        history = history.saved(text, at, by)
    changes = [(new.text, old and old.text) for new, old in history.changes()]
    assert changes == [
        ("original", None),
        ("2", "original"),
        ("3", "2"),
        ("4", "3"),
        ("6", "4"),
    ]
    assert [new.text for new, _ in history.undone().changes()][-2:] == ["5", "6"]


def test_keeps_the_last_twenty_and_the_original() -> None:
    history = History().synced("original", 0)
    for number in range(25):
        history = history.saved(str(number), number * 1000, "")
    assert len(history.versions) == 20
    assert [one.text for one in history.versions[:2]] == ["original", "6"]
    assert history.original is history.versions[0]


def test_a_summary_shows_the_values() -> None:
    before = FormConfig(title="One", fields=(FieldConfig("5.steps", default=20),))
    for after, summary in (
        (FormConfig(title="Two", fields=before.fields), "Title: One → Two"),
        (FormConfig(fields=before.fields), "Title"),
        (
            FormConfig("One", fields=(FieldConfig("5.steps", default=30),)),
            "Steps (Default value): 20 → 30",
        ),
        (
            FormConfig("One", fields=(FieldConfig("5.steps", default=20, label="Rounds"),)),
            "Steps → Rounds",
        ),
        (
            FormConfig("One", fields=(FieldConfig("5.steps", min=1, max=9),)),
            "Steps (Default value, Minimum, Maximum)",
        ),
    ):
        assert change_summary(before, after, LABELS) == summary
