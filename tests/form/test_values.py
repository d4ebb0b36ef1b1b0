"""A form's values: checked, filled into the prompt, seeds and colors included."""

from __future__ import annotations

import copy
import random
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comfy.base.messages import Message
from comfy.comfyui.object_info import Catalog
from comfy.form.build import build_form
from comfy.form.check import check, labelled_errors
from comfy.form.fill import fill
from comfy.form.labels import Wanted, distinct
from comfy.form.model import Form
from comfy.form.seeds import CountUp, next_seed
from comfy.prompt.model import Prompt
from comfy.workflow.config import FormConfig, parse_config
from tests.support.distribution import examples
from tests.support.samples.extra_nodes import wide_form
from tests.support.samples.forms import form_of, node, text_to_image, with_values, workflow_of

FORM = form_of(text_to_image())
IMAGE = form_of(
    {"1": node("LoadImage", "Photo", image="mine.png"), "2": node("PreviewImage", images=["1", 0])}
)


def error_of(key: str, value: object) -> str:
    return check(FORM, {key: value})[1].get(key, "")


def clean(key: str, value: object) -> Any:
    """Return the checked value of a valid entry."""
    values, errors = check(FORM, {key: value})
    assert errors == {}
    return values[key]


def test_nothing_entered_means_the_workflows_own_values() -> None:
    """A missing key is the default, not an error."""
    values, errors = check(FORM, {})
    assert errors == {}
    assert values["6.text"] == "a lighthouse at dusk"
    assert values["3.seed"] == 7


def test_all_wrong_fields_are_named_at_once() -> None:
    """Each wrong value gets its own sentence. The check keeps the valid values."""
    values, errors = check(FORM, {"3.steps": 0, "3.cfg": "high", "5.width": 99999, "6.text": "fox"})
    assert errors == {
        "3.steps": "Minimum 1.",
        "3.cfg": "Enter a number.",
        "5.width": "Maximum 16384.",
    }
    assert values["6.text"] == "fox"


def test_too_many_wildcards_are_refused_on_their_field() -> None:
    assert "Too many wildcards" in error_of("6.text", "{|}" * 30_000)
    assert clean("6.text", r"\{\}" * 2_000) == r"\{\}" * 2_000


def test_our_labels_and_their_help_are_messages() -> None:
    """Messages can be translated, even if a label has a title beside it. An author's own label is
    plain text."""
    said = {"fields": {"3.steps": {"label": "Rounds"}}, "others": "auto"}
    form = form_of(text_to_image(), parse_config("text.toml", said))
    label = form.field("3.seed").label
    assert isinstance(label, Message)
    assert not isinstance(form.field("3.steps").label, Message)
    _, errors = check(form, {field.key: [] for field in form.fields} | {"none": 1})
    told = labelled_errors(form, errors).values()
    assert len(told) > 5
    assert all(isinstance(said, Message) for said in (*errors.values(), *told))
    numbered = distinct([Wanted(label, ("Fine",)), Wanted(label), Wanted(label)])
    assert numbered == ["Seed (Fine)", "Seed", "Seed 2"]
    assert [type(one) for one in numbered] == [Message] * 3


@pytest.mark.parametrize(
    ("key", "typed", "value"),
    [
        ("3.steps", "30", 30),
        ("3.steps", " 30.0 ", 30),
        ("3.steps", 30.0, 30),
        ("3.cfg", "12,5", 12.5),
        ("3.cfg", "1e1", 10.0),
        ("3.cfg", ".5", 0.5),
        ("3.cfg", 7, 7.0),
        ("3.seed", "18446744073709551615", 2**64 - 1),
        ("3.seed", 2**53 + 1, 2**53 + 1),
        ("3.sampler_name", "dpmpp_2m", "dpmpp_2m"),
        ("6.text", None, ""),
        ("6.text", "  two\nlines ", "  two\nlines "),
    ],
)
def test_values_are_read_as_they_are_typed(key: str, typed: object, value: object) -> None:
    """Users can enter numbers as text, with a comma for the decimal point. Whole numbers are exact
    up to 64 bits."""
    read = clean(key, typed)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("key", "typed", "words"),
    [
        ("3.steps", "7.5", "Enter a whole number."),
        ("3.steps", "", "Enter a number."),
        ("3.steps", None, "Enter a number."),
        ("3.steps", [1], "Enter a whole number."),
        ("3.cfg", float("nan"), "Enter a number."),
        ("3.cfg", "inf", "Enter a number."),
        ("3.cfg", "1e999", "Enter a number."),
        ("3.cfg", 10**400, "Enter a number."),
        ("3.cfg", "1,000", "thousands separator"),
        ("3.seed", 2**64, "Maximum 18446744073709551615."),
        ("3.seed", -1, "Minimum 0."),
        ("3.seed", "9" * 5000, "Enter a whole number."),
        ("6.text", "x" * 100_001, "Maximum 100,000 characters."),
        ("6.text", {"a": 1}, "Enter some text."),
        ("3.sampler_name", "eular", "Did you mean “euler”?"),
        ("3.sampler_name", None, "Choose one."),
        ("3.sampler_name", ["euler"], "Choose another."),
    ],
)
def test_wrong_values_are_refused_in_words(key: str, typed: object, words: str) -> None:
    """The sentence starts with the field's label and says what would be valid."""
    said = error_of(key, typed)
    assert words in said
    assert labelled_errors(FORM, {key: said}) == {key: f"{FORM.field(key).label}: {said}"}


def test_unknown_keys_are_refused() -> None:
    """A misspelled key is an error with a suggestion."""
    _, errors = check(FORM, {"3.step": 4})
    assert errors == {"3.step": "There is no field “3.step”. Did you mean “3.steps”?"}


def test_whole_numbers_are_rounded_to_steps_from_the_minimum() -> None:
    """The width has steps of 8, as in the editor."""
    assert clean("5.width", 515) == 512
    assert clean("5.width", 517) == 520


def test_whole_numbers_without_a_step_are_not_rounded() -> None:
    form = replace(FORM, fields=(replace(FORM.field("3.steps"), step=None),))
    assert check(form, {"3.steps": 22})[0]["3.steps"] == 22


def test_decimals_are_rounded_to_the_nodes_precision() -> None:
    """A `cfg` has two decimals."""
    assert clean("3.cfg", 7.126) == 7.13


def test_the_workflows_own_value_is_never_rounded() -> None:
    """The app sends the author's stored value unchanged."""
    form = form_of(with_values(text_to_image(), "5", width=515))
    assert check(form, {"5.width": 515})[0]["5.width"] == 515


@pytest.mark.parametrize(
    ("saved", "shown"),
    [(1.2000000000000002, 1.2), (0.8999999761581421, 0.9), (7.12345678, 7.12345678)],
)
def test_an_error_of_arithmetic_is_not_shown(saved: float, shown: float) -> None:
    form = form_of(with_values(text_to_image(), "3", cfg=saved))
    assert form.field("3.cfg").default == shown


def test_the_workflows_own_choice_is_accepted() -> None:
    """The app may send a model that the server lacks unchanged. The server decides about it."""
    form = form_of(with_values(text_to_image(), "4", ckpt_name="gone.safetensors"))
    assert check(form, {"4.ckpt_name": "gone.safetensors"})[1] == {}


@pytest.mark.parametrize("values", [{}, {"1.image": None}, {"1.image": " "}])
def test_a_missing_image_must_be_added(values: dict[str, object]) -> None:
    """The author's own file isn't on this server, so the user must add an image."""
    assert check(IMAGE, values)[1] == {"1.image": "Add an image."}


def test_a_valid_image_name_is_accepted() -> None:
    """The check also accepts an image from another run's results. A name with control characters is
    no image."""
    assert check(IMAGE, {"1.image": "me/cat.png [output]"})[0] == {"1.image": "me/cat.png [output]"}
    assert "uploaded file" in check(IMAGE, {"1.image": "a\x00b"})[1]["1.image"]
    assert "uploaded file" in check(IMAGE, {"1.image": 5})[1]["1.image"]


def test_an_example_that_the_server_has_may_stay() -> None:
    """A shell user needs no image if the default exists. An emptied field needs an image."""
    form = form_of(
        {
            "1": node("LoadImage", "Photo", image="example.png"),
            "2": node("PreviewImage", images=["1", 0]),
        }
    )
    assert check(form, {})[1] == {}
    assert check(form, {"1.image": ""})[1] != {}


def test_filling_leaves_the_workflow_alone() -> None:
    """Filling returns a new prompt. Links and other inputs don't change."""
    workflow = workflow_of(text_to_image())
    before = copy.deepcopy(workflow.prompt)
    values, _ = check(FORM, {"6.text": "a fox", "3.steps": 4})
    prompt, used = fill(workflow, FORM, values, random.Random(1))
    assert workflow.prompt == before
    assert prompt == with_values(with_values(before, "6", text="a fox"), "3", steps=4)
    assert used["6.text"] == "a fox"


def test_a_negative_seed_of_the_workflow_means_random() -> None:
    """Some node packs save -1 for it."""
    form = form_of(with_values(text_to_image(), "3", seed=-1))
    assert (form.field("3.seed").default, form.problems) == (None, ())


def test_an_empty_seed_is_drawn_and_recorded() -> None:
    """The values contain the seed that the run uses. It's within limits and exact in a browser."""
    values, errors = check(FORM, {"3.seed": ""})
    assert errors == {}
    draws = set()
    for number in range(20):
        prompt, used = fill(workflow_of(text_to_image()), FORM, values, random.Random(number))
        assert prompt["3"]["inputs"]["seed"] == used["3.seed"]
        assert 0 <= used["3.seed"] < 2**53
        draws.add(used["3.seed"])
    assert len(draws) == 20


def test_one_field_may_set_several_inputs() -> None:
    """Every target gets the value."""
    config = parse_config("x.toml", {"fields": {"5.width": {"also": ["5.height"]}}})
    form = form_of(text_to_image(), config)
    prompt, _ = fill(workflow_of(text_to_image()), form, {"5.width": 640}, random.Random(1))
    assert (prompt["5"]["inputs"]["width"], prompt["5"]["inputs"]["height"]) == (640, 640)


def test_hidden_values_are_sent_but_not_recorded() -> None:
    """The app doesn't copy a blob in a hidden input into every run record."""
    blob = "A" * 5000
    prompt = with_values(text_to_image(), "6", text=blob)
    filled, used = fill(workflow_of(prompt), form_of(prompt), {}, random.Random(1))
    assert filled["6"]["inputs"]["text"] == blob
    assert "6.text" not in used


KEYS = st.sampled_from([field.key for field in FORM.fields])


@given(st.dictionaries(KEYS, st.none() | st.text() | st.floats() | st.integers()))
@settings(max_examples=examples(200))
def test_every_value_is_valid_or_has_an_error(values: dict[str, object]) -> None:
    """Every field is either valid or has a sentence. Valid values pass a second check unchanged."""
    good, errors = check(FORM, values)
    assert set(good) | set(errors) == {field.key for field in FORM.fields}
    assert not set(good) & set(errors)
    again, none = check(FORM, good)
    assert none == {}
    assert again | good == again


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


SEED = FORM.field("3.seed")


def seed_sent(value: object) -> object:
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
    assert seed_sent(value) == seed


def test_an_empty_seed_draws_a_new_one_each_time() -> None:
    """The draw comes from the given generator."""
    rng = random.Random(5)
    assert len({next_seed(SEED, None, rng) for _ in range(20)}) == 20


def test_an_invalid_last_seed_is_refused() -> None:
    """The last seed must be a valid seed."""
    assert check(FORM, {"3.seed": CountUp(-3)})[1] == {"3.seed": "Minimum 0."}


NODES = {
    "EmptyImage": {
        "input": {
            "required": {
                "color": ["INT", {"default": 0, "min": 0, "max": 0xFFFFFF, "display": "color"}],
            }
        },
        "output": ["IMAGE"],
        "name": "EmptyImage",
    },
    "Painter": {
        "input": {
            "required": {
                "image": ["IMAGE"],
                "bg_color": ["COLOR", {"default": "#000000", "socketless": True}],
                "edge": ["STRING", {"default": "", "display": "color"}],
            }
        },
        "output": [],
        "name": "Painter",
        "output_node": True,
    },
}
PROMPT = {
    "1": node("EmptyImage", color=255),
    "2": node("Painter", image=["1", 0], bg_color="#FFFFFF", edge=""),
}


def form() -> Form:
    """Return the form of both nodes, on a server that has them."""
    return build_form(workflow_of(PROMPT), Catalog(NODES))


def test_colors_get_a_picker() -> None:
    """The picker appears for numbers and texts shown as colors, and for the color type. A text that
    is no color has no picker."""
    widgets = {field.key: field.widget for field in form().fields}
    assert widgets == {"1.color": "color", "2.bg_color": "color", "2.edge": "text"}


@pytest.mark.parametrize(
    ("picked", "number", "text"),
    [
        ("#ff8800", 0xFF8800, "#ff8800"),
        ("#f80", 0xFF8800, "#ff8800"),
        ("#ff8800cc", 0xFF8800, "#ff8800"),
        ("rgba(255, 136.4, 0.2, 0.5)", 0xFF8800, "#ff8800"),
        ("rgb(255,136,0)", 0xFF8800, "#ff8800"),
        ("hsl(0, 100%, 50%)", 0xFF0000, "#ff0000"),
        ("rgba(255, 255, 255, 1)", 0xFFFFFF, "#FFFFFF"),
        (0xFF8800, 0xFF8800, "#ff8800"),
    ],
)
def test_a_picked_color_is_sent_in_the_servers_format(
    picked: object, number: int, text: str
) -> None:
    """The app accepts any picker's format. The author's own color keeps the author's spelling."""
    clean, errors = check(form(), {"1.color": picked, "2.bg_color": picked})
    assert errors == {}
    prompt, _ = fill(workflow_of(PROMPT), form(), clean, random.Random(1))
    assert prompt["1"]["inputs"]["color"] == number
    assert prompt["2"]["inputs"]["bg_color"] == text


@pytest.mark.parametrize(
    ("picked", "text"),
    [
        ("#ff8800", "#ff880080"),
        ("#ff8800cc", "#ff8800cc"),
        ("#112233", "#11223380"),
        ("#112233ff", "#112233ff"),
    ],
)
def test_a_picked_color_keeps_the_authors_transparency(picked: str, text: str) -> None:
    """Pickers without transparency change the color only."""
    painter = node("Painter", image=["1", 0], bg_color="#11223380", edge="")
    workflow = workflow_of(PROMPT | {"2": painter})
    form = build_form(workflow, Catalog(NODES))
    clean, errors = check(form, {"2.bg_color": picked})
    assert errors == {}
    filled, _ = fill(workflow, form, clean, random.Random(1))
    assert filled["2"]["inputs"]["bg_color"] == text


def test_a_number_typed_in_a_shell_is_a_color() -> None:
    """The check takes the value that `--set 1.color=255` gives."""
    assert check(form(), {"1.color": "255"})[0]["1.color"] == 255


@pytest.mark.parametrize("value", ["", None, "sky", "rgb(1,2)", -1, 2**24, True, [1], "#" * 10_000])
def test_an_invalid_color_is_refused_with_a_sentence(value: object) -> None:
    """The sentence appears on the field."""
    assert check(form(), {"1.color": value})[1] == {"1.color": "Choose a color, such as #ff8800."}
