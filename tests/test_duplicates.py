"""Tests use each other's helpers: no lines stand in two places."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.imports import ROOT, files_of_tests

LINES = 8  # in a row, without imports, blank lines, comments and brackets
IMPORT = re.compile(r"^(?:import .*|from \S+ import (?:\([^)]*\)|.*))$", re.MULTILINE)
PUNCTUATION = " ()[]{},:"


def lines_of(file: Path) -> Iterator[tuple[int, str]]:
    """Yield the numbers and contents of the lines that count."""
    text = IMPORT.sub(lambda found: "\n" * found[0].count("\n"), file.read_text(encoding="utf-8"))
    for number, line in enumerate(text.splitlines(), 1):
        words = line.strip()
        if words.strip(PUNCTUATION) and not words.startswith(("#", "//")):
            yield number, words


def test_no_lines_stand_in_two_tests() -> None:
    """A nightly test imports what the test of the same name beside its folder has. A fixture is
    assigned: `app = twin.app`."""
    places = defaultdict[tuple[str, ...], list[str]](list)
    for file in files_of_tests("tests") | files_of_tests("tests", ending=".test.js"):
        lines = [*lines_of(file)]
        for at in range(len(lines) - LINES + 1):
            run = lines[at : at + LINES]
            place = f"{file.relative_to(ROOT)}:{run[0][0]}"
            places[tuple(words for _, words in run)].append(place)
    assert [where for where in places.values() if len(where) > 1] == []
