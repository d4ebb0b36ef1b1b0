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
from ui.page.social_card import tags_for_other_sites
from ui.web.responses import NO_STORE

ICON = Path(__file__).parents[1] / "icon.svg"
_OPEN = message("Open ComfyForms")
_DEAD_TITLE = message("Link no longer works · ComfyForms")
_DEAD = message("This link no longer works")


def as_page(page: str, status: int = 200) -> HTMLResponse:
    """A page, which no browser keeps, and whose policy lets only its own scripts run."""
    return HTMLResponse(page, status, headers=NO_STORE | {"content-security-policy": policy()})


def head_tags_of(root: str, title: str = "ComfyForms") -> str:
    """The tags by which others know a page of the app at this address: chats, and systems that
    install it. Both are put into the page as they are."""
    return f"{tags_for_other_sites(root, title)}\n        {tags_for_installing(root)}"


def plain_page(titles: str, body: str, root: str) -> str:
    """A whole page. `titles`: the tags of its head that name it; `root`: the app's address, to
    which all others in it are relative."""
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
<p class="brand"><img src="{icon_address()}" alt="" width="28" height="28"> ComfyForms</p>
{body}
</body>
</html>
"""


def link_to_app() -> str:
    """Return the link from a small page to the app, for users who may use it."""
    return f'<p><a href="./">{html_of(_OPEN)}</a></p>'


def notice_page(
    root: str,
    heading: str,
    why: str,
    *,
    status: int,
    title: str = "ComfyForms",
    leads_on: bool = True,
) -> HTMLResponse:
    """A page that says why what was asked for is not here, and leads to the app, if it `leads_on`.
    `root`: the app's address."""
    link = f'<p><a class="button" href="./">{html_of(_OPEN)}</a></p>\n' if leads_on else ""
    body = f"""<main class="card">
<h1>{html_of(heading)}</h1>
<p>{html_of(why)}</p>
{link}</main>"""
    return as_page(plain_page(head_tags_of(html.escape(root), html_of(title)), body, root), status)


def dead_link_page(root: str, why: str, *, leads_on: bool = True) -> HTMLResponse:
    """Return the page behind an expired link. Otherwise like `notice_page`."""
    return notice_page(root, _DEAD, why, status=404, title=_DEAD_TITLE, leads_on=leads_on)


@cache
def icon_address() -> str:
    """The icon as an address that holds it: /favicon.ico of the host's root need not be this
    app's."""
    return f"data:image/svg+xml,{quote(ICON.read_text(encoding='utf-8'))}"


@cache
def _head() -> str:
    return f"""<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="{icon_address()}">
{style_tags()}"""
