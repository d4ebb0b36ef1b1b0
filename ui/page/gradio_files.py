"""Gradio's files that most forms need, requested at once by the document; the styles as one."""

from __future__ import annotations

import hashlib
from functools import cache

from ui.brand import current_brand
from ui.gradio.page_files import PageFiles, files_of_page, joined_styles
from ui.gradio.page_files import script_tags as tags_of_scripts
from ui.gradio.page_files import style_tags as tags_of_styles
from ui.page.style_text import first_styles
from ui.page.theme import theme_styles

# Components of the page itself and of the usual fields. Gradio loads all others when a form has
# them.
_COMPONENTS = (
    "html",
    "row",
    "column",
    "button",
    "checkbox",
    "state",
    "form",
    "textbox",
    "number",
    "slider",
    "radio",
    "accordion",
    "dropdown",
)


@cache
def _files() -> PageFiles:
    return files_of_page(_COMPONENTS)


@cache
def style_text(accent: str) -> str:
    """Return the theme, all their style sheets, and the page's first one, as one that browsers
    keep. `accent`: the brand's color."""
    return f"{theme_styles(accent)}\n{joined_styles(_files())}\n{first_styles()}"


@cache
def style_name(accent: str) -> str:
    """Return the name of that style sheet below `SCRIPTS`, with a digest of its content."""
    return f"page-{hashlib.sha256(style_text(accent).encode()).hexdigest()[:16]}.css"


@cache
def script_tags() -> str:
    """Return the tags that request their scripts."""
    return tags_of_scripts(_files())


def style_tags(theme: str) -> str:
    """Return the tags of their style sheets. `theme`: the URL of Gradio's sheet for the theme."""
    return tags_of_styles(_files(), theme, style_name(current_brand().accent))
