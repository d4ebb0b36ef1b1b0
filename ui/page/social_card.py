"""Link previews for chats and social sites. The default one has the app's name, its purpose, and a
card. It names no workflow, because the reader hasn't signed in."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path

from fastapi.responses import FileResponse

from ui.brand import PRODUCT, current_brand
from ui.web.access import Access, GuardedRoutes
from ui.web.responses import KEEP_A_DAY

CARD = Path(__file__).with_name("social_card.png")  # made by tools/social_card.py
_PATH = "/social-card.png"
_SIZE = (1200, 630)
_ABOUT = "Create images, video and audio with simple forms for ComfyUI workflows."
_ALT = "ComfyForms: simple forms for ComfyUI workflows, beside three images made with them."


@dataclass(frozen=True, slots=True)
class LinkPreview:
    """Preview of a page for chats and social sites. `image`: its URL, inserted unescaped; "" for
    none."""

    title: str
    about: str
    image: str
    image_type: str
    size: tuple[int, int]
    alt: str


def tags_for_other_sites(root: str, title: str, preview: LinkPreview | None) -> str:
    """Return the tags for the head of a page, for an app at this URL. `title`: the tab's title;
    both are inserted unescaped. `preview`: the app's own by default."""
    app = current_brand()
    card = f"{root}{_PATH}" if app.name == PRODUCT else ""  # it has the product's name
    own = LinkPreview(app.name, _ABOUT, card, "image/png", _SIZE, _ALT)
    shown = preview or own
    name, about, alt = (html.escape(one) for one in (shown.title, shown.about, shown.alt))
    width, height = shown.size
    image = f"""
        <meta property="og:image" content="{shown.image}" />
        <meta property="og:image:type" content="{shown.image_type}" />
        <meta property="og:image:width" content="{width}" />
        <meta property="og:image:height" content="{height}" />
        <meta property="og:image:alt" content="{alt}" />
        <meta name="twitter:card" content="summary_large_image" />
        <meta name="twitter:image" content="{shown.image}" />
        <meta name="twitter:image:alt" content="{alt}" />"""
    return f"""<title>{title}</title>
        <meta name="description" content="{about}" />
        <meta property="og:site_name" content="{html.escape(app.name)}" />
        <meta property="og:type" content="website" />
        <meta property="og:title" content="{name}" />
        <meta property="og:description" content="{about}" />
        <meta name="twitter:title" content="{name}" />
        <meta name="twitter:description" content="{about}" />{image if shown.image else ""}"""


def social_card_routes() -> GuardedRoutes:
    """Return `GET /social-card.png`, which is public, because sites that show a link don't sign
    in."""
    routes = GuardedRoutes()

    @routes.get(_PATH, Access.PUBLIC, is_constant=True)
    def card() -> FileResponse:
        """Return the card."""
        return FileResponse(CARD, media_type="image/png", headers=KEEP_A_DAY)

    return routes
