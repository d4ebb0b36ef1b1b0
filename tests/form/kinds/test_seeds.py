"""Seeds that the editor replaces when it queues a prompt."""

from __future__ import annotations

import random

import pytest

from comfy.comfyui.object_info import Catalog
from comfy.form.build import build_form
from comfy.form.check import check
from comfy.form.fill import fill
from comfy.form.model import Field
from comfy.form.seeds import CountUp, counted_on, next_seed
from comfy.launch.uploads import value_from_json, value_to_json
from comfy.prompt.model import Prompt
from tests.support.samples.extra_nodes import node_entry, wide_catalog
from tests.support.samples.forms import node, text_to_image, with_values, workflow_of

_WIDE = {"default": 0, "min": -1125899906842624, "max": 1125899906842624}
CATALOG = Catalog(
    {
        **wide_catalog().raw,
        "Seed (rgthree)": node_entry({"seed": ["INT", _WIDE]}, ["INT"]),
        "OwnSampler": node_entry({"seed": ["INT", {"min": -1, "max": 99}]}, [], output_node=True),
    }
)


def with_seed(seed: int) -> Prompt:
    """Return a prompt whose sampler has this seed."""
    return with_values(text_to_image(), "3", seed=seed)


def with_seed_node(seed: int) -> Prompt:
    """Return a prompt whose sampler gets its seed from rgthree's node."""
    prompt = text_to_image(n20=node("Seed (rgthree)", seed=seed))
    return with_values(prompt, "3", seed=["20", 0])


def seed_field(prompt: Prompt) -> Field:
    """Return the only seed of a prompt's form."""
    (field,) = [one for one in build_form(workflow_of(prompt), CATALOG).fields if one.is_seed]
    return field


@pytest.mark.parametrize("prompt", [with_seed, with_seed_node])
@pytest.mark.parametrize(("seed", "step"), [(-1, 0), (-2, 1), (-3, -1)])
def test_a_special_seed_is_drawn_or_counted(prompt: object, seed: int, step: int) -> None:
    """The form reports no problem, and no run gets the seed 0 instead."""
    made = prompt(seed)  # type: ignore[operator]
    field = seed_field(made)
    assert (field.default, field.counts) == (None, step)
    workflow, form = workflow_of(made), build_form(workflow_of(made), CATALOG)
    assert not form.problems
    _, used = fill(workflow, form, check(form, {})[0], random.Random(1))
    assert used[field.key] > 0


def test_a_seed_keeps_the_limits_of_its_own_node() -> None:
    """The server checks the node that holds the seed. Its limits may be closer than the
    sampler's."""
    assert seed_field(with_seed_node(7)).max == _WIDE["max"]
    assert seed_field(with_seed_node(7)).min == 0


def test_a_seed_that_counts_down_continues_below_the_last() -> None:
    """The largest seed follows the smallest."""
    field = seed_field(with_seed_node(-3))
    form = build_form(workflow_of(with_seed_node(-3)), CATALOG)
    clean, errors = check(form, {field.key: CountUp(8)})
    assert (errors, clean[field.key]) == ({}, CountUp(8, step=-1))
    rng = random.Random(1)
    assert next_seed(field, clean[field.key], rng) == 7
    assert next_seed(field, CountUp(0, step=-1), rng) == field.max
    assert next_seed(field, CountUp(8, is_used=False, step=-1).ahead(3), rng) == 5


def test_the_runs_of_one_request_count_from_a_random_start() -> None:
    """The first run draws the seed, and the next ones count."""
    form = build_form(workflow_of(with_seed_node(-3)), CATALOG)
    key = seed_field(with_seed_node(-3)).key
    assert counted_on({}, form, {key: 40}) == {key: CountUp(40, step=-1)}


def test_a_seed_that_the_server_understands_is_sent() -> None:
    """Its node allows -1, so the node decides what it means."""
    field = seed_field({"1": node("OwnSampler", seed=-1)})
    assert (field.default, field.counts) == (-1, 0)


@pytest.mark.parametrize("is_used", [True, False])
@pytest.mark.parametrize("step", [1, -1])
def test_a_counting_seed_survives_a_restart(is_used: bool, step: int) -> None:
    """A kept batch counts on in the same direction."""
    seed = CountUp(8, is_used=is_used, step=step)
    assert value_from_json(value_to_json(seed)) == seed
