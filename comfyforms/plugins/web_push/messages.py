"""Messages to browsers when a run, a batch or a chain ends while its owner has no page open.

Web Push encrypts each message for its browser: push services can't read it. Subscriptions are in
memory only, because pages send theirs again each time they open.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import logging
import ssl
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Mapping
from contextvars import Context
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid
from starlette.requests import HTTPConnection

from comfy.base.quota import Use, to_remove
from comfy.base.threads import background
from comfy.comfyui.protocol.run_state import Phase
from comfyforms.hooks import PluginApp
from ui.documents.headlines import HEADLINES, SOME_MISSING
from ui.languages.current import translated
from ui.web.cookies import derived

log = logging.getLogger(__name__)

_MOST, _PER_ADDRESS, _PER_OWNER = 2000, 100, 5  # browsers
_SECONDS = 15.0  # for a request
_LONGEST = 200  # characters of a title
_KEPT = 4 * 3600  # seconds that a push service keeps a message for a sleeping browser
# Seconds until the app notices that a sleeping phone's sockets are gone: uvicorn's ping, and its
# timeout.
_SILENCE = 45.0
# Id, title and state of a run, a batch or a chain, and whether it lacks results.
_Work = tuple[str, str, str, bool]
_UNFINISHED = ("waiting", "running", "paused")
_CONTACT = "https://github.com/comfyforms/comfyforms"  # for push services


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A browser that gets an owner's messages. `browser`: its sign-in. `subscription`: as JSON.
    `context`: has the language of its page. `address`: of an owner without an account."""

    owner: str
    browser: HTTPConnection
    subscription: Mapping[str, Any]
    context: Context
    address: str = ""


def crowded_out(subscribers: Mapping[str, Subscriber], newest: Subscriber) -> set[str]:
    """Return the endpoints beyond the limits of the newest subscriber's owner and address, and of
    all: there, the oldest of the address or account with the most."""
    uses = [
        Use(key, one.owner, removable=True, digest=key, size=1, share=one.address)
        for key, one in subscribers.items()
    ]
    own = [one for one in uses if one.owner == newest.owner]
    near = [one for one in uses if one.share == newest.address != ""]
    limits = ((own, _PER_OWNER), (near, _PER_ADDRESS), (uses, _MOST))
    return {key for some, most in limits for key in to_remove(some, most)}


class PushMessages:
    """Sender of messages. Methods belong to the event loop."""

    def __init__(self, app: PluginApp) -> None:
        self._services, self._identity = app.services, app.identity
        # Restarts keep the key, because a browser's subscription is for one key.
        secret = derived(app.services.secret, "web push")
        self._signer = Vapid.from_raw(urlsafe_b64encode(secret))
        self._signer.conf["no-strict"] = True  # allows a contact with a path
        self._subscribers: dict[str, Subscriber] = {}  # by endpoint, oldest first
        self._unfinished: dict[str, set[str]] = {}  # ids at the last look, by owner
        self._heard = asyncio.Queue[str]()

    @functools.cached_property
    def _tls(self) -> ssl.SSLContext:
        return httpx.create_ssl_context()  # reads certificates for 60 ms: not when the app starts

    @property
    def public_key(self) -> str:
        point = self._signer.public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return urlsafe_b64encode(point).decode().rstrip("=")

    def add(self, subscriber: Subscriber) -> None:
        """Send an owner's messages to this browser, too. Others may make room."""
        endpoint = subscriber.subscription["endpoint"]
        self._subscribers.pop(endpoint, None)
        self._subscribers[endpoint] = subscriber
        for crowded in crowded_out(self._subscribers, subscriber):
            del self._subscribers[crowded]
        self._look(subscriber.owner)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Send messages during the block."""
        loop, services = asyncio.get_running_loop(), self._services

        def hear(owner: str) -> None:
            if owner in self._unfinished:
                with contextlib.suppress(RuntimeError):  # the loop is closed: the app has ended
                    loop.call_soon_threadsafe(self._heard.put_nowait, owner)

        with contextlib.ExitStack() as leave:
            for source in (services.runs, services.batches, services.chains):
                leave.callback(source.subscribe(hear))
            async with background(self._send):
                yield

    async def _send(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            while True:
                owner = await self._heard.get()
                try:
                    ended = self._look(owner)
                except Exception:
                    log.exception("Looking for a push message failed with an internal error")
                    continue
                for work in ended:
                    tasks.create_task(self._tell(owner, work))

    def _look(self, owner: str) -> list[_Work]:
        """Return the work that ended since the last look, and remember unfinished work."""
        services = self._services
        runs = [run.record for run in services.runs.owned(owner)]
        works: list[_Work] = [
            (one.id, one.job.title, one.state.phase, one.state.lacks_results)
            for one in runs
            if not one.group
        ]
        batches = services.batches.recent(owner)
        works += [(one.id, one.title, one.state, one.failed > 0) for one in batches]
        works += [(one.id, one.title, one.state, False) for one in services.chains.recent(owner)]
        before = self._unfinished.pop(owner, set())
        if any(one.owner == owner for one in self._subscribers.values()):
            self._unfinished[owner] = {key for key, _, state, _ in works if state in _UNFINISHED}
        over = (*_UNFINISHED, "stopped")
        return [work for work in works if work[0] in before and work[2] not in over]

    async def _tell(self, owner: str, work: _Work) -> None:
        try:
            if self._identity.is_connected(owner):  # an open page shows its own notification
                await asyncio.sleep(_SILENCE)
            if self._identity.is_connected(owner):
                return
            async with httpx.AsyncHTTPTransport(verify=self._tls) as transport:
                for endpoint, one in list(self._subscribers.items()):
                    if one.owner == owner and not await self._post(endpoint, one, work, transport):
                        self._subscribers.pop(endpoint, None)
        except Exception:
            log.exception("A push message failed with an internal error")

    async def _post(
        self, endpoint: str, to: Subscriber, work: _Work, transport: httpx.AsyncHTTPTransport
    ) -> bool:
        """Send a message. Return whether the browser may get more: not after it signed out."""
        if self._identity.owner(to.browser) != to.owner:
            return False
        tag, body, state, lacks_results = work
        words = HEADLINES[Phase(state)]
        if state == "done" and lacks_results:
            words = SOME_MISSING
        title = to.context.run(translated, words)
        message = json.dumps({"title": title, "body": body[:_LONGEST], "tag": tag}).encode()
        url = urlsplit(endpoint)
        claims = {"aud": f"{url.scheme}://{url.netloc}", "sub": _CONTACT}
        headers = {"content-encoding": "aes128gcm", "ttl": str(_KEPT), **self._signer.sign(claims)}
        from pywebpush import WebPusher  # takes a quarter of a second: not when the app starts

        try:
            content = WebPusher(to.subscription).encode(message)["body"]
        except ValueError:
            return False  # the browser's key isn't a point of the curve
        try:
            async with asyncio.timeout(_SECONDS):
                # Not a client, as for webhooks: it would follow proxies from the environment.
                request = httpx.Request("POST", endpoint, content=content, headers=headers)
                answer = await transport.handle_async_request(request)
                await answer.aclose()
        except (TimeoutError, httpx.HTTPError) as error:
            log.warning("A push service couldn't be reached: %s", type(error).__name__)
            return True
        if not answer.is_success:
            log.warning("A push service answered with status %d", answer.status_code)
        return answer.status_code not in (404, 410)
