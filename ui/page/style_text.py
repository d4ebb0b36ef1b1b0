"""Style sheets as the page gets them, without comments and indents: a quarter smaller."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent / "styles"
_OF_BATCHES = (
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
_DROPPED = re.compile(r"/\*(?:(?!\*/)[\s\S])*\*/|^[ \t]+|\n(?=\s)", re.MULTILINE)


@cache
def styles(*names: str) -> str:
    """Return these files of `styles/`, joined."""
    return "\n".join(
        _DROPPED.sub("", (_FOLDER / name).read_text(encoding="utf-8")).strip() for name in names
    )


@cache
def batch_styles() -> str:
    """Return the styles of the batches component, which apply only inside it."""
    return f"#batches {{ {styles(*_OF_BATCHES)} }}"
