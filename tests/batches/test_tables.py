"""Tables of values, and the rows that are made of them."""

from __future__ import annotations

import csv
import io
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfy.batches.rows import Axis, UnequalLengths, combined
from comfy.batches.table import Row, TableErrors, read_table
from comfy.batches.values import MOST_ROWS
from comfy.form.model import Form
from comfy.prompt.value_types import BadValue
from tests.support.samples.forms import form_of, text_to_image

FORM = form_of(text_to_image())
STEPS, CFG = (
    next(field for field in FORM.fields if field.input == name) for name in ("steps", "cfg")
)


def rows(
    text: str, file: str = "table.csv", form: Form = FORM
) -> list[tuple[int, dict[str, object]]]:
    """Numbers and values of the rows of a table."""
    return [(row.number, dict(row.values)) for row in read_table(file, text.encode(), form)]


def said(text: str, file: str = "table.csv") -> tuple[str, ...]:
    """What is wrong with a table."""
    with pytest.raises(TableErrors) as caught:
        read_table(file, text.encode(), FORM)
    return caught.value.problems


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_columns_are_found_by_label_key_or_input(delimiter: str) -> None:
    """In any case; rows have the numbers that a spreadsheet shows, empty cells say nothing."""
    lines = [
        [STEPS.label.upper(), f" {CFG.targets[0].key} ", "denoise"],
        ["3", "7.5", ""],
        ["", "", ""],
        ["", "8", ""],
    ]
    text = "\ufeff" + "\r\n".join(map(delimiter.join, lines))
    assert rows(text) == [(2, {STEPS.key: "3", CFG.key: "7.5"}), (4, {CFG.key: "8"})]


def test_json_lines_are_read() -> None:
    """Numbers and null as they are, other things as text; a line with nothing in it counts."""
    text = f'{{"{STEPS.key}": 3}}\n\n{{"{CFG.key}": null, "{STEPS.key}": [1]}}\n'
    assert rows(text, "table.JSONL") == [
        (1, {STEPS.key: 3}),
        (3, {CFG.key: None, STEPS.key: "[1]"}),
    ]


def test_a_cell_may_have_commas_and_lines() -> None:
    """What is in quotes is one cell."""
    (field,) = (one for one in FORM.fields if one.label == "Prompt")
    assert rows('Prompt,Steps\n"a, b\nc",4\n') == [(2, {field.key: "a, b\nc", STEPS.key: "4"})]


def test_all_that_is_wrong_with_a_header_is_told_at_once() -> None:
    """Unknown columns, with the field that was meant, and two for one field."""
    problems = said(f"Promt,nothing like it,Steps,{STEPS.key}\na,b,1,2\n")
    assert problems[0] == "There is no field “Promt”. Did you mean “Prompt”?"
    assert problems[1] == "There is no field “nothing like it”."
    assert problems[2] == "Two columns are for the field “Steps”."


@pytest.mark.parametrize(
    ("text", "file", "problem"),
    [
        ("", "t.csv", "has no rows"),
        ("Steps\n", "t.csv", "has no rows"),
        ("Steps,Steps\n1,2\n", "t.csv", "Two columns are called “Steps”."),
        ("Steps\n1\n2,3\n", "t.csv", "Row 3 has more cells than there are columns."),
        ('Steps\n1\n"2', "t.csv", "Line 3 of the table can't be read"),
        ("{}\n[1]\n", "t.jsonl", "Line 2 isn't a JSON object."),
        ("{\n", "t.jsonl", "Line 1 isn't a JSON object."),
        ("Steps\n" + "1\n" * (MOST_ROWS + 1), "t.csv", "at most"),
    ],
)
def test_what_is_no_table_is_told(text: str, file: str, problem: str) -> None:
    """With the line where that helps."""
    assert problem in " ".join(said(text, file))


def test_another_encoding_is_told() -> None:
    """As a spreadsheet saves it that was not asked for UTF-8."""
    with pytest.raises(TableErrors, match="CSV UTF-8"):
        read_table("t.csv", "Prompt\nmüde\n".encode("latin-1"), FORM)


def test_rows_are_every_combination_or_pairs() -> None:
    """What is named first changes least; one value goes with all."""
    axes = [Axis(STEPS, ("1", "2")), Axis(CFG, ("7", "8"))]
    assert [tuple(row.values.values()) for row in combined(axes)] == [
        ("1", "7"),
        ("1", "8"),
        ("2", "7"),
        ("2", "8"),
    ]
    pairs = combined([*axes[:1], Axis(CFG, ("7",))], paired=True)
    assert [tuple(row.values.values()) for row in pairs] == [("1", "7"), ("2", "7")]


def test_rows_of_a_table_keep_its_numbers_where_nothing_multiplies_them() -> None:
    """So that what is said of row 4 is found in the file."""
    table = (Row(2, {STEPS.key: "1"}), Row(4, {STEPS.key: "2"}))
    assert [row.number for row in combined([Axis(CFG, ("7",))], table)] == [2, 4]
    assert [row.number for row in combined([Axis(CFG, ("7", "8"))], table)] == [1, 2, 3, 4]


def test_too_many_rows_and_unequal_pairs_are_refused() -> None:
    """Before any is made."""
    many = Axis(STEPS, range(1000))
    with pytest.raises(BadValue, match="at most"):
        combined([many, Axis(CFG, range(1000))])
    with pytest.raises(UnequalLengths):
        combined([many, Axis(CFG, ("7", "8"))], paired=True)


@given(
    st.binary(max_size=200) | st.text(max_size=200).map(str.encode),
    st.sampled_from(["csv", "jsonl"]),
)
def test_any_file_is_a_table_or_sentences(data: bytes, ending: str) -> None:
    """Never another error."""
    with suppress(TableErrors):
        assert read_table(f"t.{ending}", data, FORM)


@given(
    st.lists(
        st.text(
            st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1
        ).filter(str.strip),
        min_size=1,
    )
)
def test_what_a_program_writes_is_read_as_it_was(texts: list[str]) -> None:
    """Both kinds of tables, whatever is in the cells."""
    (field,) = (one for one in FORM.fields if one.label == "Prompt")
    file = io.StringIO(newline="")
    csv.writer(file).writerows([["Prompt"], *([text] for text in texts)])
    assert [values[field.key] for _, values in rows(file.getvalue())] == texts
    lines = "\n".join(json.dumps({"Prompt": text}) for text in texts)
    assert [values[field.key] for _, values in rows(lines, "t.jsonl")] == texts
