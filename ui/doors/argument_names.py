"""Names by which programs that know no field keys can give the values of a form. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from comfy.form.model import Field, Form

_LONGEST = 48  # characters; some assistants take 64
_OTHERS = re.compile(r"[^a-z0-9]+")


def argument_names(form: Form) -> dict[str, str]:
    """A name for each field that people can set, by its key, in their order: its label in a-z, 0-9
    and `_`, which any program takes for the name of an argument. No two are the same."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for field in form.fields:
        if field.group != "hidden":
            name = unique_name(_name_of(field), taken)
            names[field.key] = name
            taken.add(name)
    return names


def workflow_names(titles: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return pairs of an identifier, made from a title, and a workflow's name. Earlier ones keep
    their identifier when later ones are added."""
    names: dict[str, str] = {}
    for title, workflow in titles:
        names[unique_name(plain_word(title) or "workflow", set(names))] = workflow
    return names


def unique_name(name: str, taken: set[str]) -> str:
    """The name, with the first number behind it that is free where it is taken."""
    number, free = 2, name
    while free in taken:
        number, free = number + 1, f"{name}_{number}"
    return free


def plain_word(text: str) -> str:
    """A text as such a name, "" where it has no letter or digit that has one."""
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return _OTHERS.sub("_", letters).strip("_")[:_LONGEST].rstrip("_")


def _name_of(field: Field) -> str:
    name = plain_word(field.label) or plain_word(field.input) or "value"
    return f"field_{name}" if name[0].isdigit() else name
