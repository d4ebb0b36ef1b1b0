"""Style sheets as the page gets them, without comments and indents: a quarter smaller. The page's
first style sheet has what the header and the form need; all others come with the second part of
the script."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent / "styles"
_FIRST = (
    "gradio.css",
    "page.css",
    "header.css",
    "announcement.css",
    "form.css",
    "models/missing_models.css",
    "filling.css",
    "fields/box_drawing.css",
    "account.css",
    "start_page/start_page.css",
    "making/many.css",
    "making/prompts.css",
)
_LATER = (
    "before.css",
    "dialogs.css",
    "share.css",
    "editor/editor.css",
    "editor/rows.css",
    "image_editor/editor.css",
    "choosing/choosing.css",
    "gallery/gallery.css",
    "models/picker.css",
)
STAGE = (
    "viewport.css",
    "video/tools.css",
    "empty_stage.css",
    "stage.css",
    "chain.css",
    "results.css",
    "results/grid.css",
    "results/prose.css",
    "results/rows.css",
    "tile.css",
    "use_menu.css",
)
QUEUE = ("run_lists.css",)
HISTORY = ("run_lists.css", "history.css", "tile.css")
_BATCHES = (
    "run_lists.css",
    "viewport.css",
    "results.css",
    "results/prose.css",
    "use_menu.css",
    "batches/cards.css",
    "batches/vary.css",
    "batches/sheet.css",
    "batches/sheet_head.css",
    "batches/gallery.css",
    "batches/grid.css",
    "batches/over.css",
)
# Styles that apply only inside one of the page's components, by the component's ID. Elsewhere,
# these components bring their styles themselves.
_OF_COMPONENTS: Mapping[str, tuple[str, ...]] = {
    "stage": STAGE,
    "batches": _BATCHES,
    "queue": QUEUE,
    "history": HISTORY,
}
_DROPPED = re.compile(r"/\*(?:(?!\*/)[\s\S])*\*/|^[ \t]+|\n(?=\s*\n)", re.MULTILINE)


@cache
def styles(*names: str) -> str:
    """Return these files of `styles/`, joined."""
    return "\n".join(
        _DROPPED.sub("", (_FOLDER / name).read_text(encoding="utf-8")).strip() for name in names
    )


@cache
def first_styles() -> str:
    """Return the styles of the page's header and form."""
    return styles(*_FIRST)


@cache
def later_styles() -> str:
    """Return all other styles of the page and of its components."""
    inside = (f"#{name} {{ {styles(*files)} }}" for name, files in _OF_COMPONENTS.items())
    return "\n".join((styles(*_LATER), *inside))
