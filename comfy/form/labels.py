"""Labels in plain words, instead of "6.text", "ckpt_name" and "sd/v1-5-pruned-emaonly.safetensors"
on the form."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import PurePosixPath
from posixpath import splitext
from types import MappingProxyType
from typing import Any

from comfy.base.files import is_model_file
from comfy.base.messages import message
from comfy.base.wording import CAMEL
from comfy.form.conventions.mcww_titles import read_wrapper_title

# Words that any node's title may contain and that carry no information.
_PLAIN_WORDS = frozenset({"string", "text", "node", "input", "value", "clip", "encode", "load"}) | {
    "optional"
}
# Labels that only name a type or a control.
_BARE = re.compile(
    r"(text|string|value|int|integer|float|number|boolean|bool|on|off|switch|option|choice|select"
    r"|index|any|input|multiline|primitive)?[\W\d]*",
    re.IGNORECASE,
)

_OPENING = MappingProxyType({")": "(", "]": "[", "}": "{", "\uff09": "\uff08", "】": "【"})
_BETWEEN_WORDS = re.compile(r"[^a-z0-9.]+")
_FAMILY = re.compile(
    r"(?<![0-9])(?:sd|stable[-_ ]?diffusion)?[-_ ]?v?1[-_. ]?5(?![0-9])", re.IGNORECASE
)


def says_something(title: str, class_type: str, display_name: str) -> bool:
    """Return whether a node's title was chosen by its author: it isn't the class's own name."""
    part = telling_part(title, class_type, display_name)
    return bool(part) and not part.isdecimal()


def telling_part(title: str, class_type: str, display_name: str) -> str:
    """Return the author's addition to a node's title, or "": "Load Image (Composition)" →
    "Composition".

    "Load Image to Recreate" only loses its verb: "to Recreate" isn't a name. A number alone
    distinguishes nodes but names nothing. Titles with a `$` or in `<…>` are other programs'
    notation.
    """
    if is_notation(title):
        return ""
    ours = _words(f"{display_name} {class_type} {CAMEL.sub(' ', class_type)}") | _PLAIN_WORDS
    if _words(title) <= ours:
        return ""
    if _letters(class_type).startswith(_letters(title)):
        return ""  # "DP - Combinatorial" of a DPCombinatorialGenerator
    head, _, inner = title.rstrip(") ").partition(" (")
    if inner and _is_balanced(inner) and _words(head) <= ours:
        return "" if _words(inner) <= ours else inner
    for known in (display_name, class_type):
        if known and _letters(title).startswith(_letters(known)):
            rest = title[_end_of(title, len(_letters(known))) :]
            return _bare(rest, title) if _is_name(rest) else _without_verb(title)
    return _without_verb(title)


def _without_verb(title: str) -> str:
    verb, _, rest = title.partition(" ")
    return rest if rest and verb.lower() == "load" and _is_name(rest) else title


def is_bare(label: str) -> bool:
    """Return whether a label only names a type or a control, with or without a number."""
    return bool(_BARE.fullmatch(label))


def is_notation(title: str) -> bool:
    """Return whether a title is another program's notation and not a name."""
    return title.startswith("$") or read_wrapper_title(title) is not None


def _bare(rest: str, title: str) -> str:
    """Strip punctuation from the rest of a title: ": mask (A)" → "mask (A)". If the rest has an
    unbalanced bracket ("A) 2" of "Load Image (Mask A) 2"), return the whole title."""
    letters = [position for position, character in enumerate(rest) if character.isalnum()]
    if not letters:
        return ""
    words = rest[letters[0] :].rstrip()
    without_end = rest[letters[0] : letters[-1] + 1]
    return next(filter(_is_balanced, (without_end, words)), title)


def _is_balanced(text: str) -> bool:
    opened = []
    for character in text:
        if character in _OPENING.values():
            opened.append(character)
        elif character in _OPENING and (not opened or opened.pop() != _OPENING[character]):
            return False
    return not opened


def _end_of(title: str, letters: int) -> int:
    """Return the position after this many letters of a title."""
    for position, character in enumerate(title):
        if letters == 0:
            return position
        letters -= character.isalnum()
    return len(title)


def _is_name(rest: str) -> bool:
    """Return whether the rest of a title reads as a name: it doesn't start in lower case, or a
    colon or the like precedes it."""
    return not rest.lstrip()[:1].islower()


@dataclass(frozen=True, slots=True)
class Wanted:
    """A label with possible additions that tell it from equal ones, best first.

    `group`, the editor's group around the node, comes between `details` and `of_node`, and `user`,
    the node that uses the value, comes last. Both only count if they tell all equal labels apart.
    If labels are still equal then, each group has its own numbers.
    """

    label: str
    details: Sequence[str] = ()
    group: str = ""
    of_node: Sequence[str] = ()
    user: str = ""


def distinct(wanted: Sequence[Wanted]) -> list[str]:
    """Make labels unique. A number is the last resort."""
    result = [one.label for one in wanted]
    for details in zip_longest(*(one.details for one in wanted), fillvalue=""):
        _tell_apart(result, details)
    _tell_apart(result, [one.group for one in wanted], only_all=True)
    for details in zip_longest(*(one.of_node for one in wanted), fillvalue=""):
        _tell_apart(result, details)
    _tell_apart(result, [one.user for one in wanted], only_all=True)
    _tell_apart(result, [one.group for one in wanted])
    seen = set(result)
    for label in _repeated(result):
        same = [i for i, text in enumerate(result) if text == label]
        number = 2
        for i in same[1:]:
            while (numbered := message("{label} {number}", label=label, number=number)) in seen:
                number += 1
            result[i] = numbered
            seen.add(result[i])
    return result


def _tell_apart(labels: list[str], details: Sequence[str], *, only_all: bool = False) -> None:
    """Add the details to equal labels, if these get different ones."""
    for label in _repeated(labels):
        same = [i for i, text in enumerate(labels) if text == label]
        different = len({details[i] for i in same})
        if different < 2 or (only_all and different < len(same)):
            continue
        for i in same:
            if details[i] and details[i] != label:
                labels[i] = _with_detail(label, details[i])


def _with_detail(label: str, detail: str) -> str:
    """Return a label with an addition, without brackets inside of or after brackets. An addition
    that contains the label stands alone."""
    if label.lower() in detail.lower():
        return detail
    if _OPENING.keys() & {*detail, label[-1:]}:
        return message("{label} – {detail}", label=label, detail=detail)
    return message("{label} ({detail})", label=label, detail=detail)


def choice_labels(values: Iterable[Any]) -> tuple[tuple[str, Any], ...]:
    """Return the (label, value) pairs of a dropdown. Model files lose folder and extension if they
    stay distinct."""
    offered = list(values)
    stems = [stem(value) for value in offered]
    names = [_file_name(stem) for stem in stems]
    for candidates in (names, stems):
        if len(set(candidates)) == len(candidates):
            return tuple(zip(candidates, offered, strict=True))
    return tuple((str(value), value) for value in offered)


def closest(wanted: object, offered: Iterable[object]) -> object:
    """Return the offered value most similar to the wanted one, None if no values are offered.

    Shared words count more than spelling, and all spellings of "SD 1.5" count as one word. For
    `v1-5-pruned-emaonly`, `tiny_sd15` is closer than `broken`.
    """
    target = _words(wanted)

    def likeness(value: object) -> tuple[int, float]:
        words = _words(value)
        ratio = difflib.SequenceMatcher(
            None, " ".join(sorted(target)), " ".join(sorted(words))
        ).ratio()
        return len(target & words), ratio

    return max(list(offered)[:2000], key=likeness, default=None)


def _words(value: object) -> set[str]:
    text = _FAMILY.sub(" sd15 ", stem(value)[:200]).lower()
    return set(_BETWEEN_WORDS.split(text)) - {""}


def _file_name(text: str) -> str:
    path = text.replace("\\", "/")
    return PurePosixPath(path).name or text if "/" in path else text


def stem(value: object) -> str:
    """Return the name of a model file without its ending, other values as text."""
    text = str(value)
    return splitext(text)[0] if is_model_file(text) else text


def _letters(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())


def _repeated(labels: Sequence[str]) -> list[str]:
    return [label for label, count in Counter(labels).items() if count > 1]
