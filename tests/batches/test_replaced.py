"""Word replacements in texts that stay within a field's limit."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfy.batches import replaced as module
from comfy.batches.replaced import check_together, replaced
from comfy.batches.spec import AxisSpec, BatchSpec, TableSpec, read_batch
from comfy.prompt.value_types import LONGEST_TEXT, BadValue
from tests.batches.test_values import FORM, key_of

TEXT = key_of(FORM, "text")


def test_a_replacement_never_exceeds_the_maximum_text_length() -> None:
    """The app refuses a long text before building it, as that could exhaust memory."""
    assert replaced("a boat, a cat", "a ", "the ") == "the boat, the cat"
    assert len(replaced("a" * 1_000, "a", "b" * 100)) == LONGEST_TEXT
    with pytest.raises(BadValue, match="Maximum 100,000 characters"):
        replaced("a" * 1_000, "a", "b" * 101)
    with pytest.raises(BadValue, match="Maximum 100,000 characters"):
        replaced("a" * 90_000, "a", "b" * 90_000)


@pytest.mark.parametrize(
    ("axes", "table", "problem"),
    [
        ((("a", "b"),), "", None),
        ((("boat", "ship"), ("a", "the")), "", None),
        ((("a", "a" * 40),) * 20, "", "Maximum"),
        ((("a", "b" * 400), ("b", "c" * 400)), "", "Maximum"),
        # The value that makes the other text longer is not always the longest one.
        ((("a", "b" * 400, "c" * 401), ("b", "d" * 400)), "", "Maximum"),
        ((("a", "b" * 400),), "a" * 200, None),
        ((("a", "b" * 400),), "a" * 300, "Maximum"),
    ],
)
def test_all_replacements_of_a_field_are_judged_together(
    axes: tuple[tuple[str, ...], ...], table: str, problem: str | None
) -> None:
    """The check includes the texts of a table."""
    given = tuple(AxisSpec(TEXT, replace="\n".join(axis)) for axis in axes)
    sheet = TableSpec("a.csv", f"{TEXT}\n{table}\n") if table else None
    base = {TEXT: "a big boat" if all(axis[0] != "b" for axis in axes) else "ab"}
    _, problems = read_batch(FORM, BatchSpec(given, sheet, paired=True), base)
    told = [(one.field, problem is not None and problem in one.message) for one in problems]
    assert told == ([] if problem is None else [(TEXT, True)])


short = st.text("abc", max_size=4)
finds = st.text("abc", min_size=1, max_size=2)


@given(
    st.lists(short, min_size=1, max_size=3),
    st.lists(st.tuples(finds, st.lists(short, min_size=1, max_size=3)), min_size=1, max_size=4),
)
def test_packs_never_exceed_the_limit(texts: list[str], axes: list[tuple[str, list[str]]]) -> None:
    """The limit holds for every combination of values."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "LONGEST_TEXT", 12)
        try:
            check_together(texts, axes)
        except BadValue:
            return
        for text, *values in product(texts, *(values for _, values in axes)):
            for (find, _), value in zip(axes, values, strict=True):
                text = replaced(text, find, value)
