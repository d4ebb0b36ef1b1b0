"""Component for a value that is a list: the page's script draws it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from ui.gradio.internals import WithoutStub
from ui.page.script_files import mounts

_STYLES = Path(__file__).parents[1] / "styles" / "fields"
_BASE = "row_editor"  # style of all list editors
# Load the script once the list is shown, which it isn't in a collapsed part.
_SHOWN = """new ResizeObserver((_, observer) => {
  if (!element.checkVisibility()) return;
  observer.disconnect();
  %s;
}).observe(element)"""


class ListEditor(gr.HTML, metaclass=WithoutStub):
    """Component with a list. Gradio makes a copy without a value when another field is reset.
    Event: `change`.

    `name` is the script in `ui/page/script/fields` and the style sheet; `given` are the arguments
    of the script's `mount`.
    """

    def __init__(
        self,
        value: list[Any] | None = None,
        *,
        name: str,
        given: Mapping[str, Any],
        **options: Any,
    ) -> None:
        names = dict.fromkeys((_BASE, name))
        classes = " ".join(one.replace("_", "-") for one in names)
        super().__init__(
            value,
            html_template=f'<div class="{classes}"></div>',
            js_on_load=_SHOWN % mounts(f"fields/{name}.js", (), **given),
            css_template="".join(
                (_STYLES / f"{one}.css").read_text(encoding="utf-8") for one in names
            ),
            apply_default_css=False,
            **options,
        )

    def preprocess(self, payload: object) -> object:  # type: ignore[override]
        """Return the list unchanged; the form checks it."""
        return payload

    def postprocess(self, value: object) -> object:  # type: ignore[override]
        return value

    def api_info(self) -> dict[str, Any]:
        """Return the schema that Gradio requires of every component; scripts don't see this one."""
        return {"type": "array"}
