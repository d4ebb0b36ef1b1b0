"""Audio files."""

from __future__ import annotations

from typing import Any

from comfy.form.kinds.registry import KINDS
from comfy.form.model import Field
from ui.files.components import Audio
from ui.page.form.kinds.view import Control, FieldView, options_of


def _audio(field: Field, value: Any, scope: str) -> Control:
    audio = Audio(
        value, sources=["upload", "microphone"], buttons=["download"], **options_of(field, scope)
    )
    return Control(field, (audio,))


VIEWS = (FieldView(KINDS["audio"], _audio, browser="file", component="Audio"),)
