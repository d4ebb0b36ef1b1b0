"""The page's style sheets as they are sent."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ui.page import style_text
from ui.page.style_text import later_styles, opened_styles, styles

FOLDER = Path(style_text.__file__).with_name("styles")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


@pytest.mark.parametrize(
    "name", sorted(str(one.relative_to(FOLDER)) for one in FOLDER.rglob("*.css"))
)
def test_only_comments_and_spaces_are_dropped(name: str) -> None:
    """Values in several lines keep the space between their words."""
    written = COMMENT.sub(" ", (FOLDER / name).read_text(encoding="utf-8"))
    assert styles(name).split() == written.split()


def test_style_sheets_have_no_backtick() -> None:
    """Gradio evaluates a component's style sheet as a JavaScript template literal."""
    for sheet in FOLDER.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        assert not re.search(r"`|\$\{", text), sheet.name


def test_sheets_that_stage_and_batches_share_are_sent_once() -> None:
    sent = later_styles() + opened_styles()
    for name in ("viewport.css", "results.css", "results/prose.css", "use_menu.css"):
        assert sent.count(styles(name)) == 1
