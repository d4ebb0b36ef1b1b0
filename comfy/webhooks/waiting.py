"""The webhooks of one app: where they may go, and which of them wait for an end."""

from __future__ import annotations

import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Literal

from comfy.base.callbacks import Callbacks
from comfy.records.webhooks import Subject, Webhook, WebhookStore, new_webhooks
from comfy.webhooks.address import allowed_host

_DAY = 24 * 3600.0
_KEPT = 7 * _DAY  # seconds after an end; what remains then has a host that is no longer allowed

AttemptOutcome = Literal["delivered", "failed", "given_up"]


@dataclass(frozen=True, slots=True)
class DeliveryTimes:
    """`timeout`: seconds per request; `pauses`: seconds between the starts of two attempts, longer
    than the timeout, plus some jitter. There is one more attempt than pauses. `at_once`:
    requests per host."""

    timeout: float = 15.0
    pauses: tuple[float, ...] = (20.0, 60.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 36_000.0)
    at_once: int = 4


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """`hosts`: where webhooks may go, as `comfy.webhooks.address.host_and_port` has them, none
    where there are to be no webhooks; `secret`: `whsec_…`, by which receivers know them; `tls`:
    what judges certificates, None for what httpx brings."""

    hosts: frozenset[str] = frozenset()
    secret: str = field(default="", repr=False)
    tls: ssl.SSLContext | None = None
    times: DeliveryTimes = DeliveryTimes()


class Webhooks:
    """Any thread may call anything here."""

    def __init__(
        self, store: WebhookStore | None, settings: WebhookSettings, *, alone: bool = True
    ) -> None:
        """Without a `store` there are no webhooks. `alone`: no other program uses the folder, so
        this one delivers earlier webhooks."""
        self.store = store
        self.settings = settings
        self.hosts = settings.hosts if store is not None else frozenset[str]()
        self.attempts = Counter[AttemptOutcome]()  # changed by the event loop alone
        self._alone = alone
        self._lock = threading.Lock()
        self._waiting: dict[str, tuple[Webhook, ...]] = {}  # by owner
        self._listeners = Callbacks[[str]]()

    def check(self, url: object) -> None:
        """CallbackRefused where no webhook goes to this address."""
        allowed_host(url, self.hosts)

    def add(self, subject: Subject, ids: Iterable[str], owner: str, url: str) -> None:
        """Tell this address of the ends of these runs, batches or chains of this owner. Raises as
        `check`, and ComfyError where that cannot be remembered."""
        hooks = new_webhooks(subject, ids, owner, allowed_host(url, self.hosts), url)
        if self.store is not None and hooks:
            self.store.add(hooks)
            self.wait_for(hooks)

    def take_up(self) -> None:
        """Wait for the ends that others waited for before the program's start. ComfyError."""
        if self.store is not None and self._alone:
            self.store.remove_older(time.time() - _KEPT)
            self.wait_for(self.store.waiting())

    def wait_for(self, hooks: Collection[Webhook]) -> None:
        """Let these be among those that wait; their subjects may have ended already."""
        for hook in hooks:
            with self._lock:
                self._waiting[hook.owner] = (*self._waiting.get(hook.owner, ()), hook)
        for owner in {hook.owner for hook in hooks}:
            self._listeners.call(owner)

    def waiting_of(self, owner: str) -> tuple[Webhook, ...]:
        """Return an owner's waiting webhooks."""
        with self._lock:
            return self._waiting.get(owner, ())

    def leave(self, hook: Webhook) -> None:
        """Let one wait no more."""
        with self._lock:
            left = tuple(one for one in self._waiting.pop(hook.owner, ()) if one.id != hook.id)
            if left:
                self._waiting[hook.owner] = left

    def subscribe(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Call `callback` with an owner when one of theirs begins to wait: it must not block.
        Returns the way out."""
        return self._listeners.add(callback)

    @property
    def undelivered(self) -> int:
        """Return the number of undelivered webhooks about ends. ComfyError."""
        return self.store.undelivered if self.store is not None else 0
