"""Choose the widget of an input: the kind of field that fits best."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from comfy.comfyui.object_info import InputSpec
from comfy.form.candidates import Candidate
from comfy.form.kinds.literal_input import Limits, LiteralInput
from comfy.form.kinds.registry import KINDS
from comfy.form.model import FieldKind


@dataclass(frozen=True, slots=True)
class ChosenWidget:
    """How a user sets an input, as far as the server says."""

    kind: FieldKind
    limits: Limits


def choose_widget(
    candidate: Candidate, name: str, target: InputSpec | None, used: Collection[int]
) -> ChosenWidget:
    """Return the widget and the limits of one literal input.

    `name` and `target` belong to the input that the value is really for (`Trace.meaning`), `used`
    are the outputs of the node that lead somewhere.
    """
    given = LiteralInput.of(candidate, name, target, used)
    return ChosenWidget(max(KINDS.values(), key=lambda kind: kind.fits(given)), given.limits)
