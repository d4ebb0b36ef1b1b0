"""Files of any kind."""

from __future__ import annotations

from typing import Any

from comfy.form.kinds.registry import KINDS
from comfy.form.model import Field
from ui.files.components import File
from ui.page.form.kinds.view import Control, FieldView, options_of


def _file(field: Field, value: Any, scope: str) -> Control:
    return Control(field, (File(value, **options_of(field, scope)),))


VIEWS = (FieldView(KINDS["file"], _file, browser="file", component="File"),)
