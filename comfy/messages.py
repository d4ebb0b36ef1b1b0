"""Sentences for people, which can be said in other languages than English.

A sentence is whole and has names where values go: `message("Can't reach {server}.", server=url)`.
What comes of it is its English text, to be logged, compared or shown as any other; and since it
remembers what it was made of, a page says it in the language of whoever reads it (`ui.languages`).
Only the literal text in a call is found by `pybabel extract`: no variable, no f-string.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import PlainSerializer, PlainValidator


class Message(str):
    """An English text that remembers the sentence it was made of and the values in it. Not changed
    by anybody; text that is made of it, as by `+` or in an f-string, is English for good."""

    sentence: str
    plural: str
    values: Mapping[str, object]

    def __new__(
        cls, sentence: str, plural: str = "", values: Mapping[str, object] | None = None
    ) -> Self:
        """`plural`: the sentence for any `count` in the values but 1; "" for one without."""
        values = values or {}
        used = plural if plural and values["count"] != 1 else sentence
        self = super().__new__(cls, used.format(**values) if values else used)
        self.sentence, self.plural, self.values = sentence, plural, values
        return self

    def __str__(self) -> str:
        return self

    def __deepcopy__(self, _: object) -> Self:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.sentence, self.plural, self.values)


def message(sentence: str, **values: object) -> Message:
    """A sentence with its values: text, numbers, or other messages."""
    return Message(sentence, "", values)


def plural(one: str, several: str, /, *, count: int, **values: object) -> Message:
    """A sentence about a number of things: `one` is said where `count` is 1, `several` otherwise;
    other languages may have more forms or fewer."""
    return Message(one, several, {"count": count, **values})


def message_to_json(text: str) -> object:
    """A text as JSON that keeps what a message was made of."""
    if not isinstance(text, Message):
        return text
    values = {
        name: message_to_json(value) if isinstance(value, str) else value
        for name, value in text.values.items()
    }
    return {"sentence": text.sentence, "plural": text.plural, "values": values}


def message_from_json(told: object) -> object:
    """What `message_to_json` has written; anything else as it is."""
    match told:
        case {"sentence": str(sentence), "plural": str(plural_form), "values": dict(values)}:
            read = {str(name): message_from_json(value) for name, value in values.items()}
            try:
                return Message(sentence, plural_form, read)
            except (LookupError, ValueError, AttributeError, TypeError):
                return sentence  # its values are not those that it names
        case _:
            return told


def _read(told: object) -> str:
    text = message_from_json(told)
    if not isinstance(text, str):
        raise ValueError("no text")
    return text


# A text in a record that may be a message, and is one again when it is read.
KeptText = Annotated[
    str,
    PlainValidator(_read),
    PlainSerializer(message_to_json, return_type=Any, when_used="json"),
]
