"""Videos."""

from __future__ import annotations

from comfy.base.messages import message
from comfy.form.kinds.literal_input import Fit, LiteralInput
from comfy.form.kinds.uploads import file_kind
from comfy.form.model import FileInput


def _fit(given: LiteralInput) -> Fit:
    return Fit.DECLARED if given.upload == "video" else Fit.NO


def _from_step(step: str) -> str:
    return message("This comes from “{step}”.", step=step)


_FILE = FileInput(
    media="video",
    add=message("Add a video."),
    add_another=message("Add another file"),
    wanted=message("This field takes a video."),
)
KINDS = (file_kind("video", _FILE, _fit, _from_step),)
