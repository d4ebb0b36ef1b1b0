"""The page's language in a browser: its script's messages, the language menu, and the user's
choice."""

from __future__ import annotations

import hashlib
import html
import json
from functools import cache
from typing import Annotated

from fastapi import Body, HTTPException
from starlette.requests import Request
from starlette.responses import Response

from comfy.base.messages import message
from ui.brand import PRODUCT, current_brand
from ui.gradio.internals import NAVIGATOR_LANGUAGE
from ui.languages.catalogs import Language, Languages
from ui.languages.current import COOKIE, current_language
from ui.page.script_files import KeptFile
from ui.web.access import Access, GuardedRoutes
from ui.web.cookies import AGE
from ui.web.identity import Identity
from ui.web.limits import BodyLimit
from ui.web.responses import AsciiJSON

_CHOOSE_LANGUAGE = "/language"
LANGUAGE = message("Language")
_UNKNOWN = "Unknown language."


def html_attributes() -> str:
    """Return a page's `html` attributes: its language, the URL of the script's messages, and the
    app's name in them."""
    language = current_language()
    messages = f' data-messages="{_address(language)}"' if language.files else ""
    if (name := current_brand().name) != PRODUCT:
        messages += f' data-app="{html.escape(name)}"'
    tag = html.escape(language.tag)
    # Gradio's script changes `lang` if Gradio doesn't support that language.
    return f'lang="{tag}" data-language="{tag}"{messages}'


def language_tags() -> str:
    """Return tags for a page's head that set the language of Gradio's own texts and preload the
    messages."""
    language = current_language()
    tags = f"<script>{NAVIGATOR_LANGUAGE % json.dumps(language.tag)}</script>"
    return (
        f'{tags}<link rel="modulepreload" href="{_address(language)}">' if language.files else tags
    )


def language_menu(languages: Languages, label: str) -> str:
    """Return the language menu, the same for all users; the script marks the current one. `label`:
    its label as HTML."""
    options = "".join(
        f'<option value="{tag}" lang="{tag}">{html.escape(one.name)}</option>'
        for tag, one in languages.all.items()
    )
    return f'<select class="language" aria-label="{label}">{options}</select>'


@cache
def _script(language: Language) -> KeptFile:
    return KeptFile(language.script, "text/javascript")


@cache
def _address(language: Language) -> str:
    digest = hashlib.sha256(language.script).hexdigest()[:16]
    return f"languages/{digest}/{language.tag}.js"


def language_routes(languages: Languages, identity: Identity) -> GuardedRoutes:
    """Return `GET /languages/{version}/{name}` and `POST /language`, both public."""
    routes = GuardedRoutes()

    @routes.get("/languages/{version}/{name}", Access.PUBLIC, is_constant=True)
    def messages(version: str, name: str, request: Request) -> Response:
        """Return the messages of the page's script in one language; 404 for any version but the
        current one."""
        language = languages.all.get(name.removesuffix(".js"))
        if language is None or f"languages/{version}/{name}" != _address(language):
            raise HTTPException(404, _UNKNOWN)
        return _script(language).answer(request)

    @routes.post(_CHOOSE_LANGUAGE, Access.PUBLIC, body=BodyLimit.LOGIN_FORM)
    def choose(tag: Annotated[str, Body(embed=True)], request: Request) -> Response:
        """Store the choice in a cookie; 404 for an unknown language."""
        if tag not in languages.all:
            raise HTTPException(404, _UNKNOWN)
        cookie = identity.cookies.flagged(f"{COOKIE}={tag}; Max-Age={AGE}", request)
        return AsciiJSON({"language": tag}, headers={"set-cookie": cookie})

    return routes
