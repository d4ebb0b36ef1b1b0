"""Passes into the editor: signed statements that one session of the app may use it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
from dataclasses import asdict, dataclass, field
from typing import Literal

from cachetools import TTLCache

from comfy.base.json_values import as_mapping, parse_json

CODE_SECONDS = 30.0
_MOST_USED = 10_000


@dataclass(frozen=True, slots=True)
class EditorPass:
    """Statement about a session. `kind`: a code opens the editor once, a cookie stays. `session`:
    its `SignedIn.key`, which doesn't reveal the session's cookie, or "" for the user `named` by a
    trusted proxy. `root`: the app's URL. `ends`: in seconds since 1970."""

    kind: Literal["code", "cookie"]
    session: str
    root: str
    ends: float
    named: str = ""
    workflow: str = ""
    once: str = field(default_factory=lambda: secrets.token_urlsafe(16))


class Passes:
    """Issuer of passes. `key`: the secret of this purpose. Thread-safe."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._used = TTLCache[str, bool](_MOST_USED, 2 * CODE_SECONDS)
        self._lock = threading.Lock()

    def sealed(self, one: EditorPass) -> str:
        content = base64.urlsafe_b64encode(json.dumps(asdict(one)).encode()).decode()
        return f"{content}.{self._signature(content)}"

    def opened(self, sealed: str, kind: str, now: float) -> EditorPass | None:
        """Return a pass of this kind; None if it isn't ours, or has ended."""
        content, _, signature = sealed.partition(".")
        ours = self._signature(content).encode()
        if not hmac.compare_digest(signature.encode(errors="replace"), ours):
            return None
        found = EditorPass(**as_mapping(parse_json(base64.urlsafe_b64decode(content))))
        return found if found.kind == kind and now < found.ends else None

    def use(self, code: EditorPass) -> bool:
        """Return whether this is the first use of a code, and remember it."""
        with self._lock:
            is_new = code.once not in self._used
            self._used[code.once] = True
        return is_new

    def _signature(self, content: str) -> str:
        digest = hmac.digest(self._key, content.encode(errors="replace"), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")
