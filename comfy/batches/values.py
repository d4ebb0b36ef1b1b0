"""Several values for one field, as users write them: `1..10:3`, `euler, dpmpp_2m`, one text per
line, `a {red|green} boat`. Also the names that users give to fields."""

from __future__ import annotations

import csv
import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import cache
from itertools import chain

from comfy.base.errors import ManyProblems
from comfy.base.messages import message, sentences
from comfy.base.wording import did_you_mean, short
from comfy.form.fill import is_drawn
from comfy.form.model import Field, Form, Several
from comfy.prompt.value_types import BadValue
from comfy.prompt.wildcards import LinesOf, check_blocks, every_text


class UnknownField(ManyProblems):
    """A form has no such field; the one problem names it and suggests a similar field."""


def find_field(form: Form, name: str, translated: Callable[[str], str] = str) -> Field:
    """Return the field with this name: its key, an input that it sets (`6.text`), its label in any
    case, in the author's or the user's language (`translated`), or an input's unique bare name.
    Raises UnknownField without a match."""
    word = name.strip()
    for field in form.fields:
        if word == field.key or any(target.key == word for target in field.targets):
            return field
    shown = [field for field in form.fields if field.group != "hidden"]
    for called in (str, translated):
        for field in sorted(shown, key=lambda one: called(one.label) != word):
            if called(field.label).casefold() == word.casefold():
                return field
    match [field for field in shown if field.input == word]:
        case [field]:
            return field
    sentence = message("There is no field “{field}”.", field=short(word))
    raise UnknownField([sentences(sentence, meant_by(form, word, translated))])


def meant_by(form: Form, name: str, translated: Callable[[str], str] = str) -> str:
    """Return a suggestion of a similar field for an unknown name, or ""."""
    shown = (field for field in form.fields if field.group != "hidden")
    return did_you_mean(name.strip()[:200], (translated(field.label) for field in shown))


MOST_ROWS = 10_000
MOST_TEXT = 50_000_000  # characters of all values together
_NUMBER = r"[+-]?\d{1,40}(?:\.\d{1,20})?"
_RANGE = re.compile(rf"\A({_NUMBER})\.\.({_NUMBER})(?::({_NUMBER}))?", re.ASCII)


class TooManyRows(BadValue):
    """A batch would have too many rows."""

    def __init__(self) -> None:
        super().__init__(message("A batch can have at most {count} rows.", count=MOST_ROWS))


def choices_as_shown(field: Field) -> Mapping[object, str]:
    """Return the sent value of each choice with a different label, such as model files without
    folder and extension. Only for unique labels that no other choice sends."""
    choices = [(str(label), str(value)) for label, value in field.choices or ()]
    shown, sent = Counter(label for label, _ in choices), {value for _, value in choices}
    return {label: value for label, value in choices if shown[label] == 1 and label not in sent}


def values_of(
    form: Form, field: Field, text: str, lines_of: LinesOf | None = None
) -> tuple[object, ...]:
    """Return the values that `text` stands for, at least one; they aren't checked against the
    field. Raises BadValue for no values or too many.

    Numbers: `1, 2, 5` and ranges, `1..10:3` for 1, 4, 7, 10. Choices and yes or no: `a, b`, in
    quotes if they contain a comma; choices also by their labels. Texts: one per line, expanded to
    all texts that its wildcards and the names of files stand for, as in `every_text`. Boxes and
    curves: one per line. Anything else is one value.
    """
    values: list[str] = []
    size = 0
    for value in _read(form, field, text, lines_of and cache(lines_of)):
        size += len(value)
        if len(values) == MOST_ROWS or size > MOST_TEXT:
            raise TooManyRows
        values.append(value)
    return tuple(values)


def _read(form: Form, field: Field, text: str, lines_of: LinesOf | None) -> Iterator[str]:
    match field.kind.several:
        case Several.NUMBERS | Several.SEEDS:
            return chain.from_iterable(map(_range, text.split(",")))
        case Several.CHOICES | Several.LIST:
            return _items(field, text)
        case Several.TEXTS:
            return _texts(form, field, text, lines_of)
        case Several.LINES:
            return iter(_lines(text))
        case Several.FILES:
            return iter((text,))


def _range(text: str) -> Iterator[str]:
    item = text.strip()
    if ".." not in item:
        return iter((item,))
    match = _RANGE.fullmatch(item.replace(" ", ""))
    first, last, step = map(Decimal, match.groups("1") if match else "000")
    if not step:
        raise BadValue(
            message("“{text}” isn't a range. Use a format like 1..10 or 1..10:3.", text=short(item))
        )
    return _counted(first, last, abs(step) if first <= last else -abs(step))


def _counted(first: Decimal, last: Decimal, step: Decimal) -> Iterator[str]:
    for count in itertools.count():
        number = first + count * step
        if number > last if step > 0 else number < last:
            return
        yield f"{number.normalize():f}"


def _items(field: Field, text: str) -> Iterator[str]:
    meant = choices_as_shown(field)
    if text in meant or any(text == value for _, value in field.choices or ()):
        return iter((meant.get(text, text),))
    try:
        (items,) = csv.reader([text], skipinitialspace=True, strict=True)
    except (ValueError, csv.Error):  # line breaks, or unclosed quotes
        return iter((text,))
    named = (item.strip() for item in items or [text])
    return (meant.get(item, item) for item in named)


def _texts(form: Form, field: Field, text: str, lines_of: LinesOf | None) -> Iterator[str]:
    lines = _lines(text)
    if not is_drawn(form, field):
        return iter(lines)
    for line in lines:
        check_blocks(line)
    return chain.from_iterable(every_text(line, MOST_ROWS + 1, lines_of) for line in lines)


def _lines(text: str) -> list[str]:
    return [line.rstrip("\r") for line in text.split("\n") if line.strip()] or [""]
