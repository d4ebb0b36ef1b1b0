"""Link preview for chats and social sites: the app's name, its purpose, and a card. It names no
workflow, because the reader hasn't signed in."""

from __future__ import annotations

import html
from pathlib import Path

from fastapi.responses import FileResponse

from ui.web.access import Access, GuardedRoutes
from ui.web.responses import KEEP_A_DAY

CARD = Path(__file__).with_name("social_card.png")  # made by tests/tools/social_card.py
_PATH = "/social-card.png"
_SIZE = (1200, 630)
_TITLE = "ComfyForms"
_ABOUT = "Create images, video and audio with simple forms for ComfyUI workflows."
_ALT = "ComfyForms: simple forms for ComfyUI workflows, beside three images made with them."


def tags_for_other_sites(root: str, title: str) -> str:
    """Return the tags for the head of a page, for an app at this URL. `title`: the tab's title."""
    width, height = _SIZE
    card, about, alt = f"{root}{_PATH}", html.escape(_ABOUT), html.escape(_ALT)
    return f"""<title>{title}</title>
        <meta name="description" content="{about}" />
        <meta property="og:site_name" content="{_TITLE}" />
        <meta property="og:type" content="website" />
        <meta property="og:title" content="{_TITLE}" />
        <meta property="og:description" content="{about}" />
        <meta property="og:image" content="{card}" />
        <meta property="og:image:type" content="image/png" />
        <meta property="og:image:width" content="{width}" />
        <meta property="og:image:height" content="{height}" />
        <meta property="og:image:alt" content="{alt}" />
        <meta name="twitter:card" content="summary_large_image" />
        <meta name="twitter:title" content="{_TITLE}" />
        <meta name="twitter:description" content="{about}" />
        <meta name="twitter:image" content="{card}" />
        <meta name="twitter:image:alt" content="{alt}" />"""


def social_card_routes() -> GuardedRoutes:
    """Return `GET /social-card.png`, which is public, because sites that show a link don't sign
    in."""
    routes = GuardedRoutes()

    @routes.get(_PATH, Access.PUBLIC)
    def card() -> FileResponse:
        """Return the card."""
        return FileResponse(CARD, media_type="image/png", headers=KEEP_A_DAY)

    return routes
