"""Layout of the small pages: the product's name and look, in light and dark."""

from __future__ import annotations

import html
from functools import cache
from pathlib import Path
from urllib.parse import quote, urlsplit

from fastapi.responses import HTMLResponse

from comfy.base.messages import message
from ui.languages.current import html_of
from ui.page.language_files import html_attributes
from ui.page.plain.inline import policy, style_tags
from ui.page.plain.install import tags_for_installing
from ui.page.social_card import LinkPreview, tags_for_other_sites
from ui.web.responses import NO_STORE

ICON = Path(__file__).parents[1] / "icon.svg"
_OPEN = message("Open ComfyForms")
_DEAD = message("This link no longer works")


def as_page(page: str, status: int = 200) -> HTMLResponse:
    """Return a page as a response that browsers don't store. Its policy allows only its own
    scripts."""
    return HTMLResponse(page, status, headers=NO_STORE | {"content-security-policy": policy()})


def head_tags_of(root: str, title: str = "ComfyForms", preview: LinkPreview | None = None) -> str:
    """Return the tags that describe a page of the app at this URL to chats and to systems that
    install it. `root` and `title` are inserted unescaped."""
    return f"{tags_for_other_sites(root, title, preview)}\n        {tags_for_installing(root)}"


def plain_page(titles: str, body: str, root: str, top: str = "") -> str:
    """Return a whole page. `titles`: the tags in its head that name it; `root`: the app's URL, to
    which all other URLs in it are relative; `top`: HTML at the end of the header."""
    base = html.escape(f"{urlsplit(root).path.rstrip('/')}/")
    return f"""<!doctype html>
<html {html_attributes()}>
<head>
<meta charset="utf-8">
<base href="{base}">
{titles}
{_head()}
</head>
<body>
<header class="brand"><img src="{icon_address()}" alt="" width="28" height="28"> ComfyForms
{top}</header>
{body}
</body>
</html>
"""


def link_to_app() -> str:
    """Return the link from a small page to the app, for users who may use it."""
    return f'<p><a href="./">{html_of(_OPEN)}</a></p>'


def notice_page(
    root: str, heading: str, why: str, *, status: int, leads_on: bool = True
) -> HTMLResponse:
    """Return a page that explains why the requested page isn't available, with a link to the app if
    it `leads_on`. `root`: the app's URL."""
    link = f'<p><a class="button" href="./">{html_of(_OPEN)}</a></p>\n' if leads_on else ""
    body = f"""<main class="card">
<h1>{html_of(heading)}</h1>
<p>{html_of(why)}</p>
{link}</main>"""
    titles = head_tags_of(html.escape(root), f"{html_of(heading)} · ComfyForms")
    return as_page(plain_page(titles, body, root), status)


def dead_link_page(root: str, why: str, *, leads_on: bool = True) -> HTMLResponse:
    """Return the page for an expired link. Otherwise like `notice_page`."""
    return notice_page(root, _DEAD, why, status=404, leads_on=leads_on)


@cache
def icon_address() -> str:
    """Return the icon as a data URL: /favicon.ico at the host's root may belong to another app."""
    return f"data:image/svg+xml,{quote(ICON.read_text(encoding='utf-8'))}"


@cache
def _head() -> str:
    return f"""<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="{icon_address()}">
{style_tags()}"""
