"""The webhooks of one app: which of them wait for an end, the hosts that the administrator allows,
by exact name and port, and their signing secrets in the format of Standard Webhooks 1.0."""

from __future__ import annotations

import base64
import re
import secrets
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from typing import Literal

from comfy.base.errors import ComfyError
from comfy.base.threads import Callbacks
from comfy.comfyui.client.address import DEFAULT_PORTS
from comfy.records.database import AtStart, nothing_at_start
from comfy.records.webhooks import Subject, Webhook, WebhookStore, new_webhooks

_LONGEST = 2000  # characters
# Match only addresses that every parser reads the same way: no user, no dot at the end of a name.
_ADDRESS = re.compile(
    r"(?P<scheme>https?)://"
    r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9_-]+(?:\.[a-z0-9_-]+)*))"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?:[/?][!-~]*)?",
    re.ASCII | re.IGNORECASE,
)


class CallbackRefused(ComfyError):
    """Error for an address that webhooks may not use."""


def _host_and_port(url: str) -> str:
    """Return an HTTP or HTTPS address's host and port, such as `hooks.example.org:443`. Raises
    ValueError for an address that two programs might parse differently."""
    parts = _ADDRESS.fullmatch(url)
    if parts is None or "\\" in url or "#" in url or len(url) > _LONGEST:
        raise ValueError("not a plain address")
    scheme, v6, name, port = parts.group("scheme", "v6", "name", "port")
    number = int(port or DEFAULT_PORTS[scheme.lower()])
    if not 0 < number <= 65535:
        raise ValueError("no port")
    host = f"[{IPv6Address(v6)}]" if v6 else name.lower()
    return f"{host}:{number}"


def named_host(text: str) -> str:
    """Return a host from a setting, such as `hooks.example.org` (port 443) or `10.0.0.7:8000`, in
    the form of `_host_and_port`. Raises ValueError for anything else."""
    if "/" in text or "?" in text:
        raise ValueError("not just a host")
    return _host_and_port(f"https://{text}")


def allowed_host(url: object, hosts: Collection[str]) -> str:
    """Return the host and port of an address if `hosts` has them. Raises CallbackRefused
    otherwise."""
    if not hosts:
        raise CallbackRefused(
            "Webhooks are turned off.",
            "Ask the administrator to allow your host (--webhook-hosts).",
        )
    try:
        host = _host_and_port(url if isinstance(url, str) else "")
    except ValueError:
        raise CallbackRefused(
            "“callback” is not a valid webhook address.",
            "Write it like https://hooks.example.org/runs, without a user name or password.",
        ) from None
    if host not in hosts:
        raise CallbackRefused(
            f"Webhooks to {host} aren't allowed.",
            "Ask the administrator to allow your host (--webhook-hosts).",
        )
    return host


_PREFIX = "whsec_"
_SIZE = 32  # bytes
_LEAST, _MOST = 24, 64  # bytes, per the specification


def new_secret() -> str:
    """Return an unguessable secret."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SIZE)).decode()


def check_secret(text: str) -> None:
    """Raise ValueError for an invalid secret, without repeating it."""
    try:
        size = len(base64.b64decode(text.removeprefix(_PREFIX), validate=True))
    except ValueError:
        size = 0
    if not (text.startswith(_PREFIX) and _LEAST <= size <= _MOST):
        raise ValueError("not a webhook secret") from None


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
        store: WebhookStore | None,
        settings: WebhookSettings,
        *,
        alone: bool = True,
        keeper: Callable[[], bool] | None = None,
    ) -> None:
        """Create the webhooks; without a `store` they are off. `alone`: no other program uses the
        folder, so this one delivers earlier webhooks. `keeper`: None if this process delivers its
        own webhooks; otherwise it returns whether this process delivers all processes' webhooks."""
        self.store = store
        self.settings = settings
        self.hosts = settings.hosts if store is not None else frozenset[str]()
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
        if self.store is not None and hooks:
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

        return nothing_at_start if self.store is None else self.store.adding(hooks_of)

    def note_added(self, hooks: Collection[Webhook]) -> None:
        """Wait for the ends of these webhooks' subjects, if this process delivers its own."""
        if self.keeper is None:
            self.wait_for(hooks)

    def take_up(self) -> None:
        """Delete expired webhooks and wait for the remaining ones, from before the start or from
        other processes. Raises ComfyError."""
        if self.store is None or not (self._alone or self.keeper):
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
        """Return an owner's waiting webhooks."""
        with self._lock:
            return self._waiting.get(owner, ())

    def leave(self, hook: Webhook) -> None:
        """Stop waiting with this webhook."""
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
        return self.store.undelivered if self.store is not None else 0
