"""Split the text of a TOML file into blocks that can be moved, replaced and removed."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

# Parts of a line in which brackets and line breaks count: strings, comments, brackets, line breaks.
_TOKEN = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|#[^\n]*"
    r"|[\[\]{}\n]",
    re.DOTALL,
)
_Kind = Literal["blank", "comment", "header", "value"]


@dataclass(frozen=True, slots=True)
class TomlBlock:
    """Part of a TOML file. `path`: the keys in the header of its table; empty for the keys before
    the first table, and for a comment that stands alone between two tables. `is_new`: it gets an
    empty line before and after it."""

    path: tuple[str, ...]
    text: str
    is_new: bool = False


def split_blocks(text: str) -> list[TomlBlock]:
    """Return the blocks of a valid TOML text with Unix line breaks; their texts joined are `text`.

    The first block has the keys before the first table, and may be empty. A comment right above a
    header, without an empty line in between, belongs to that table. A comment with empty lines
    around it is a block of its own.
    """
    lines = list(_lines(text))
    starts = [_with_comments(lines, at) for at, (kind, _) in enumerate(lines) if kind == "header"]
    headers = [at for at, (kind, _) in enumerate(lines) if kind == "header"]
    blocks = [TomlBlock((), _joined(lines[: starts[0] if starts else None]))]
    for start, header, end in zip(starts, headers, [*starts, len(lines)][1:], strict=True):
        alone = _comment_alone(lines, header, end)
        blocks.append(TomlBlock(_path(lines[header][1]), _joined(lines[start:alone])))
        if alone < end:
            blocks.append(TomlBlock((), _joined(lines[alone:end])))
    return blocks


def _lines(text: str) -> Iterator[tuple[_Kind, str]]:
    """Yield the lines with their kinds. A value on several lines counts as one line."""
    start = depth = 0
    for token in _TOKEN.finditer(text):
        match token[0]:
            case "[" | "{":
                depth += 1
            case "]" | "}":
                depth -= 1
            case "\n" if not depth:
                yield _kind(text[start : token.end()]), text[start : token.end()]
                start = token.end()
    if start < len(text):
        yield _kind(text[start:]), text[start:]


def _kind(line: str) -> _Kind:
    match line.strip()[:1]:
        case "":
            return "blank"
        case "#":
            return "comment"
        case "[":
            return "header"
        case _:
            return "value"


def _with_comments(lines: list[tuple[_Kind, str]], header: int) -> int:
    """Return the index of the first comment line right above a header."""
    start = header
    while start and lines[start - 1][0] == "comment":
        start -= 1
    return start


def _comment_alone(lines: list[tuple[_Kind, str]], header: int, end: int) -> int:
    """Return the index of the first comment line after the last value that follows an empty line,
    or `end`."""
    last = max(at for at in range(header, end) if lines[at][0] in ("header", "value"))
    blank = next((at for at in range(last, end) if lines[at][0] == "blank"), end)
    return next((at for at in range(blank, end) if lines[at][0] == "comment"), end)


def _joined(lines: list[tuple[_Kind, str]]) -> str:
    return "".join(line for _, line in lines)


def _path(header: str) -> tuple[str, ...]:
    table: object = tomllib.loads(header)
    path: list[str] = []
    while table:
        if isinstance(table, list):
            (table,) = table
        elif isinstance(table, dict):
            ((key, table),) = table.items()
            path.append(key)
    return tuple(path)
