"""Images, and images with a painted mask."""

from __future__ import annotations

from typing import Any

from comfy.form.kinds.registry import KINDS
from comfy.form.model import Field
from ui.files.components import Image
from ui.page.form.kinds.view import Control, FieldView, options_of
from ui.page.mask_painter import MaskPainter


def _image(field: Field, value: Any, scope: str) -> Control:
    image = Image(
        value,
        sources=["upload", "webcam"],
        buttons=["fullscreen"],
        **options_of(field, scope),
    )
    return Control(field, (image,))


def _mask(field: Field, value: Any, scope: str) -> Control:
    return Control(field, (MaskPainter(value, **options_of(field, scope)),))


VIEWS = (
    FieldView(KINDS["image"], _image, browser="file", component="Image"),
    FieldView(KINDS["mask"], _mask, browser="painted", component="ImageEditor"),
)
