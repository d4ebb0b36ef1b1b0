"""Find the field of a form that a user names in a table, on a command line or in a chain."""

from __future__ import annotations

from collections.abc import Callable

from comfy.base.errors import ManyProblems
from comfy.base.messages import message, sentences
from comfy.base.wording import did_you_mean, short
from comfy.form.model import Field, Form


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
