"""Seeds: fixed, random or counting up."""

from __future__ import annotations

import random

import pytest

from comfy.form.check import check
from comfy.form.fill import fill
from comfy.form.seeds import CountUp, next_seed
from tests.support.samples.forms import form_of, text_to_image, workflow_of

FORM = form_of(text_to_image())
SEED = FORM.field("3.seed")


def sent(value: object) -> object:
    """Return the seed that a run gets."""
    clean, errors = check(FORM, {"3.seed": value})
    assert errors == {}
    prompt, used = fill(workflow_of(text_to_image()), FORM, clean, random.Random(1))
    assert prompt["3"]["inputs"]["seed"] == used["3.seed"]
    return used["3.seed"]


@pytest.mark.parametrize(
    ("value", "seed"),
    [
        ("12", 12),
        (12, 12),
        (CountUp(12, is_used=False), 12),
        (CountUp(12), 13),
        (CountUp(2**64 - 2), 2**64 - 1),
        (CountUp(2**64 - 1), 0),
    ],
)
def test_a_seed_is_sent_as_given_or_counted(value: object, seed: int) -> None:
    """The run gets the given seed or the next one after the last seed. The smallest seed follows
    the largest."""
    assert sent(value) == seed


def test_an_empty_seed_draws_a_new_one_each_time() -> None:
    """The draw comes from the given generator."""
    rng = random.Random(5)
    assert len({next_seed(SEED, None, rng) for _ in range(20)}) == 20


def test_an_invalid_last_seed_is_refused() -> None:
    """The last seed must be a valid seed."""
    assert check(FORM, {"3.seed": CountUp(-3)})[1] == {"3.seed": "Minimum 0."}
