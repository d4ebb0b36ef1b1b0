"""The seeds drawn for each row of a batch."""

from __future__ import annotations

import random

import pytest

from comfy.batches.content import BatchContent, Column
from comfy.batches.spec import Seeds, with_seeds
from tests.support.samples.forms import form_of, text_to_image, with_values

TEXT, SEED = "6.text", "3.seed"
FORM = form_of(with_values(text_to_image(), "6", text="a {red|blue} boat"))


def drawn(seeds: Seeds, *columns: str, **base: object) -> dict[str, object]:
    """Return the values common to all rows."""
    shown = tuple(Column(key, key, (1,)) for key in columns)
    return {**with_seeds(FORM, BatchContent(base, axes=shown), seeds, random.Random(1)).base}


@pytest.mark.parametrize("seeds", ["form", "each"])
def test_undrawn_fields_of_each_row_are_named(seeds: Seeds) -> None:
    """The app also draws texts for each row if the batch asks for new seeds per row. It doesn't
    draw a field that the batch varies."""
    texts = {TEXT: "a {red|blue} boat"} if seeds == "each" else {}
    assert drawn(seeds) == {SEED: None} | texts
    assert drawn(seeds, SEED, TEXT) == {}
    assert drawn(seeds, **{TEXT: "a boat", SEED: 3}) == {
        TEXT: "a boat",
        SEED: 3 if seeds == "form" else None,
    }


def test_one_seed_that_was_left_out_is_drawn_once() -> None:
    """All rows share the drawn seed."""
    assert isinstance(drawn("one")[SEED], int)
    assert drawn("one", **{SEED: 3}) == {SEED: 3}
