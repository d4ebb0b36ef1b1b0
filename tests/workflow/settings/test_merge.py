"""Settings of a form, written into the TOML file beside a workflow."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfy.workflow.config import FieldConfig, FormConfig
from comfy.workflow.settings import FieldNames, merge_settings, parsed_settings

NO_NAMES = FieldNames()
SHIPPED = sorted((Path(__file__).parents[3] / "workflows").glob("**/*.toml"))
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20).map(str.strip).filter(bool)
NUMBER = st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
KEY = st.sampled_from(["1.ckpt_name", "2.text", "3.text", "4.width", "4.height", "5.seed", 'a"b.c'])
FIELD = st.builds(
    FieldConfig,
    KEY,
    label=st.none() | TEXT,
    help=st.none() | TEXT,
    group=st.none() | st.sampled_from(["main", "advanced", "hidden"]),
    default=st.none() | TEXT | NUMBER | st.booleans(),
    min=st.none() | NUMBER,
    max=st.none() | NUMBER,
    step=st.none() | st.integers(1, 9),
    widget=st.none() | TEXT,
    choices=st.lists(TEXT | st.integers(0, 9), max_size=2).map(tuple),
    hidden=st.none() | st.booleans(),
    required=st.none() | st.booleans(),
    also=st.lists(KEY, max_size=2, unique=True).map(tuple),
    closest=st.none() | st.booleans(),
)
IDEA = TEXT | st.dictionaries(KEY, TEXT | st.integers(0, 9), min_size=1, max_size=2)
SETTINGS = st.builds(
    FormConfig,
    title=st.none() | TEXT,
    description=st.none() | TEXT,
    order=st.none() | NUMBER,
    others=st.sampled_from(["advanced", "auto", "hidden"]),
    outputs=st.dictionaries(st.sampled_from(["7", "8", "9:1"]), st.just("") | TEXT, max_size=2),
    ideas=st.lists(IDEA, max_size=3).map(tuple),
    cover=st.none() | st.just("cover.webp"),
    fields=st.lists(FIELD, max_size=5, unique_by=lambda one: one.name).map(tuple),
)
BY_HAND = """\
# Ann's form
title = "Portrait lighting"   # short
colour = "blue"
ideas = ["soft light"]

# ---- the main fields ----

# what light
[fields."2.text"]
label = 'Light'
tone = 3      # not ours

[fields."2.text".more]
deep = true

# ---- advanced ----

[fields."Model.ckpt_name"]
closest = true
help = \"\"\"
Any [model]
# will do\"\"\"

[outputs]
"7" = "Lines" # drawn

[other]
x = 1 # the last
"""


@given(SETTINGS, SETTINGS)
def test_reads_what_it_writes(first: FormConfig, second: FormConfig) -> None:
    """The file has the wanted settings afterwards."""
    text = merge_settings("", first, NO_NAMES)
    assert parsed_settings(text, NO_NAMES) == first
    again = merge_settings(text, second, NO_NAMES)
    assert parsed_settings(again, NO_NAMES) == second
    assert merge_settings(again, second, NO_NAMES) == again


@given(SETTINGS)
def test_keeps_comments_and_unknown_keys(wanted: FormConfig) -> None:
    """Comments and unknown keys survive, unless their field is removed."""
    before = parsed_settings(BY_HAND, NO_NAMES)
    own = [one for one in before.fields if one.name not in {each.name for each in wanted.fields}]
    wanted = replace(wanted, fields=(*wanted.fields, *own))
    after = merge_settings(BY_HAND, wanted, NO_NAMES)
    assert replace(parsed_settings(after, NO_NAMES), problems=()) == wanted
    for comment in re.findall(r"# (?:Ann|----|what|not|the last).*", BY_HAND):
        assert comment in after
    data = tomllib.loads(after)
    assert data["colour"] == "blue"
    assert data["other"] == {"x": 1}
    assert (data["fields"]["2.text"]["tone"], data["fields"]["2.text"]["more"]) == (
        3,
        {"deep": True},
    )


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_writing_what_it_reads_changes_nothing(path: Path) -> None:
    """The text stays the same byte for byte."""
    text = path.read_text(encoding="utf-8")
    assert merge_settings(text, parsed_settings(text, NO_NAMES), NO_NAMES) == text
