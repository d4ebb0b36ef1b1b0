"""The app's cookies: a signed one that identifies the browser, one for each signed-in user, and
flags that suit where the page is shown. The app's secret signs them and derives unguessable
names."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock
from starlette.requests import HTTPConnection

from comfy.base.errors import ComfyError
from comfy.webhooks.address import check_secret, new_secret

SIZE = 32  # bytes
_OTHER_FOLDER = "Check its permissions, or choose another folder (--data)."
_KNOWN = re.compile(r"[\w-]{32,64}", re.ASCII)
AGE = 400 * 24 * 3600  # seconds, the maximum in browsers
_LASTING = ("max-age", "expires")  # cookie attributes that the caller sets


def kept_secret(folder: Path) -> bytes:
    """Return the secret of all programs that use this folder; the first program creates it.

    Raises ComfyError if it can be neither read nor written.
    """
    path = folder / "secret"
    secret = _kept(path, lambda: secrets.token_bytes(SIZE))
    if len(secret) < SIZE:
        raise ComfyError(
            f"The file {path} is damaged.", "Delete it. All users must then sign in again."
        )
    return secret


def kept_webhook_secret(folder: Path) -> str:
    """Return the secret with which all programs on this folder sign webhooks, in the receivers'
    format. Raises the errors of `kept_secret`."""
    path = folder / "webhook_secret"
    secret = _kept(path, lambda: f"{new_secret()}\n".encode()).decode(errors="replace").strip()
    try:
        check_secret(secret)
    except ValueError:
        raise ComfyError(
            f"The file {path} is damaged.", "Delete it, and give receivers the new secret."
        ) from None
    return secret


def kept_key_secret(folder: Path) -> bytes:
    """Return the secret that encrypts users' API keys (32 bytes). It isn't in backups, so a backup
    reveals no key. Raises the errors of `kept_secret`."""
    return _kept(folder / "key_secret", lambda: secrets.token_bytes(SIZE))[:SIZE].ljust(SIZE)


def derived(secret: bytes, purpose: str) -> bytes:
    """Return a secret for one purpose (32 bytes), which reveals nothing about other purposes."""
    return hmac.digest(secret, purpose.encode(), hashlib.sha256)


def _kept(path: Path, create: Callable[[], bytes]) -> bytes:
    """Return the content of a file that the first program creates. Raises ComfyError."""
    try:
        with FileLock(path.with_suffix(".lock"), mode=0o600):
            if not path.exists():
                _write(path, create())
            return path.read_bytes()
    except OSError as error:
        raise ComfyError(
            f"The file {path} could not be used: {error.strerror}.", _OTHER_FOLDER
        ) from error


def _write(path: Path, secret: bytes) -> None:
    """Write a file atomically, readable for this account only."""
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


class Cookies:
    """Names and values of the app's cookies. `on_a_space`: Hugging Face frames the page.
    `embedded`: other sites do."""

    def __init__(self, secret: bytes, *, on_a_space: bool = False, embedded: bool = False) -> None:
        self._key = derived(secret, "identity cookie")
        self._known_key = derived(secret, "known browser cookie")
        # Browsers send cookies to all ports of a host. Two apps there must not mistake each other's
        # for forgeries.
        self._name = f"comfyforms-{derived(secret, 'cookie name')[:4].hex()}"
        # A partitioned cookie doesn't replace an earlier one of the same name, which would outlive
        # a sign-out.
        self._name += "-framed" * embedded
        self._on_a_space, self._embedded = on_a_space, embedded

    def name(self, request: HTTPConnection) -> str:
        """Return the identity cookie's name; over TLS with a prefix that keeps sibling domains from
        setting it."""
        return f"__Host-{self._name}" if self._secure(request) else self._name

    def signed(self, browser: str) -> str:
        """Return the cookie's value for the browser with this ID."""
        return f"{browser}.{self._signature(browser)}"

    def browser(self, request: HTTPConnection) -> str | None:
        """Return the ID of the requesting browser; None without a cookie that this app has
        signed."""
        browser, _, signature = request.cookies.get(self.name(request), "").rpartition(".")
        known = _KNOWN.fullmatch(browser) and hmac.compare_digest(
            signature.encode(errors="replace"), self._signature(browser).encode()
        )
        return browser if known else None

    def session_name(self, request: HTTPConnection) -> str:
        """Return the name of a signed-in user's session cookie."""
        return f"{self.name(request)}-session"

    def session(self, request: HTTPConnection) -> str:
        """Return the session in the cookie, or ""."""
        return request.cookies.get(self.session_name(request), "")

    def new_session(self, request: HTTPConnection, shown: str, lasts: float) -> str:
        """Return the Set-Cookie header that keeps a session for this many seconds; 0 deletes it."""
        age = min(round(lasts), AGE)
        return self.flagged(f"{self.session_name(request)}={shown}; Max-Age={age}", request)

    def attempt_name(self, request: HTTPConnection) -> str:
        """Return the name of the cookie during a sign-in at a provider."""
        return f"{self.name(request)}-signing-in"

    def attempt(self, request: HTTPConnection, sealed: str, lasts: float) -> str:
        """Return the Set-Cookie header that keeps such an attempt for this many seconds; 0 deletes
        it."""
        return self.flagged(f"{self.attempt_name(request)}={sealed}; Max-Age={lasts:.0f}", request)

    def known_browser(self, request: HTTPConnection, name: str, proof: str) -> str:
        """Return the ID that this browser got when `name` signed in on it; "" if the user hasn't
        signed in there, or has changed the password (`proof`) since."""
        cookie = request.cookies.get(self._known_name(request, name), "")
        browser, _, signature = cookie.rpartition(".")
        expected = self._known_signature(browser, name, proof)
        is_known = _KNOWN.fullmatch(browser) and hmac.compare_digest(
            signature.encode(errors="replace"), expected.encode()
        )
        return browser if is_known else ""

    def new_known_browser(self, request: HTTPConnection, name: str, proof: str) -> str:
        """Return the Set-Cookie header by which the app recognizes this browser at the next sign-in
        as `name`. It grants no access, and signing out keeps it."""
        browser = new_browser()
        value = f"{browser}.{self._known_signature(browser, name, proof)}"
        return self.flagged(f"{self._known_name(request, name)}={value}; Max-Age={AGE}", request)

    def _known_name(self, request: HTTPConnection, name: str) -> str:
        """Return the name of a user's cookie: users who share a browser have one each."""
        person = hmac.digest(self._known_key, name.encode(errors="replace"), "sha256")[:4].hex()
        return f"{self.name(request)}-known-{person}"

    def _known_signature(self, browser: str, name: str, proof: str) -> str:
        message = "\n".join((browser, proof, name)).encode(errors="replace")
        return _readable(hmac.digest(self._known_key, message, "sha256"))

    def new(self, request: HTTPConnection, browser: str = "") -> str:
        """Return the Set-Cookie header that gives this browser an identity. `browser`: its ID."""
        value = self.signed(browser or new_browser())
        return self.flagged(f"{self.name(request)}={value}; Max-Age={AGE}", request)

    def flagged(self, cookie: str, request: HTTPConnection) -> str:
        """Return a Set-Cookie header with the flags that suit this request, instead of its own.

        In another site's frame, browsers keep only cookies with `SameSite=None`. If third-party
        cookies are blocked, they keep only partitioned ones, which Starlette can't set before
        Python 3.14.
        """
        content, *attributes = (part.strip() for part in cookie.split(";"))
        lasting = [one for one in attributes if one.lower().startswith(_LASTING)]
        is_secure = self._secure(request)
        if self._on_a_space or (self._embedded and is_secure):
            flags = ["Secure", "SameSite=None", "Partitioned"]
        else:
            flags = ["Secure", "SameSite=Lax"] if is_secure else ["SameSite=Lax"]
        return "; ".join([content, *lasting, "Path=/", "HttpOnly", *flags])

    def _secure(self, request: HTTPConnection) -> bool:
        return self._on_a_space or request.scope["scheme"] in ("https", "wss")

    def _signature(self, browser: str) -> str:
        return _readable(hmac.digest(self._key, browser.encode(), "sha256"))


def new_browser() -> str:
    return secrets.token_urlsafe(32)


def _readable(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
