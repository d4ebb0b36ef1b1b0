"""Argument names for a form's values, for programs that don't know field keys. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from comfy.form.model import Field, Form

_LONGEST = 48  # characters; some assistants allow at most 64
_OTHERS = re.compile(r"[^a-z0-9]+")


def argument_names(form: Form) -> dict[str, str]:
    """Return an argument name for each field that users can set, by field key and in order. Names
    are unique. They derive from the labels and contain only a-z, 0-9 and `_`, which any program
    accepts."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for field in form.fields:
        if field.group != "hidden":
            name = unique_name(_name_of(field), taken)
            names[field.key] = name
            taken.add(name)
    return names


def workflow_names(titles: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return workflows' names, by identifiers derived from their titles. Earlier workflows keep
    their identifiers when later ones are added."""
    names: dict[str, str] = {}
    for title, workflow in titles:
        names[unique_name(plain_word(title) or "workflow", set(names))] = workflow
    return names


def unique_name(name: str, taken: set[str]) -> str:
    """Return the name, with the first free number appended if it is taken."""
    number, free = 2, name
    while free in taken:
        number, free = number + 1, f"{name}_{number}"
    return free


def plain_word(text: str) -> str:
    """Convert a text to an argument name; empty if no letter or digit has an ASCII form."""
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return _OTHERS.sub("_", letters).strip("_")[:_LONGEST].rstrip("_")


def _name_of(field: Field) -> str:
    name = plain_word(field.label) or plain_word(field.input) or "value"
    return f"field_{name}" if name[0].isdigit() else name
