"""Files of any kind."""

from __future__ import annotations

from comfy.base.messages import message
from comfy.form.kinds.literal_input import Fit, LiteralInput
from comfy.form.kinds.uploads import file_kind
from comfy.form.model import FileInput


def _fit(given: LiteralInput) -> Fit:
    return Fit.DECLARED if given.upload == "file" else Fit.NO


_FILE = FileInput(media="", add=message("Add a file."))
KINDS = (file_kind("file", _FILE, _fit),)
