"""Images, optionally with a mask painted over them."""

from __future__ import annotations

from dataclasses import replace

from comfy.base.messages import message
from comfy.form.kinds.literal_input import Fit, LiteralInput
from comfy.form.kinds.uploads import file_kind
from comfy.form.model import FileInput


def _image_fit(given: LiteralInput) -> Fit:
    return Fit.DECLARED if given.upload == "image" and not given.mask_is_read else Fit.NO


def _mask_fit(given: LiteralInput) -> Fit:
    return Fit.DECLARED if given.upload == "image" and given.mask_is_read else Fit.NO


_IMAGE = FileInput(media="image", add=message("Add an image."))
KINDS = (
    file_kind("image", _IMAGE, _image_fit),
    file_kind("mask", replace(_IMAGE, is_painted=True), _mask_fit),
)
