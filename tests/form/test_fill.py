"""Changes that the editor makes when it queues a prompt: wildcards, names and dates."""

from __future__ import annotations

import random
from datetime import datetime
from typing import Any

from comfy.form.check import check
from comfy.form.fill import fill
from comfy.prompt.model import Prompt
from comfy.workflow.config import FormConfig, parse_config
from tests.support.samples.extra_nodes import wide_form
from tests.support.samples.forms import node, text_to_image, with_values, workflow_of

NOON = datetime(2026, 3, 9, 12, 5)
DYNAMIC = with_values(
    text_to_image(n24=node("EditText", prompt="a {red|blue|green} fox", clip=["4", 1])),
    "3",
    positive=["24", 0],
)


def sent(
    prompt: Prompt, values: dict[str, object], number: int = 1, config: FormConfig | None = None
) -> tuple[Prompt, dict[str, Any]]:
    form = wide_form(prompt, values, config)
    clean, errors = check(form, values)
    assert errors == {}
    return fill(workflow_of(prompt, config), form, clean, random.Random(number), NOON)


def test_wildcards_are_drawn_and_recorded() -> None:
    """Each run draws another text. The run's values contain the text that was sent."""
    seen = set()
    for number in range(30):
        prompt, used = sent(DYNAMIC, {}, number)
        assert prompt["24"]["inputs"]["prompt"] == used["24.prompt"]
        seen.add(used["24.prompt"])
    assert seen == {"a red fox", "a blue fox", "a green fox"}


def test_wildcards_work_in_the_users_text() -> None:
    """Wildcards also work in the user's text, not only in the author's."""
    assert sent(DYNAMIC, {"24.prompt": "{one}"})[1]["24.prompt"] == "one"


def test_braces_outside_wildcard_inputs_are_kept() -> None:
    """Wildcards work only in inputs whose node declares them."""
    prompt, used = sent(text_to_image(), {"9.filename_prefix": "{a|b}"})
    assert prompt["9"]["inputs"]["filename_prefix"] == used["9.filename_prefix"] == "{a|b}"


def test_one_field_sends_one_text() -> None:
    """If a field sets several inputs, all of them get the same draw."""
    twin = with_values(
        DYNAMIC | {"25": node("EditText", prompt="x", clip=["4", 1])}, "3", negative=["25", 0]
    )
    config = parse_config("x.toml", {"fields": {"24.prompt": {"also": ["25.prompt"]}}})
    for number in range(10):
        prompt, _ = sent(twin, {}, number, config)
        assert prompt["24"]["inputs"]["prompt"] == prompt["25"]["inputs"]["prompt"]


def test_file_prefixes_name_values_and_the_date() -> None:
    """The prefix contains the values of this run, including a drawn seed."""
    prompt = with_values(
        text_to_image(), "9", filename_prefix="%date:yyyy-MM-dd%/%KSampler.seed%_%width%"
    )
    filled, used = sent(prompt, {"3.seed": None})
    expected = f"2026-03-09/{used['3.seed']}_%width%"
    assert filled["9"]["inputs"]["filename_prefix"] == used["9.filename_prefix"] == expected


def test_recorded_values_give_the_same_prompt_again() -> None:
    """A run's values hold no more wildcards, so they give the same prompt again."""
    prompt, used = sent(DYNAMIC, {"3.seed": None})
    assert sent(DYNAMIC, used, 99)[0] == prompt
