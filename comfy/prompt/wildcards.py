"""Wildcards: `{red|green|{dark |}blue}` in a text becomes one of the choices, each time the prompt
is queued.

In ComfyUI, the editor does this (docs/comfyui.md#42), for text inputs that a node declares with
`"dynamicPrompts": true`, on the text as typed. The server never sees the braces.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, groupby, islice, product
from typing import TypeAlias

from comfy.base.messages import message
from comfy.prompt.value_types import BadValue

# A text beyond these limits isn't a wildcard that a user wrote.
MAX_LENGTH = 200_000
MOST_BLOCKS = 1_000
_MAX_DEPTH = 64

# C comments, and line comments up to the end of a line as JavaScript defines it. So `http://x`
# loses its address.
_LINE_COMMENT = re.compile(r"//[^\n\r\u2028\u2029]*")
_COMMENT = re.compile(_LINE_COMMENT.pattern + r"|/\*[\s\S]*?(?:\*/|(?P<unclosed>\Z))")
_MARK = re.compile(r"\\[\s\S]|[{}|]")
_ESCAPED = re.compile(r"\\([{}|])")
_SIGN = re.compile(r"(?<!\\)(\\*)([{}|])")
_COMMENT_BEGINS = re.compile(r"/(?=[/*])")
_NAMED = re.compile(r"(?<![\w\\])__((?:(?!__)[\w./-])*[^\W_])__(?!\w)")
_DEEPEST_FILE = 8  # levels of files whose lines name other files
# A block is a list of choices between two braces. Each choice consists of texts and nested blocks.
Block: TypeAlias = "list[list[Piece]]"
Piece: TypeAlias = "str | Block"
# Returns the lines of the file with a name; raises BadValue if it doesn't exist.
LinesOf: TypeAlias = Callable[[str], Iterable[str]]


def resolve_wildcards(text: str, rng: random.Random) -> str:
    r"""One of the texts that `text` stands for.

    As the editor does it: comments (`/* */` and `//`) go first, also in texts without braces;
    `\{`, `\|` and `\}` are the plain characters; an empty choice is one; a brace that is never
    closed reaches to the end, one that was never opened stays. A text that is too long or too deep
    for a wildcard, or has more than MOST_BLOCKS of them, comes back unchanged.
    """
    if len(text) > MAX_LENGTH:
        return text
    pieces = _parse(_COMMENT.sub(_uncommented, text))
    return text if pieces is None else _choose(pieces, rng)


def check_blocks(text: str) -> None:
    """Raise BadValue if a text has more than MOST_BLOCKS wildcards."""
    if text.count("{") > MOST_BLOCKS:
        marks = _MARK.finditer(_COMMENT.sub(_uncommented, text))
        if sum(mark[0] == "{" for mark in marks) > MOST_BLOCKS:
            raise BadValue(
                message(
                    "Too many wildcards like {example} in one text (maximum {count}).",
                    example="{a|b}",
                    count=f"{MOST_BLOCKS:,}",
                )
            )


def has_alternatives(text: str) -> bool:
    return len([*every_text(text, 2)]) > 1


def literal_text(text: str) -> str:
    """Return a text that stands for this one alone: `resolve_wildcards` turns it back into this
    text, including braces and `//`. A text for which that is already true, as for most without
    braces, stays unchanged."""
    if "{" not in text and resolve_wildcards(text, random.Random(0)) == text:
        return text
    return _COMMENT_BEGINS.sub("/{}", _SIGN.sub(_escaped, text))


def _escaped(match: re.Match[str]) -> str:
    """Escape a sign. Each backslash before it escapes the next one, so after an odd number of
    backslashes, one more is added and the sign gets its own block."""
    backslashes, sign = match.groups()
    if len(backslashes) % 2:
        return f"{backslashes}\\{{\\{sign}}}"
    return f"{backslashes}\\{sign}"


def every_text(text: str, most: int, lines_of: LinesOf | None = None) -> Iterator[str]:
    r"""Return the first `most` of the texts that `text` stands for, in order, each as a text for
    `resolve_wildcards`: `\{` stays unchanged.

    A text that `resolve_wildcards` leaves unchanged stands for itself. With `lines_of`,
    `__animals__` stands for each of the lines returned for that name, from files in other programs'
    format; these lines may have alternatives themselves, and `\__` is `__`. BadValue if files
    include each other.
    """
    return _every_text(text, most, lines_of, 0)


def _every_text(text: str, most: int, lines_of: LinesOf | None, depth: int) -> Iterator[str]:
    pieces = None if len(text) > MAX_LENGTH else _parse(_COMMENT.sub(_uncommented, text))
    return iter((text,)) if pieces is None else _every(pieces, most, lines_of, depth)


def _every(
    pieces: Sequence[Piece], most: int, lines_of: LinesOf | None, depth: int
) -> Iterator[str]:
    """Return the combinations of the pieces' alternatives; the last part changes first. Only as
    many alternatives of earlier parts are read as can appear. Adjacent parts without alternatives
    are joined, so that the time per text depends only on the changing parts."""
    parts = [part for one in pieces for part in _parts(one, most, lines_of, depth)]
    wanted, alternatives = most, list[Sequence[str]]()
    for part in reversed(parts):
        texts = tuple(islice(part, wanted))
        wanted = -(-wanted // max(1, len(texts)))
        alternatives.append(texts)
    joined = list[Sequence[str]]()
    for fixed, group in groupby(reversed(alternatives), key=lambda texts: len(texts) == 1):
        texts_of = list(group)
        joined += [("".join(one for (one,) in texts_of),)] if fixed else texts_of
    return islice(map("".join, product(*joined)), most)


def _parts(
    piece: Piece, most: int, lines_of: LinesOf | None, depth: int
) -> Iterator[Iterable[str]]:
    """Yield the parts of a piece, each with its alternatives."""
    if not isinstance(piece, str):
        yield chain.from_iterable(_every(one, most, lines_of, depth) for one in piece)
    elif lines_of is None:
        yield (piece,)
    else:
        for index, words in enumerate(_NAMED.split(piece)):
            is_name = index % 2
            yield _of_file(words, most, lines_of, depth) if is_name else (_plain(words),)


def _plain(words: str) -> str:
    return words.replace("\\__", "__")


def _of_file(name: str, most: int, lines_of: LinesOf, depth: int) -> Iterator[str]:
    if depth == _DEEPEST_FILE:
        raise BadValue(message("The wildcard file “{name}” refers back to itself.", name=name))
    return chain.from_iterable(
        _every_text(line, most, lines_of, depth + 1) for line in lines_of(name)
    )


def _uncommented(match: re.Match[str]) -> str:
    """Remove a comment. An unclosed block comment is text, like everything after it; only its line
    comments are removed."""
    return "" if match["unclosed"] is None else _LINE_COMMENT.sub("", match[0])


def _parse(text: str) -> list[Piece] | None:
    """Return a text's pieces; None if it is nested too deeply or has too many blocks."""
    pieces: list[Piece] = []
    blocks = 0
    open_blocks: list[tuple[Block, list[Piece]]] = []  # each with the pieces that enclose it
    begin = 0
    for mark in _MARK.finditer(text):
        if not (mark[0] == "{" or (open_blocks and mark[0] in "}|")):
            continue
        pieces.append(text[begin : mark.start()])
        begin = mark.end()
        match mark[0]:
            case "{":
                blocks += 1
                block: Block = [[]]
                pieces.append(block)
                open_blocks.append((block, pieces))
                pieces = block[0]
            case "|":
                pieces = []
                open_blocks[-1][0].append(pieces)
            case _:
                _, pieces = open_blocks.pop()
        if len(open_blocks) > _MAX_DEPTH or blocks > MOST_BLOCKS:
            return None
    pieces.append(text[begin:])
    return open_blocks[0][1] if open_blocks else pieces


def _choose(pieces: Sequence[Piece], rng: random.Random) -> str:
    """Remove escapes level by level, as the editor does: deeper levels lose more backslashes."""
    chosen = [
        piece if isinstance(piece, str) else _choose(piece[int(rng.random() * len(piece))], rng)
        for piece in pieces
    ]
    return _ESCAPED.sub(r"\1", "".join(chosen))
