"""Videos."""

from __future__ import annotations

from typing import Any

from comfy.form.kinds.registry import KINDS
from comfy.form.model import Field
from ui.files.components import Video
from ui.page.form.kinds.view import Control, FieldView, options_of


def _video(field: Field, value: Any, scope: str) -> Control:
    video = Video(value, sources=["upload", "webcam"], **options_of(field, scope))
    return Control(field, (video,))


VIEWS = (FieldView(KINDS["video"], _video, browser="file", component="Video"),)
