"""Videos."""

from __future__ import annotations

from comfy.base.messages import message
from comfy.form.kinds.literal_input import Fit, LiteralInput
from comfy.form.kinds.uploads import file_kind
from comfy.form.model import FileInput


def _fit(given: LiteralInput) -> Fit:
    return Fit.DECLARED if given.upload == "video" else Fit.NO


_FILE = FileInput(media="video", add=message("Add a video."))
KINDS = (file_kind("video", _FILE, _fit),)
