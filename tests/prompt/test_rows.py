"""Repeatable rows: reading and writing them in each notation."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfy.comfyui.input_spec import RowGroup
from comfy.prompt.rows import first_row, read_rows, unoffered_cells, write_rows
from tests.support.samples.rows import LORAS, ROW_CATALOG


def group(class_type: str) -> RowGroup:
    """Return the rows of a class."""
    rows = ROW_CATALOG[class_type].by_name["loras"].rows
    assert rows
    return rows


STACK = group("Stack")
POWER = group("Power Lora Loader (rgthree)")
MANAGER = group("Lora Loader (LoraManager)")

STRENGTHS = st.floats(-2, 2, allow_nan=False)
STACK_ROWS = st.lists(
    st.fixed_dictionaries(
        {"lora_name": st.sampled_from(LORAS), "strength": STRENGTHS}, optional={"note": st.text()}
    )
)
POWER_ROWS = st.lists(
    st.fixed_dictionaries(
        {"on": st.booleans(), "lora": st.sampled_from(LORAS), "strength": STRENGTHS},
        optional={"pinned": st.integers()},
    )
)
MANAGER_ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.sampled_from(["detail", "ink"]),
            "active": st.booleans(),
            "strength": STRENGTHS,
        },
        optional={"expanded": st.booleans(), "clipStrength": st.floats(3, 4)},
    )
)
OTHERS = st.fixed_dictionaries({}, optional={"model": st.just(["1", 0]), "text": st.text()})
CASES = st.one_of(
    st.tuples(st.just(STACK), STACK_ROWS, STACK_ROWS),
    st.tuples(st.just(POWER), POWER_ROWS, POWER_ROWS),
    st.tuples(st.just(MANAGER), MANAGER_ROWS, MANAGER_ROWS),
)


@given(CASES, OTHERS)
def test_written_rows_read_the_same(
    case: tuple[RowGroup, list[dict[str, Any]], list[dict[str, Any]]], others: dict[str, Any]
) -> None:
    """Reading returns the written rows, and other inputs stay in their order."""
    rows, before, after = case
    written = write_rows(rows, write_rows(rows, others, before), after)
    assert read_rows(rows, written) == after
    kept = {name: value for name, value in written.items() if name in others}
    assert [*kept.items()] == [*others.items()]


@given(CASES, OTHERS)
def test_unchanged_rows_leave_the_inputs_alone(
    case: tuple[RowGroup, list[dict[str, Any]], list[dict[str, Any]]], others: dict[str, Any]
) -> None:
    """Writing the rows that were read changes neither names nor values nor their order."""
    rows, before, _ = case
    inputs = write_rows(rows, others, before)
    read = read_rows(rows, inputs)
    assert read is not None
    assert [*write_rows(rows, inputs, read).items()] == [*inputs.items()]


def test_dotted_rows_close_gaps_when_they_change() -> None:
    """A dotted group is numbered from 0 without gaps."""
    inputs = {"loras.0.strength": 1, "loras.4.strength": 2, "loras.x.strength": 3, "other": 4}
    assert read_rows(STACK, inputs) == [{"strength": 1}, {"strength": 2}]
    assert write_rows(STACK, inputs, [{"strength": 2}]) == {
        "loras.0.strength": 2,
        "loras.x.strength": 3,
        "other": 4,
    }


def test_a_linked_cell_makes_rows_unreadable() -> None:
    """A link stays as it is, so the rows of its group can't be replaced."""
    assert read_rows(STACK, {"loras.0.strength": ["7", 0]}) is None
    assert read_rows(MANAGER, {"loras": ["7", 0]}) is None
    assert read_rows(POWER, {"lora_1": ["7", 0]}) is None


def test_rgthree_rows_keep_their_names_until_they_change() -> None:
    """Gaps in rgthree's numbering stay in an unchanged prompt."""
    rows = [{"on": True, "lora": "a", "strength": 1}, {"on": False, "lora": "b", "strength": 2}]
    inputs = {"lora_2": rows[0], "lora_7": rows[1], "clip": ["1", 1]}
    assert read_rows(POWER, inputs) == rows
    assert write_rows(POWER, inputs, rows) == inputs
    assert write_rows(POWER, inputs, rows[1:]) == {"lora_1": rows[1], "clip": ["1", 1]}


@pytest.mark.parametrize("second", [None, 0.5, "0.50"])
def test_a_clip_strength_like_the_other_is_left_out(second: object) -> None:
    """Both packs use the strength for CLIP, too, unless a row has another one."""
    row = {"lora": "a", "strength": 0.5, "strengthTwo": second}
    assert read_rows(POWER, {"lora_1": row}) == [{"lora": "a", "strength": 0.5}]
    other = row | {"strengthTwo": 0.7}
    assert read_rows(POWER, {"lora_1": other}) == [other]


def test_lora_manager_reads_bare_lists_too() -> None:
    """Older prompts have the list without its wrapper."""
    rows = [{"name": "ink", "strength": 1, "active": True}]
    assert read_rows(MANAGER, {"loras": rows}) == rows
    assert write_rows(MANAGER, {"loras": rows}, []) == {"loras": {"__value__": []}}


def test_a_new_row_starts_with_the_servers_values() -> None:
    """A cell that follows another starts empty."""
    assert first_row(STACK) == {"lora_name": LORAS[0], "strength": 1.0, "note": ""}
    assert first_row(POWER) == {"on": True, "lora": LORAS[0], "strength": 1.0}
    assert first_row(MANAGER) == {"active": True, "name": "detail", "strength": 1.0}


def test_packs_find_loras_by_their_bare_name() -> None:
    """A LoRA counts as missing only if no file has its name and its row is on."""
    rows = [
        {"lora": "ink", "on": True},
        {"lora": "other/detail.safetensors", "on": True},
        {"lora": "gone.safetensors", "on": True},
        {"lora": "gone.safetensors", "on": False},
    ]
    lacks = [(row, column.name, value) for row, column, value in unoffered_cells(POWER, rows)]
    assert lacks == [(3, "lora", "gone.safetensors")]
    assert [*unoffered_cells(STACK, [{"lora_name": "ink"}])]


def test_the_catalog_declares_each_cell() -> None:
    """Cells and rows of a prompt are inputs that the node declares."""
    names = {"loras.0.strength": 1, "loras.0.other": 2, "lora_1": {}, "loras.strength": 3}
    active = ROW_CATALOG["Stack"].active_inputs(names)
    assert [*active] == ["model", "loras", "loras.0.strength"]
    assert active["loras.0.strength"].options["max"] == 2.0
    assert [*ROW_CATALOG["Power Lora Loader (rgthree)"].active_inputs(names)] == [
        "model",
        "loras",
        "lora_1",
    ]
    assert (STACK.title, STACK.least, STACK.most) == ("LoRA", 1, 3)
