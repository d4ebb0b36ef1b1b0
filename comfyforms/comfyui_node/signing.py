"""Signed requests from the app to the custom node. Imports nothing from ComfyUI or the app.

Both know a secret. A signature covers method, path, body, time and a number that is used once, so
that a recorded request can't be sent again.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping

SHORTEST_SECRET = 24  # characters
_TIME, _ONCE, _SIGNATURE = "x-comfyforms-time", "x-comfyforms-once", "x-comfyforms-signature"
_SECONDS = 300  # difference of the clocks
_ONCE_FORM = re.compile(r"[0-9a-f]{32}")
# Browsers send these; the app doesn't.
_BROWSER = ("origin", "referer", "cookie")


class SignatureRefused(Exception):
    """Refused request; the message says why."""


def signed_headers(secret: str, method: str, path: str, body: bytes) -> dict[str, str]:
    """Return the headers that sign a request. `path`: below the server's address, with the
    query."""
    at, once = str(int(time.time())), secrets.token_hex(16)
    signature = _signature(secret, method, path, body, f"{at} {once}")
    return {_TIME: at, _ONCE: once, _SIGNATURE: signature}


def _signature(secret: str, method: str, path: str, body: bytes, mark: str) -> str:
    content = "\n".join((method, path, mark, hashlib.sha256(body).hexdigest()))
    return hmac.new(secret.encode(), content.encode(), hashlib.sha256).hexdigest()


class SignatureCheck:
    """Check of signed requests. Thread-safe."""

    def __init__(self, secret: str, clock: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self._clock = clock
        # Requests from before the start could be replayed, because their numbers are forgotten.
        self._started = int(clock())
        self._lock = threading.Lock()
        self._used: set[str] = set()
        self._order: deque[tuple[float, str]] = deque()

    def check(self, headers: Mapping[str, str], method: str, path: str, body: bytes) -> None:
        """Raise SignatureRefused unless the app sent this request, and only once. `headers`: with
        lower-case names."""
        if any(name in _BROWSER or name.startswith("sec-") for name in headers):
            raise SignatureRefused("Browsers can't use this address.")
        at, once = headers.get(_TIME, ""), headers.get(_ONCE, "")
        if not (at.isascii() and at.isdigit() and len(at) < 12 and _ONCE_FORM.fullmatch(once)):
            raise SignatureRefused("The request isn't signed.")
        expected = _signature(self._secret, method, path, body, f"{at} {once}")
        sent = headers.get(_SIGNATURE, "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(expected.encode(), sent):
            raise SignatureRefused("The signature is wrong. Set the same secret on both sides.")
        now = self._clock()
        if abs(now - int(at)) > _SECONDS or int(at) < self._started:
            raise SignatureRefused("The request is too old, or the clocks differ.")
        with self._lock:
            while self._order and now - self._order[0][0] > 2 * _SECONDS:
                self._used.discard(self._order.popleft()[1])
            if once in self._used:
                raise SignatureRefused("This request was already received.")
            self._used.add(once)
            self._order.append((now, once))
