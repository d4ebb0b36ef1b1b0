"""Translatable messages.

A message is a whole sentence with names for values: `message("Can't reach {server}.", server=url)`.
The result is its English text and works like any string. It remembers its template and values, so a
page can show it in the reader's language (`ui.languages`). `just messages` only finds literal
text in a call: no variables, no f-strings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from string import Formatter
from typing import Annotated, Any, Self

from pydantic import PlainSerializer, PlainValidator, SerializationInfo, WithJsonSchema

_DEEPEST = 40  # maximum nesting of messages in JSON that is read
_LONGEST = 100_000  # characters of such a message if it repeats its values, as it may at each level


class Message(str):
    """English text that remembers its template and values. Immutable; text derived from it, by `+`
    or in an f-string, stays English."""

    sentence: str
    plural: str
    values: Mapping[str, object]

    def __new__(
        cls, sentence: str, plural: str = "", values: Mapping[str, object] | None = None
    ) -> Self:
        """Create a message. `plural` is the sentence for any `count` in the values other than 1; ""
        if there is no plural."""
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
    """Return a sentence with its values: text, numbers, or other messages."""
    return Message(sentence, "", values)


def as_message(value: object) -> Message | None:
    """Return a text of the project's workflows as a message; None for other values."""
    return Message(value) if isinstance(value, str) and value else None


def plural(singular: str, several: str, /, *, count: int, **values: object) -> Message:
    """Return a sentence about a number of things: `singular` if `count` is 1, otherwise `several`.
    Other languages may have more or fewer forms."""
    return Message(singular, several, {"count": count, **values})


def sentences(*said: str) -> str:
    """Join whole sentences, skipping empty texts."""
    return _joined(
        lambda first, second: message("{first} {second}", first=first, second=second),
        [one for one in said if one],
    )


def listed(names: Iterable[str]) -> str:
    """Join names into a list: "Steps, Seed"."""
    return _joined(
        lambda first, second: message("{first}, {second}", first=first, second=second), list(names)
    )


def labeled(name: str, value: str) -> Message:
    """Put a name before a value or a problem: "Steps: Enter a number."."""
    return message("{name}: {value}", name=name, value=value)


def one_of(names: Iterable[str]) -> str:
    """Join alternatives: "Steps or Seed"."""
    return _joined(
        lambda first, second: message("{first} or {second}", first=first, second=second),
        list(names),
    )


def _joined(pair: Callable[[str, str], str], parts: list[str]) -> str:
    """Join the parts pairwise, which keeps the nesting of messages minimal."""
    while len(parts) > 1:
        pairs = [pair(*two) for two in zip(parts[::2], parts[1::2], strict=False)]
        parts = pairs + parts[2 * len(pairs) :]
    return parts[0] if parts else ""


def message_to_json(text: str) -> object:
    """Return a text as JSON that keeps a message's template and values."""
    if not isinstance(text, Message):
        return text
    values = {
        name: value if isinstance(value, int | float) else message_to_json(_text(value))
        for name, value in text.values.items()
    }
    return {"sentence": text.sentence, "plural": text.plural, "values": values}


def message_from_json(data: object) -> object:
    """Read the output of `message_to_json`. If its values are missing or malformed, return the bare
    template; return anything else unchanged."""
    return _from_json(data, _DEEPEST)


def _from_json(data: object, levels: int) -> object:
    match data:
        case {"sentence": str(sentence), "plural": str(several), "values": dict(values)} if levels:
            read = {str(name): _from_json(value, levels - 1) for name, value in values.items()}
            return _message(sentence, several, read)
        case _:
            return data


def _message(sentence: str, several: str, values: Mapping[str, object]) -> str:
    counted = not several or type(values.get("count")) is int
    texts = all(
        name.isidentifier() and isinstance(value, str | int | float)
        for name, value in values.items()
    )
    forms = (sentence, several) if values else ()
    if sentence and counted and texts and all(_fits(form, values) for form in forms):
        return Message(sentence, several, values)
    return sentence


def _fits(form: str, values: Mapping[str, object]) -> bool:
    """Tell if all braces in the text contain bare names, and the values don't make it too long."""
    length = 0
    try:
        for text, name, shape, how in Formatter().parse(form):
            length += len(text)
            if name is None:
                continue
            if name not in values or how or shape:
                return False
            length += len(str(values[name]))
        once = len(form) + sum(len(str(value)) for value in values.values())
    except ValueError:
        return False
    return length <= max(_LONGEST, once)


def _text(value: object) -> str:
    return value if isinstance(value, str) else str(value)


def _read(data: object) -> str:
    text = message_from_json(data)
    if not isinstance(text, str):
        raise ValueError("no text")
    return text


def _written(text: str, how: SerializationInfo) -> object:
    # pydantic refuses a lone surrogate in a subclass of str
    return message_to_json(text) if how.round_trip else str.__str__(text)


# Text in a record that may be a message. Serialization keeps the template and values with
# `round_trip`, otherwise only the text.
KeptText = Annotated[
    str,
    PlainValidator(_read),
    PlainSerializer(_written, return_type=Any),
    WithJsonSchema({"type": "string"}),
]
