"""The cookies of the app: a signed one that tells browsers apart, and the flags that suit the place
of the page."""

from __future__ import annotations

import base64
import hmac
import re
import secrets

from starlette.requests import HTTPConnection

from ui.web.secret import derived

_KNOWN = re.compile(r"[\w-]{32,64}", re.ASCII)
AGE = 400 * 24 * 3600  # seconds; browsers keep no cookie longer
_LASTING = ("max-age", "expires")  # the attributes of a cookie that are left to whoever sets it


class Cookies:
    """What this app gives to browsers, and knows again. `on_a_space`: Hugging Face shows the page
    in a frame."""

    def __init__(self, secret: bytes, *, on_a_space: bool = False) -> None:
        self._key = derived(secret, "identity cookie")
        # Browsers send cookies to all ports of a host: two apps there must not take each other's
        # for a forgery.
        self._name = f"comfyforms-{derived(secret, 'cookie name')[:4].hex()}"
        self._on_a_space = on_a_space

    def name(self, request: HTTPConnection) -> str:
        """What the identity's cookie is called; over TLS so that neighbours below the same domain
        cannot set it."""
        return f"__Host-{self._name}" if self._secure(request) else self._name

    def signed(self, browser: str) -> str:
        """The cookie's value for the browser with this id."""
        return f"{browser}.{self._signature(browser)}"

    def browser(self, request: HTTPConnection) -> str | None:
        """The id of the browser that asks; None where it brings no cookie that this app has
        signed."""
        browser, _, signature = request.cookies.get(self.name(request), "").rpartition(".")
        known = _KNOWN.fullmatch(browser) and hmac.compare_digest(
            signature.encode(errors="replace"), self._signature(browser).encode()
        )
        return browser if known else None

    def session_name(self, request: HTTPConnection) -> str:
        """What the cookie of somebody who has signed in is called."""
        return f"{self.name(request)}-session"

    def session(self, request: HTTPConnection) -> str:
        """What the cookie of their session holds, "" where there is none."""
        return request.cookies.get(self.session_name(request), "")

    def new_session(self, request: HTTPConnection, shown: str, lasts: float) -> str:
        """The Set-Cookie header that keeps a session for so many seconds; 0 takes it back."""
        age = min(round(lasts), AGE)
        return self.flagged(f"{self.session_name(request)}={shown}; Max-Age={age}", request)

    def attempt_name(self, request: HTTPConnection) -> str:
        """What the cookie of somebody is called who is signing in elsewhere."""
        return f"{self.name(request)}-signing-in"

    def attempt(self, request: HTTPConnection, sealed: str, lasts: float) -> str:
        """The Set-Cookie header that keeps such an attempt for so many seconds; 0 takes it back."""
        return self.flagged(f"{self.attempt_name(request)}={sealed}; Max-Age={lasts:.0f}", request)

    def new(self, request: HTTPConnection) -> str:
        """The Set-Cookie header that gives this browser an identity."""
        value = self.signed(secrets.token_urlsafe(32))
        return self.flagged(f"{self.name(request)}={value}; Max-Age={AGE}", request)

    def flagged(self, cookie: str, request: HTTPConnection) -> str:
        """A Set-Cookie header with the flags that suit this place, instead of those it has.

        In another site's frame browsers keep `SameSite=None` only, and where third-party cookies
        are blocked, only those that are partitioned, which Starlette cannot say before Python 3.14.
        """
        content, *attributes = (part.strip() for part in cookie.split(";"))
        lasting = [one for one in attributes if one.lower().startswith(_LASTING)]
        if self._on_a_space:
            place = ["Secure", "SameSite=None", "Partitioned"]
        else:
            place = ["Secure", "SameSite=Lax"] if self._secure(request) else ["SameSite=Lax"]
        return "; ".join([content, *lasting, "Path=/", "HttpOnly", *place])

    def _secure(self, request: HTTPConnection) -> bool:
        return self._on_a_space or request.scope["scheme"] in ("https", "wss")

    def _signature(self, browser: str) -> str:
        digest = hmac.digest(self._key, browser.encode(), "sha256")
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")
