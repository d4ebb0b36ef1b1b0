"""One of the values that the server offers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from comfy.base.messages import message
from comfy.base.wording import did_you_mean
from comfy.comfyui.input_spec import COMBO, DYNAMIC_COMBO
from comfy.form.candidates import Candidate
from comfy.form.labels import stem
from comfy.form.model import Field, FieldKind, Fit, Several
from comfy.prompt.value_types import BadValue, match_choice

_LONGEST = 60  # characters of a value that are compared with the choices

NOT_ON_SERVER = message("This isn't on the server. Choose another.")


class NotOffered(BadValue):
    """A value that a field doesn't offer. `close` suggests a similar one, which is slow for many
    choices."""

    def __init__(self, value: str, offered: Iterable[object]) -> None:
        super().__init__(
            message("“{value}” isn't on the server. Choose another.", value=value[:80])
        )
        self._value, self._offered = value, offered

    def close(self) -> str:
        """Return a suggestion of the most similar choice, "" if no choice is similar. Endings of
        model files, which are all alike, don't count."""
        names = {stem(one): str(one) for one in self._offered}
        return did_you_mean(stem(self._value), names, names.__getitem__)


def _check(field: Field, value: object) -> object:
    offered = tuple(choice for _, choice in field.choices or ())
    if type(value) is type(field.default) and value == field.default:
        return value
    if value is None or (value == "" and "" not in offered):
        raise BadValue(message("Choose one."))
    try:
        return match_choice(value, offered)
    except BadValue:
        if isinstance(value, str | int | float):
            raise NotOffered(str(value)[:_LONGEST], offered) from None
        raise BadValue(NOT_ON_SERVER) from None


def _schema(field: Field) -> dict[str, Any]:
    choices = [{"const": value, "title": label} for label, value in field.choices or ()]
    return {"oneOf": choices, "default": field.default} if choices else {"default": field.default}


def _fit(candidate: Candidate) -> Fit:
    return Fit.TYPE if candidate.type in (COMBO, DYNAMIC_COMBO) else Fit.NO


KINDS = (
    FieldKind(
        name="dropdown",
        check=_check,
        schema=_schema,
        several=Several.CHOICES,
        several_help=message("Separate values with commas."),
        fits=_fit,
        input_types=frozenset({COMBO}),
        offers_choices=True,
    ),
)
