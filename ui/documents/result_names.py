"""Names of downloaded results. Pure."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from comfy.records.record import Record
from ui.documents.run_values import first_text, seeds_of
from ui.web.urls import download_name

OF_ALL = ("row", "workflow", "seed")  # parts that any pattern may have in braces
_LONGEST = 40  # characters of a title or a text
_LONGEST_NAME = 120
_LONGEST_PATTERN = 100
# Matches a name that `run_name` built from title, seed and text, for results. A browser adds a
# number to an existing name.
_OF_RUN = re.compile(r"\A([^\W_][^\s_]*)_\d+_[^\s_][^/\\]*")
_PART = re.compile(r"\{([^{}]*)\}")
_SEPARATORS = re.compile(r"[/\\]")


def run_name(record: Record) -> str:
    """Return the workflow's title, the first seed and the first words of the first text, such as
    "Text-to-image_41_a-red-cat". Empty if the run has none of them."""
    seed = next(iter(seeds_of(record)), "")
    parts = (_words(record.job.title), _words(seed), _words(first_text(record.job.values)))
    return "_".join(filter(None, parts))


def result_name(record: Record, index: int) -> str:
    """Return the name of the file at `index` of the run's results: the run's name, a number if
    there are several, and the server's extension."""
    files = record.state.files
    name = download_name(files[index].name)
    number = str(index + 1) if len(files) > 1 else ""
    of_run = "_".join(filter(None, (run_name(record), number)))
    return of_run + PurePosixPath(name).suffix if of_run else name


def shared_name(record: Record, index: int, *, has_prompt: bool) -> str:
    """Return the name of a shared file. Without the prompt, which the owner's name contains, it is
    the workflow's title."""
    if has_prompt:
        return result_name(record, index)
    suffix = PurePosixPath(download_name(record.state.files[index].name)).suffix
    return (_words(record.job.title) or "result") + suffix


def title_in_name(file: str) -> str:
    """Return an opened file's name, or only the title if `run_name` made it."""
    match = _OF_RUN.fullmatch(PurePosixPath(file).stem)
    return match[1] + PurePosixPath(file).suffix if match else file


def unknown_part(pattern: str, varied: Iterable[str]) -> str:
    """Return the first unknown part in braces; empty if `pattern_name` knows all of them.
    `ui/page/script/batches/sheet_questions.js` does the same check."""
    known = {*OF_ALL, *map(str.casefold, varied)}
    parts = _PART.finditer(pattern)
    return next((one[0] for one in parts if one[1].strip().casefold() not in known), "")


def pattern_name(
    pattern: str, record: Record, index: int, row: str, varied: Mapping[str, str]
) -> str:
    """Return the name of the file at `index` of a batch row's results, from the user's pattern.
    `{row}`, `{workflow}` and `{seed}` become the row's number, the workflow's title and the first
    seed. The row's `varied` values are inserted by name. Several files get a number."""
    parts = {name.casefold(): "-".join(one.split())[:_LONGEST] for name, one in varied.items()} | {
        "row": row,
        "workflow": _words(record.job.title),
        "seed": next(iter(seeds_of(record)), ""),
    }
    filled_pattern = _PART.sub(
        lambda found: parts.get(found[1].strip().casefold(), found[0]), pattern[:_LONGEST_PATTERN]
    )
    files = record.state.files
    number = f"_{index + 1}" if len(files) > 1 else ""
    stem = download_name(_SEPARATORS.sub("-", filled_pattern))[:_LONGEST_NAME].strip(". -_") or row
    return stem + number + PurePosixPath(download_name(files[index].name)).suffix


def _words(text: str) -> str:
    """Return the first whole words, with only letters and digits."""
    plain = "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in text).strip()
    short = textwrap.shorten(plain, _LONGEST, placeholder="") or plain[:_LONGEST]
    return short.replace(" ", "-")
