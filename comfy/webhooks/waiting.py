"""The webhooks of one app: their allowed hosts, and which of them are waiting for an end."""

from __future__ import annotations

import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Literal

from comfy.base.threads import Callbacks
from comfy.records.database import AtStart
from comfy.records.webhooks import Subject, Webhook, WebhookStore, new_webhooks
from comfy.webhooks.address import allowed_host

_DAY = 24 * 3600.0
_KEPT = 7 * _DAY  # seconds after an end; any left by then have a host that is no longer allowed
AttemptOutcome = Literal["delivered", "failed", "given_up"]


@dataclass(frozen=True, slots=True)
class DeliveryTimes:
    """Retry schedule. `timeout`: seconds per request. `pauses`: seconds between the starts of two
    attempts, longer than the timeout, plus some jitter. There is one more attempt than pauses.
    `at_once`: requests per host."""

    timeout: float = 15.0
    pauses: tuple[float, ...] = (20.0, 60.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 36_000.0)
    at_once: int = 4


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """Settings of webhooks. `hosts`: the allowed hosts in the form of
    `comfy.webhooks.waiting.host_and_port`; empty turns webhooks off. `secret`: the signing key
    `whsec_…`, by which receivers recognize the app. `tls` verifies certificates; None uses httpx's
    default."""

    hosts: frozenset[str] = frozenset()
    secret: str = field(default="", repr=False)
    tls: ssl.SSLContext | None = None
    times: DeliveryTimes = DeliveryTimes()


class Webhooks:
    """Webhooks of one app. Thread-safe."""

    def __init__(
        self,
        store: WebhookStore,
        settings: WebhookSettings,
        *,
        alone: bool,
        keeper: Callable[[], bool] | None,
    ) -> None:
        """Create the webhooks; `alone`: no other program uses the
        folder, so this one delivers earlier webhooks. `keeper`: None if this process delivers its
        own webhooks; otherwise it returns whether this process delivers all processes' webhooks."""
        self.store = store
        self.settings = settings
        self.hosts = settings.hosts
        self.attempts = Counter[AttemptOutcome]()  # only the event loop changes it
        self.keeper = keeper
        self._alone = alone
        self._lock = threading.Lock()
        self._waiting: dict[str, tuple[Webhook, ...]] = {}  # by owner
        self._listeners = Callbacks[[str]]()

    def check(self, url: object) -> None:
        """Raise CallbackRefused if webhooks may not use this address."""
        allowed_host(url, self.hosts)

    def add(self, subject: Subject, ids: Iterable[str], owner: str, url: str) -> None:
        """Register webhooks to this address for the ends of an owner's runs, batches or chains.
        Raises CallbackRefused as `check` does, and ComfyError if they can't be saved."""
        hooks = new_webhooks(subject, ids, owner, allowed_host(url, self.hosts), url)
        if hooks:
            self.store.add(hooks)
            self.note_added(hooks)

    def adding(
        self, subjects: Collection[Subject], owner: str, url: str, added: list[Webhook]
    ) -> AtStart:
        """Return statements that register webhooks to this address with a new run, batch or chain,
        and append them to `added`, for `note_added`. Raises CallbackRefused as `check` does."""
        host = allowed_host(url, self.hosts)

        def hooks_of(started: str) -> Collection[Webhook]:
            hooks = [
                hook
                for subject in subjects
                for hook in new_webhooks(subject, [started], owner, host, url)
            ]
            added.extend(hooks)
            return hooks

        return self.store.adding(hooks_of)

    def note_added(self, hooks: Collection[Webhook]) -> None:
        """Wait for the ends of these webhooks' subjects, if this process delivers its own."""
        if self.keeper is None:
            self.wait_for(hooks)

    def take_up(self) -> None:
        """Delete expired webhooks and wait for the remaining ones, from before the start or from
        other processes. Raises ComfyError."""
        if not (self._alone or self.keeper):
            return
        self.store.remove_older(time.time() - _KEPT)
        hooks = self.store.waiting()
        if self.keeper is not None:
            with self._lock:
                self._waiting.clear()
        self.wait_for(hooks)

    def wait_for(self, hooks: Collection[Webhook]) -> None:
        """Wait for the ends of these webhooks' subjects, which may have ended already."""
        for hook in hooks:
            with self._lock:
                self._waiting[hook.owner] = (*self._waiting.get(hook.owner, ()), hook)
        for owner in {hook.owner for hook in hooks}:
            self._listeners.call(owner)

    def waiting_of(self, owner: str) -> tuple[Webhook, ...]:
        with self._lock:
            return self._waiting.get(owner, ())

    def leave(self, hook: Webhook) -> None:
        with self._lock:
            left = tuple(one for one in self._waiting.pop(hook.owner, ()) if one.id != hook.id)
            if left:
                self._waiting[hook.owner] = left

    def subscribe(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Call `callback` with the owner when a webhook starts waiting. It must not block. Returns
        a function that unsubscribes it."""
        return self._listeners.add(callback)

    @property
    def undelivered(self) -> int:
        """Return the number of undelivered webhooks about ends. Raises ComfyError."""
        return self.store.undelivered
