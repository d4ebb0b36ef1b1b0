"""An image and its painted mask: one component with two files.

The script (`ui/page/script/components/mask_painter.js`) uploads the image unchanged. At each pause,
it uploads the paint as the alpha channel of a PNG of the image's size. The value therefore consists
of places of files, which the browser stores like other fields' values.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from comfy.base.messages import message
from ui.files.components import Painted, place_in
from ui.gradio.internals import WithoutStub
from ui.page.script_files import mounts

_IMAGE = message("Image")
_STYLE = Path(__file__).parent / "styles" / "mask_painter.css"


class MaskPainter(gr.HTML, metaclass=WithoutStub):
    """Component that takes an image and lets the user paint a mask on it.

    Value: `{"background": file, "layers": [file]}` with files from
    `ui.files.components.shown_file`, or None; as an input `Painted`, or None without an image.
    Event: `change`.
    """

    def __init__(
        self, value: dict[str, Any] | None = None, *, label: str = _IMAGE, **options: Any
    ) -> None:
        super().__init__(
            value,
            label=label,
            html_template='<div class="mask-painter"></div>',
            js_on_load=mounts("components/mask_painter.js", (), label=label),
            css_template=_STYLE.read_text(encoding="utf-8"),
            apply_default_css=False,
            **options,
        )

    def preprocess(self, payload: object) -> Painted | None:  # type: ignore[override]
        """Return the places of image and mask that the browser sent."""
        if not isinstance(payload, dict):
            return None
        image, layers = place_in(payload.get("background")), payload.get("layers")
        if image is None:
            return None
        return Painted(
            image,
            tuple(place_in(layer) or "" for layer in layers) if isinstance(layers, list) else (),
        )

    def postprocess(self, value: dict[str, Any] | None) -> dict[str, Any] | None:  # type: ignore[override]
        return value

    def api_info(self) -> dict[str, Any]:
        """Return the schema that Gradio requires of every component; scripts don't see this one."""
        return {"type": "object"}
