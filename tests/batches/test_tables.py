"""Tables of values, the rows made from them, and the uploaded files that their cells name."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfy.batches.content import UnequalLengths, combined, read_batch
from comfy.batches.spec import BatchProblem, BatchSpec, TableSpec
from comfy.batches.values import (
    MOST_ROWS,
    OF_A_RUN,
    Row,
    RowOutcome,
    TableFiles,
    decoded_text,
    read_table,
    table_head,
    table_line,
)
from comfy.form.check import check
from comfy.form.kinds.registry import KINDS
from comfy.form.model import Form
from comfy.prompt.value_types import BadValue
from comfy.prompt.wildcards import literal_text
from tests.support.samples.forms import form_of, text_to_image
from tests.support.samples.histories import begun

FORM = form_of(text_to_image())
STEPS, CFG = (
    next(field for field in FORM.fields if field.input == name) for name in ("steps", "cfg")
)


def labelled(label: str) -> Form:
    """Return the form with another label on the prompt."""
    fields = (replace(one, label=label) if one.label == "Prompt" else one for one in FORM.fields)
    return replace(FORM, fields=tuple(fields))


def rows(
    text: str, file: str = "table.csv", form: Form = FORM
) -> list[tuple[int, dict[str, object]]]:
    """Return the numbers and values of a table's rows."""
    table = read_table(TableSpec(file, text), form)
    assert table.problems == ()
    return [(row.number, dict(row.values)) for row in table.rows]


def said(text: str, file: str = "table.csv") -> tuple[str, ...]:
    return tuple(one.message for one in read_table(TableSpec(file, text), FORM).problems)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_columns_are_found_by_label_key_or_input(delimiter: str) -> None:
    """Headings match in upper or lower case. Rows keep their spreadsheet numbers, and empty cells
    set no value."""
    lines = [
        [STEPS.label.upper(), f" {CFG.targets[0].key} ", "denoise"],
        ["3", "7.5", ""],
        ["", "", ""],
        ["", "8", ""],
    ]
    text = "\ufeff" + "\r\n".join(map(delimiter.join, lines))
    assert rows(text) == [(2, {STEPS.key: "3", CFG.key: "7.5"}), (4, {CFG.key: "8"})]


def test_columns_have_the_order_of_the_file() -> None:
    """The order also holds if the first row leaves out a column. A column without values is
    ignored."""
    text = f"denoise,{STEPS.key},nothing,{CFG.key}\n0.5,,,7\n,3,,\n"
    first, *others = read_table(TableSpec("table.csv", text), FORM).columns
    assert first.endswith(".denoise")
    assert others == [STEPS.key, CFG.key]


def test_json_lines_are_read() -> None:
    """Numbers stay numbers, and other values become text. Null, like an empty cell, leaves the
    field unchanged. An empty line counts for the row numbers."""
    text = f'{{"{STEPS.key}": 3}}\n\n{{"{CFG.key}": null, "{STEPS.key}": [1]}}\n'
    assert rows(text, "table.JSONL") == [(1, {STEPS.key: 3}), (3, {STEPS.key: "[1]"})]


def test_a_cell_may_have_commas_and_lines() -> None:
    """Quoted text is a single cell, even with commas and line breaks."""
    (field,) = (one for one in FORM.fields if one.label == "Prompt")
    assert rows('Prompt,Steps\n"a, b\nc",4\n') == [(2, {field.key: "a, b\nc", STEPS.key: "4"})]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_empty_lines_before_the_header_are_skipped(delimiter: str, end: str) -> None:
    """Spreadsheets count empty lines, and fill some with delimiters."""
    lines = ["", delimiter, '"",""'.replace(",", delimiter), f"Steps{delimiter}cfg", "", "3"]
    assert rows(end.join(lines)) == [(6, {STEPS.key: "3"})]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line", ["sep={}", '"sep={}"', "\ufeffSEP={} "])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_sep_line_sets_the_delimiter(delimiter: str, line: str, end: str) -> None:
    """The `sep=` line follows Excel and works with any header. It counts as a line of the file but
    not as a row."""
    label = "a,,;;b".replace(delimiter, "")
    lines = [line.format(delimiter), f"Steps{delimiter}{label}", f"3{delimiter}a heron"]
    ((number, values),) = rows(end.join(lines), form=labelled(label))
    assert (number, [*values.values()]) == (3, ["3", "a heron"])
    lines = [line.format(delimiter), "Steps", "3", f"4{delimiter}5"]
    assert said(end.join(lines)) == ("Line 4 has more cells than there are columns.",)
    assert "has no rows" in said(lines[0])[0]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize(
    "label", ["a, b, c", "a; b; c", "a\t b\t c", 'a "b, c; d", e', "a,,\n;b", '"']
)
def test_quoted_text_in_a_header_is_not_a_separator(delimiter: str, label: str) -> None:
    """A quoted label can contain commas, other delimiters, line breaks and quotes."""
    form = labelled(label)
    file = io.StringIO(newline="")
    table = csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    table.writerows([["Steps", label, "cfg"], ["3", "a heron", "7"]])
    ((number, values),) = rows(file.getvalue(), form=form)
    assert (number, [*values.values()]) == (2, ["3", "a heron", "7"])
    bare = f'Steps{delimiter}"{label.replace(chr(34), chr(34) * 2)}"\n3{delimiter}a heron\n'
    assert [[*values.values()] for _, values in rows(bare, form=form)] == [["3", "a heron"]]


def test_a_choice_can_be_written_as_its_label() -> None:
    """A table can name a model without its folder and extension if that name is unique. An exact
    value takes precedence."""
    (field,) = (one for one in FORM.fields if one.input == "ckpt_name")
    choices = (("a", "x/a.ckpt"), ("b", "y/b.ckpt"), ("b", "z/b.ckpt"), ("c", "a"), ("d", "c"))
    for offered, read in [
        (choices[:1], ["x/a.ckpt", "b", "c"]),
        (choices, ["a", "b", "c"]),
    ]:
        form = replace(FORM, fields=(replace(field, choices=offered),))
        assert [*(values[field.key] for _, values in rows("Model\na\nb\nc\n", form=form))] == read


def test_columns_about_the_run_are_skipped() -> None:
    """The reader skips a column about the run if the form lacks that field or the table has another
    column for it. If all columns are about the run, the reader refuses the table."""
    head, line = ",".join(OF_A_RUN), "2,done,a.png,a text,1.50,"
    assert rows(f"{head},Steps\n{line},3\n") == [(2, {STEPS.key: "3"})]
    named = labelled("Seconds")
    key = next(field.key for field in named.fields if field.label == "Seconds")
    assert rows(f"{head}\n{line}\n", form=named) == [(2, {key: "1.50"})]
    assert rows(f"{head},Seconds\n{line},4\n", form=named) == [(2, {key: "4"})]
    assert said("state\ndone\n") == ("There is no field “state”.",)


def test_a_results_table_has_the_error_of_a_row_without_a_run() -> None:
    """The form may refuse a row after the batch's start."""
    outcome = RowOutcome(problems=["Minimum 1."], failed=True)
    assert table_line(Row(1, {}), None, outcome, [], ()) == "1,failed,,,,Minimum 1.\r\n"


@pytest.mark.parametrize("text", ["@lora", "=1+2", "-3 boats", "-3", "'@lora", "''", "'a boat'"])
def test_a_results_table_keeps_texts_with_leading_apostrophes(text: str) -> None:
    """The reader removes the apostrophe that keeps a spreadsheet from reading a text as a formula.
    Other tables keep their apostrophes."""
    written = table_head(["Prompt"]) + table_line(
        Row(1, {"2.text": text}), None, RowOutcome(), ["2.text"], ()
    )
    ((_, values),) = rows(written)
    assert [*values.values()] == [text]
    ((_, values),) = rows("Prompt\n'@lora\n")
    assert [*values.values()] == ["'@lora"]


@pytest.mark.parametrize("text", ["a {red|blue} boat", "see http://a.org", "1/*2*/", "a boat"])
def test_a_results_table_keeps_texts_as_sent(text: str) -> None:
    """The table escapes characters that would act as wildcards or comments. If the field draws
    nothing, its text stays unchanged."""
    record = begun(values={"2.text": text})
    for drawn, expected in (({"2.text"}, literal_text(text)), ((), text)):
        written = table_line(Row(1, {}), record, RowOutcome(), ["2.text"], drawn)
        ((_, values),) = rows(table_head(["Prompt"]) + written)
        assert [*values.values()] == [expected]


def test_a_quote_inside_a_column_name_is_a_literal_character() -> None:
    """In `5"`, the quote means inches. The rest of the header isn't quoted."""
    values = rows('Height 5";Steps\n4;3\n', form=labelled('Height 5"'))[0][1]
    assert [*values.values()] == ["4", "3"]


def test_rows_may_name_a_field_in_different_ways() -> None:
    """Each row may use its own name for the field, but a row can't set the field twice."""
    lines = ['{"Steps": 3}', f'{{"{STEPS.key}": 4}}']
    assert rows("\n".join(lines), "t.jsonl") == [(1, {STEPS.key: 3}), (2, {STEPS.key: 4})]
    twice = f'{{"Steps": 3, "{STEPS.key}": 4}}'
    assert said("\n".join([*lines, twice]), "t.jsonl") == (
        "Two columns are for the field “Steps”.",
    )


def test_a_too_large_number_is_not_read_as_an_empty_cell() -> None:
    """The reader keeps the number as written, and its field refuses it. NaN counts as an empty
    cell, because programs write it for a missing value."""
    text = '{"cfg": 1e400, "Steps": 3}\n{"cfg": -Infinity}\n{"cfg": NaN, "Steps": 3}\n'
    (_, first), (_, second), (_, third) = rows(text, "t.jsonl")
    assert first == {CFG.key: "1e400", STEPS.key: 3}
    assert second == {CFG.key: "-Infinity"}
    assert third == {STEPS.key: 3}
    for values in (first, second):
        assert check(FORM, values)[1].keys() == {CFG.key}


def test_all_errors_of_columns_and_lines_are_reported_at_once() -> None:
    """The reader reports unknown columns with a suggested field, two columns for the same field,
    and unreadable lines. It also returns the rows that it can read."""
    text = f"Promt,nothing like it,Steps,{STEPS.key},cfg\na,b,1,2,7\n1,2,3,4,5,6\n,,,,8\n"
    table = read_table(TableSpec("t.csv", text), FORM)
    assert [one.message for one in table.problems] == [
        "There is no field “Promt”. Did you mean “Prompt”?",
        "There is no field “nothing like it”.",
        "Two columns are for the field “Steps”.",
        "Line 3 has more cells than there are columns.",
    ]
    assert [(row.number, row.values[CFG.key]) for row in table.rows] == [
        (2, "7"),
        (3, "5"),
        (4, "8"),
    ]
    table = read_table(TableSpec("t.jsonl", '[1]\n{"Steps": 3, "Stepz": 4}\n{\n'), FORM)
    assert [*table.rows] == [Row(2, {STEPS.key: 3})]
    assert [one.message[:40] for one in table.problems] == [
        "There is no field “Stepz”. Did you mean ",
        "Line 1 isn't a JSON object.",
        "Line 3 isn't a JSON object.",
    ]


@pytest.mark.parametrize(
    ("text", "file", "problem"),
    [
        ("", "t.csv", "has no rows"),
        ("Steps\n", "t.csv", "has no rows"),
        ("Steps,Steps\n1,2\n", "t.csv", "Two columns are for the field “Steps”."),
        ("Steps\n1\n2,3\n", "t.csv", "Line 3 has more cells than there are columns."),
        ('Steps\n1\n"2', "t.csv", "Line 3 of the table can't be read"),
        ("{}\n[1]\n", "t.jsonl", "Line 2 isn't a JSON object."),
        ("{\n", "t.jsonl", "Line 1 isn't a JSON object."),
        ("Steps\n" + "1\n" * (MOST_ROWS + 1), "t.csv", "at most"),
    ],
)
def test_a_file_that_is_not_a_table_is_refused(text: str, file: str, problem: str) -> None:
    """The error names the line if that helps."""
    assert problem in " ".join(said(text, file))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_every_spreadsheet_encoding_is_read(encoding: str) -> None:
    """Excel writes plain CSV as Windows-1252 and Unicode text as UTF-16."""
    text = "Prompt\r\nein Bär im Grünen – „3 €“\r\n"
    assert decoded_text(text.encode(encoding)) == text


@pytest.mark.parametrize("data", [b"PK\3\4\0", b"\xff\xfea", "あ、".encode("shift-jis")])
def test_binary_data_is_not_read_as_text(data: bytes) -> None:
    """The app refuses a spreadsheet file, half a UTF-16 character, and bytes that Windows-1252
    doesn't define."""
    with pytest.raises(ValueError):  # noqa: PT011 - that it is no text is all there is to say
        decoded_text(data)


def test_rows_are_every_combination_or_pairs() -> None:
    """The field named first changes slowest. A single value pairs with every value of the
    others."""
    axes = {STEPS.key: ("1", "2"), CFG.key: ("7", "8")}
    assert [tuple(row.values.values()) for row in combined(axes)] == [
        ("1", "7"),
        ("1", "8"),
        ("2", "7"),
        ("2", "8"),
    ]
    pairs = combined({**axes, CFG.key: ("7",)}, paired=True)
    assert [tuple(row.values.values()) for row in pairs] == [("1", "7"), ("2", "7")]


def test_rows_of_a_batch_count_from_1() -> None:
    """Rows that match a table's rows also keep its line numbers."""
    table = (Row(2, {STEPS.key: "1"}), Row(4, {STEPS.key: "2"}))
    one, two = (combined({CFG.key: values}, table) for values in (("7",), ("7", "8")))
    assert [(row.number, row.line) for row in one] == [(1, 2), (2, 4)]
    assert [(row.number, row.line) for row in two] == [(at, None) for at in (1, 2, 3, 4)]


def test_too_many_rows_and_unequal_pairs_are_refused() -> None:
    """The app refuses them before it creates any row."""
    many = range(1000)
    with pytest.raises(BadValue, match="at most"):
        combined({STEPS.key: many, CFG.key: many})
    with pytest.raises(UnequalLengths) as caught:
        combined({STEPS.key: many, CFG.key: ("7", "8")}, paired=True)
    assert caught.value.hint == "Or choose every combination instead."


@given(
    st.sampled_from(["", "sep="]),
    st.text(max_size=200),
    st.sampled_from(["csv", "jsonl"]),
)
def test_any_text_is_a_table_or_sentences(start: str, text: str, ending: str) -> None:
    """The reader raises no other error."""
    table = read_table(TableSpec(f"t.{ending}", start + text), FORM)
    assert table.rows or table.problems


@given(
    st.lists(
        st.text(
            st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1
        ).filter(str.strip),
        min_size=1,
    )
)
def test_texts_round_trip_through_csv_and_json_lines(texts: list[str]) -> None:
    """CSV and JSON Lines tables both keep any text of a cell."""
    (field,) = (one for one in FORM.fields if one.label == "Prompt")
    file = io.StringIO(newline="")
    csv.writer(file).writerows([["Prompt"], *([text] for text in texts)])
    assert [values[field.key] for _, values in rows(file.getvalue())] == texts
    lines = "\n".join(json.dumps({"Prompt": text}) for text in texts)
    assert [values[field.key] for _, values in rows(lines, "t.jsonl")] == texts


FILES_FORM = form_of(text_to_image())
PROMPT = next(field for field in FILES_FORM.fields if field.label == "Prompt")
PHOTOS = replace(FILES_FORM, fields=(replace(PROMPT, kind=KINDS["image"], default="author.png"),))


@pytest.mark.parametrize(
    "name", ["b.png", "in/b.png", "photos/in/b.png", " .\\in\\b.png ", "./photos/in/b.png"]
)
def test_a_file_is_found_by_its_name_or_path_ending(name: str) -> None:
    """The path may use slashes, backslashes or a leading dot."""
    assert TableFiles({"photos/in/b.png": 1, "photos/in/ab.png": 2, "in/a.png": 3}).find(name) == 1


def test_file_names_match_in_composed_and_decomposed_unicode() -> None:
    """On macOS, ZIP files store accented file names in this decomposed form (NFD)."""
    files = TableFiles({unicodedata.normalize("NFD", "Käse.png"): 1})
    assert files.find("Käse.png") == 1


def test_an_ambiguous_file_name_needs_its_folder() -> None:
    """A file that isn't in any folder is found by its name alone."""
    files = {"x/a.png": 1, "y/a.png": 2}
    with pytest.raises(BadValue, match="Include the folder name"):
        TableFiles(files).find("a.png")
    assert TableFiles(files).find("y/a.png") == 2
    assert TableFiles({**files, "a.png": 3}).find("a.png") == 3
    for name in ("b.png", "/a.png", "x", "", "../x/a.png"):
        with pytest.raises(BadValue, match="The table needs"):
            TableFiles(files).find(name)


def test_cells_become_files_or_problems_of_their_rows() -> None:
    """The author's own file and empty cells stay unchanged."""
    text = "Prompt,x\na.png,\nauthor.png,\nb.png,\n"
    spec = BatchSpec(table=TableSpec("t.csv", text, {"a.png": 1}))
    content, problems = read_batch(PHOTOS, spec, {})
    assert [dict(row.values) for row in content.table] == [
        {PROMPT.key: 1},
        {PROMPT.key: "author.png"},
        {},
    ]
    said = "The table needs “b.png”. Add that file."
    assert problems == (BatchProblem(said, PROMPT.key, line=4),)
