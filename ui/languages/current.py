"""The language of the current request, and translations into it."""

from __future__ import annotations

import html
from collections.abc import Mapping
from contextvars import ContextVar

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Receive, Scope, Send

from comfy.base.messages import Message
from ui.brand import PRODUCT, Brand, branded, current_brand
from ui.languages.catalogs import Language, Languages, wanted_languages

COOKIE = "language"
_ENGLISH = Language()
_current: ContextVar[Language] = ContextVar("language", default=_ENGLISH)
_offered: ContextVar[Languages] = ContextVar("languages")


def current_language() -> Language:
    """Return the language of the current request or socket; English outside of one."""
    return _current.get()


def offered_languages() -> Languages:
    """Return the languages that users can choose, during a request."""
    return _offered.get()


def translated(text: str) -> str:
    """Return a message in the current language, with the name of the brand instead of the
    product's; return other text unchanged."""
    return _current.get().text(text, current_brand().name)


def html_of(text: str) -> str:
    """Return a message in the current language, or other text, escaped for HTML."""
    return html.escape(translated(text))


def all_translated(value: object) -> object:
    """Return JSON values with their messages in the current language; unchanged if that is English
    and the app has the product's name."""
    is_plain = not _current.get().files and current_brand().name == PRODUCT
    return value if is_plain else _translated(value)


def _translated(value: object) -> object:
    match value:
        case Message():
            return translated(value)
        case Mapping():
            return {_translated(key): _translated(one) for key, one in value.items()}
        case list() | tuple():
            return [_translated(one) for one in value]
        case _:
            return value


class LanguageMiddleware:
    """ASGI middleware that sets the brand and the language of each request and socket: the user's
    choice on the page, otherwise the browser's preference."""

    def __init__(self, app: ASGIApp, languages: Languages, brand: Brand) -> None:
        self.app = app
        self.languages = languages
        self.brand = brand

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward everything, in its language."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        chosen = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
        tags = wanted_languages(headers.get("accept-language", ""))
        _offered.set(self.languages)
        before = _current.set(self.languages.best([chosen, *tags]))
        try:
            with branded(self.brand):
                await self.app(scope, receive, send)
        finally:
            _current.reset(before)
