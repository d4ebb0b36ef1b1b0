"""Find the fields that a workflow needs to alter its own result. Pure."""

from __future__ import annotations

from comfy.form.model import Field, Form
from ui.documents.run_doc import Alteration

_STRENGTH_INPUTS = ("denoise", "denoise_strength")
_RESIZING = ("upscale", "scaleby", "pad", "crop", "outpaint")  # in names of classes
_SUBTLE, _STRONG = 0.35, 0.65


def alteration_of(form: Form) -> Alteration | None:
    """Return the fields for an image and for how much of it changes, and two strengths. None if the
    form doesn't have exactly one of each, or if the workflow changes the size of its image, which
    would grow or shrink with every alteration."""
    images = [one for one in form.fields if one.widget in ("image", "mask") and _is_shown(one)]
    strengths = [one for one in form.fields if one.input in _STRENGTH_INPUTS and _is_shown(one)]
    classes = [node["class_type"].casefold() for node in form.prompt.values()]
    resizes = any(word in name for name in classes for word in _RESIZING)
    if len(images) != 1 or len(strengths) != 1 or resizes:
        return None
    image, strength = images[0], strengths[0]
    if image.widget == "mask" or not strength.is_number:
        return None
    return Alteration(
        image.key, strength.key, _within(strength, _SUBTLE), _within(strength, _STRONG)
    )


def _is_shown(field: Field) -> bool:
    return field.group != "hidden"


def _within(field: Field, value: float) -> float:
    low, high = field.min, field.max
    return max(value if low is None else low, min(value, value if high is None else high))
