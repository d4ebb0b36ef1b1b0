"""Values that travel to a browser and back. Python and the page's script use the same samples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from comfy.form.kinds.registry import KINDS
from comfy.form.model import Field
from comfy.form.seeds import CountUp
from comfy.prompt.value_types import BadValue
from ui.documents.browser_values import (
    number_rules,
    places_kept,
    run_values,
    seed_of,
    seed_parts,
    seed_rules,
    value_text,
)

DATA = Path(__file__).parents[2] / "data"
SAMPLES: list[dict[str, Any]] = json.loads((DATA / "browser_values.json").read_text())
NUMBERS: list[dict[str, Any]] = json.loads((DATA / "browser_numbers.json").read_text())
SEEDS: list[dict[str, Any]] = json.loads((DATA / "browser_seeds.json").read_text())


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [sample for sample in SAMPLES if sample["kind"] == kind]


@pytest.mark.parametrize("sample", of_kind("seed"), ids=lambda one: str(one["kept"]))
def test_a_stored_seed_is_read_back_unchanged(sample: dict[str, Any]) -> None:
    """The text and mode of a seed, as the script stores them, read back as the same seed."""
    assert seed_of(*seed_parts(sample["kept"])) == seed_of(*sample["parts"])


@pytest.mark.parametrize("sample", of_kind("file"), ids=lambda one: str(one["kept"]))
def test_a_stored_file_contains_its_path(sample: dict[str, Any]) -> None:
    """The script stores the path that Gradio's component names for a file."""
    (file,) = sample["parts"]
    assert places_kept(sample["kept"]) == ((file["path"],) if file else ())


@pytest.mark.parametrize("sample", of_kind("plain"), ids=lambda one: str(one["kept"]))
def test_values_of_a_run_are_stored_as_if_typed(sample: dict[str, Any]) -> None:
    """“Reuse settings” stores what typing the same value would store."""
    assert run_values({"1.x": sample["parts"][0]}, {}) == {"1.x": sample["kept"]}


def test_long_numbers_travel_as_text_and_files_by_their_place() -> None:
    """A browser's numbers lose digits beyond 2^53. A deleted file has no place."""
    kept = run_values(
        {"1.seed": 2**63, "1.least": -(2**60), "1.steps": 2**53},
        {"2.image": "ab/x.png", "3.image": None},
    )
    assert kept == {
        "1.seed": str(2**63),
        "1.least": str(-(2**60)),
        "1.steps": 2**53,
        "2.image": {"file": "ab/x.png"},
        "3.image": {"file": None},
    }
    assert json.loads(json.dumps(kept)) == kept


def test_a_counted_seed_is_shown_with_its_last_value() -> None:
    """The page shows a `comfy` seed that counts up and the browser's stored copy alike."""
    assert seed_parts(CountUp(7)) == seed_parts("+7") == ("7", "counting")


@pytest.mark.parametrize(
    ("value", "said"),
    [(True, "Yes"), (False, "No"), (7.0, "7"), (0.1, "0.1"), (3, "3"), ("a", "a")],
)
def test_values_in_words(value: object, said: str) -> None:
    """Values read naturally, without “False” or “7.0”."""
    assert value_text(value) == said


@pytest.mark.parametrize("sample", NUMBERS, ids=lambda one: str(one["typed"]))
def test_the_script_knows_which_number_is_sent(sample: dict[str, Any]) -> None:
    """The app rounds and refuses numbers as the page's script predicts from the field's rule."""
    others = ("typed", "sent", "widget")
    limits = {name: value for name, value in sample.items() if name not in others}
    kind = KINDS[sample["widget"]]
    field = Field("1.x", "1", "x", "X", kind=kind, group="main", **({"default": None} | limits))
    assert number_rules([field])["1.x"]["grain"] == sample.get("round")
    try:
        sent = field.kind.check(field, sample["typed"])
    except BadValue:
        sent = None
    assert sent == sample["sent"]


@pytest.mark.parametrize("sample", SEEDS, ids=lambda one: str(one["typed"]))
def test_the_script_has_the_sentences_of_a_seed(sample: dict[str, Any]) -> None:
    """The app refuses a seed in the script's words. It gives the script the seed's limits in
    digits."""
    names = ("least", "most", "typical")
    least, most, typical = (int(one) if (one := sample.get(name)) else None for name in names)
    limits: dict[str, Any] = {"min": least, "max": most, "default": typical}
    field = Field("1.x", "1", "x", "X", "INT", KINDS["seed"], "main", **limits)
    assert seed_rules([field]) == {"1.x": {name: sample.get(name) for name in names}}
    said = ""
    try:
        field.kind.check(field, sample["typed"])
    except BadValue as error:
        said = str(error)
    assert said == sample["said"]
