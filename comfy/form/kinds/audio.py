"""Audio files."""

from __future__ import annotations

from comfy.base.messages import message
from comfy.form.kinds.literal_input import Fit, LiteralInput
from comfy.form.kinds.uploads import file_kind
from comfy.form.model import FileInput


def _fit(given: LiteralInput) -> Fit:
    return Fit.DECLARED if given.upload == "audio" else Fit.NO


_FILE = FileInput(media="audio", add=message("Add an audio file."))
KINDS = (file_kind("audio", _FILE, _fit),)
