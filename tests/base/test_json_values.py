"""Untrusted JSON: the app can write any input again and gives it the right type."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comfy.base.json_values import (
    MAX_DEPTH,
    NotJson,
    TooDeep,
    as_dicts,
    as_list,
    as_mapping,
    as_number,
    as_text,
    levels,
    parse_json,
    parse_sent,
    read_json,
)
from tests.support.distribution import examples

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=20,
)


@settings(max_examples=examples(200))
@given(JSON)
def test_parsed_json_can_be_written(value: Any) -> None:
    """The parser removes NaN, infinity and lone surrogates at any depth."""
    text = json.dumps(value)
    json.dumps(read_json(text), allow_nan=False, ensure_ascii=False).encode()
    json.dumps(parse_json(text), allow_nan=False)


@given(JSON)
def test_levels_hold_every_value_once(value: Any) -> None:
    """A walk by levels visits the same values as a recursive walk."""

    def count(one: Any) -> int:
        inside = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        return 1 + sum(map(count, inside))

    assert sum(map(len, levels(value))) == count(value)


def test_depth_has_a_bound() -> None:
    """The parser reads nested lists up to the limit and rejects deeper ones."""
    read_json("[" * MAX_DEPTH + "7" + "]" * MAX_DEPTH)
    with pytest.raises(TooDeep):
        read_json("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1))
    with pytest.raises(NotJson):
        read_json("[1, ")
    for parse in (parse_json, parse_sent):
        for text in ("[" * 100_000, "[" * 600 + "]" * 600, "1" + ",1" * 4_000_000):
            with pytest.raises(ValueError, match=r"[Tt]oo (deeply|many)"):
                parse(text)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (3, 3),
        (0.5, 0.5),
        (10**400, 10**400),
        (True, None),
        ("3", None),
        (None, None),
        (float("inf"), None),
        (float("nan"), None),
    ],
)
def test_numbers(value: object, number: object) -> None:
    """Only finite numbers count as numbers. Booleans don't."""
    assert as_number(value) == number


def test_other_shapes_are_empty() -> None:
    """A value of the wrong type counts as an empty object, list or text."""
    assert as_mapping([1]) == {}
    assert as_list({"a": 1}) == []
    assert as_text(7) == ""
    assert list(as_dicts([{"a": 1}, 2, {}])) == [{"a": 1}, {}]
    assert list(as_dicts({"a": {}})) == []
