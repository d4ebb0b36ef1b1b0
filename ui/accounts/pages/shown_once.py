"""Secrets that a page shows once: new tokens and passwords."""

from __future__ import annotations

import threading

from ui.accounts.login import SignedIn

_KEPT = 60.0  # seconds until an unseen secret is forgotten


class ShownOnce:
    """New secrets until the page shows them: once each, to their creator in the same session. All
    times are from the login's clock. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: dict[SignedIn, tuple[float, str, str]] = {}

    def put(self, who: SignedIn, shown: str, now: float, about: str = "") -> None:
        """Store a secret and drop expired ones. `about`: whose it is."""
        with self._lock:
            for other, (created_at, *_) in list(self._made.items()):
                if now - created_at > _KEPT:
                    del self._made[other]
            self._made[who] = now, shown, about

    def take(self, who: SignedIn, now: float) -> tuple[str, str]:
        """Return the user's new secret, and whose it is; empty if there isn't one, or it was taken
        or has expired."""
        with self._lock:
            created_at, shown, about = self._made.pop(who, (0.0, "", ""))
        return (shown, about) if now - created_at <= _KEPT else ("", "")
