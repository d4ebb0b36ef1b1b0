"""Uploaded files that a table's cells name."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

import pytest

from comfy.batches.spec import BatchProblem, BatchSpec, TableSpec, read_batch
from comfy.batches.table_files import TableFiles
from comfy.form.kinds.registry import KINDS
from comfy.prompt.value_types import BadValue
from tests.support.samples.forms import form_of, text_to_image

FORM = form_of(text_to_image())
PROMPT = next(field for field in FORM.fields if field.label == "Prompt")
PHOTOS = replace(FORM, fields=(replace(PROMPT, kind=KINDS["image"], default="author.png"),))


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
