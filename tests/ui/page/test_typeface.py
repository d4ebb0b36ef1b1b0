"""The page's typeface and icons."""

from __future__ import annotations

import re
from pathlib import Path

import requests

from tests.support.serving import running_demo_app
from tests.support.waiting import LONGEST_WAIT
from ui.page import typeface
from ui.page.icons import icon_styles
from ui.page.script_files import modules
from ui.page.typeface import font_face

PAGE = Path(typeface.__file__).parent
URL = re.compile(r'url\("(typeface/[^"]+)"\)')


def test_browsers_keep_the_typeface() -> None:
    """Everyone gets whole files, under addresses that change with their content."""
    regular, bold = URL.findall(font_face(""))
    with running_demo_app() as (_, app):
        for address in (regular, bold):
            answer = requests.get(f"{app.url}/{address}", timeout=LONGEST_WAIT)
            assert answer.content.startswith(b"wOF2")
            assert len(answer.content) > 30_000  # others in Gradio's package have a few letters
            assert "immutable" in answer.headers["cache-control"]
        other = requests.get(f"{app.url}/typeface/0.woff2", timeout=LONGEST_WAIT)
    assert other.status_code == 404


def test_styles_use_the_weights_of_the_typeface() -> None:
    """The browser would draw another weight itself, from one of these."""
    texts = [path.read_text(encoding="utf-8") for path in PAGE.rglob("*.css")]
    assert set(re.findall(r"font-weight: (\d+)", "".join(texts))) == {"400", "600"}


def test_every_icon_that_the_script_names_exists() -> None:
    """A name without a drawing would show a filled square."""
    used = set(
        re.findall(r'dataset\.icon = "([\w-]+)"|data-icon="([\w-]+)"', "".join(modules().values()))
    )
    drawn = set(re.findall(r'\[data-icon="([\w-]+)"\]', icon_styles()))
    assert {one or other for one, other in used} <= drawn
