"""Deliver webhooks when their subject ends, and retry after failures, also after a restart.

Each host has its own few simultaneous requests, so a slow or dead host doesn't block others. The
body is built when it is sent: deleted runs send nothing.

Send one webhook to one address, according to the Standard Webhooks specification 1.0.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

import httpx
import standardwebhooks
from anyio import to_thread

from comfy.base.errors import BatchNotFound, ChainNotFound, ComfyError, RunNotFound
from comfy.base.threads import background
from comfy.records.webhooks import Webhook, WebhookStore, new_webhooks
from comfy.webhooks.waiting import Webhooks, WebhookSettings

log = logging.getLogger(__name__)
_LOOK = 1.0  # seconds between two looks for webhooks of other processes
_ASK_AGAIN_AFTER = 10.0  # seconds before retrying a failed database
_JITTER = 0.25  # share of a pause
_NOT_FOUND = (RunNotFound, BatchNotFound, ChainNotFound)
# Registers a callback that takes the owner of an update, and returns a function that unregisters
# it.
Listen = Callable[[Callable[[str], None]], Callable[[], None]]


@dataclass(frozen=True, slots=True)
class Delivered:
    """Outcome: the receiver has the webhook."""


@dataclass(frozen=True, slots=True)
class Unwanted:
    """Outcome: the receiver wants no more webhooks about this subject (410)."""


@dataclass(frozen=True, slots=True)
class Undelivered:
    """Outcome: the webhook did not arrive, for this reason. A retry may succeed."""

    why: str


DeliveryOutcome = Delivered | Unwanted | Undelivered


class WebhookSender:
    """Signer and sender of webhooks, for one event loop."""

    def __init__(self, transport: httpx.AsyncHTTPTransport, secret: str, timeout: float) -> None:
        """Create a sender. `secret` has the form `whsec_…`. `timeout`: seconds for a whole
        request."""
        self._transport = transport
        self._signer = standardwebhooks.Webhook(secret)
        self._timeout = timeout

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(cls, settings: WebhookSettings) -> AsyncIterator[WebhookSender]:
        """Yield a sender whose connections close with the block."""
        # Don't use an httpx client. It follows proxies from the environment, passes one receiver's
        # cookies on to the next, and logs whole addresses, which may contain secrets.
        async with httpx.AsyncHTTPTransport(
            verify=settings.tls or True, limits=httpx.Limits(max_connections=None)
        ) as transport:
            yield cls(transport, settings.secret, settings.times.timeout)

    async def send(self, hook: Webhook, body: str) -> DeliveryOutcome:
        """Send a webhook once, with this ASCII body. Only the answer's status is read. A redirect
        counts as a failure."""
        now = datetime.now(UTC)
        headers = {
            "content-type": "application/json",
            "user-agent": "comfyforms",
            "webhook-id": hook.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer.sign(hook.id, now, body),
        }
        try:
            async with asyncio.timeout(self._timeout):
                request = httpx.Request("POST", hook.url, content=body, headers=headers)
                answer = await self._transport.handle_async_request(request)
                await answer.aclose()
        except TimeoutError:
            return Undelivered("no answer in time")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Undelivered(type(error).__name__)
        return _outcome(answer.status_code)


def _outcome(status: int) -> DeliveryOutcome:
    match status:
        case 410:
            return Unwanted()
        case _ if 200 <= status < 300:
            return Delivered()
        case _:
            return Undelivered(f"status {status}")


class Ends(Protocol):
    """Ends and pauses of runs, batches and chains. Methods raise RunNotFound, BatchNotFound or
    ChainNotFound if it doesn't exist or its owner has lost access."""

    def has_ended(self, hook: Webhook) -> bool:
        """Return whether a webhook's subject has ended."""

    def told(self, hook: Webhook) -> str:
        """Return the body that reports the end, as ASCII JSON."""


@contextlib.asynccontextmanager
async def sending(webhooks: Webhooks, ends: Ends, news: Iterable[Listen]) -> AsyncIterator[None]:
    """Deliver webhooks during the block, including those from before a restart. `news` registers
    callbacks for the possible ends of an owner's runs."""
    if not webhooks.hosts:
        yield
        return
    async with WebhookSender.opened(webhooks.settings) as sender:
        dispatch = Dispatch(webhooks, webhooks.store, ends, sender)
        with contextlib.ExitStack() as leave:
            for listen in (webhooks.subscribe, *news):
                leave.callback(listen(dispatch.hear))
            async with background(dispatch.run_as_keeper if webhooks.keeper else dispatch.run):
                if webhooks.keeper is None:
                    await to_thread.run_sync(dispatch.take_up)
                yield


class Dispatch:
    """Sender of due webhooks. It belongs to one event loop, but any thread may call `hear`."""

    def __init__(
        self, webhooks: Webhooks, store: WebhookStore, ends: Ends, sender: WebhookSender
    ) -> None:
        self._webhooks, self._store = webhooks, store
        self._ends, self._sender = ends, sender
        self._times = webhooks.settings.times
        self._loop = asyncio.get_running_loop()
        self._owners: set[str] = set()
        self._heard = asyncio.Event()
        self._due = {host: asyncio.Event() for host in webhooks.hosts}

    def hear(self, owner: str) -> None:
        """Check an owner's webhooks, because something of theirs may have ended."""
        if self._webhooks.waiting_of(owner):
            with contextlib.suppress(RuntimeError):  # the loop is closed: the app has ended
                self._loop.call_soon_threadsafe(self._note, owner)

    def take_up(self) -> None:
        """Resume waiting for the ends that webhooks waited for before a restart."""
        try:
            self._webhooks.take_up()
        except ComfyError as problem:
            log.warning("Webhooks from before the restart can't be resumed: %s", problem)
        except Exception:  # such as a damaged row, which must not prevent the start
            log.exception(
                "Resuming the webhooks from before the restart failed with an internal error"
            )

    async def run_as_keeper(self) -> None:
        """Deliver the webhooks of all processes while this process has to, until canceled."""
        while True:
            while not self._is_keeper:
                await asyncio.sleep(_LOOK)
            async with background(self.run):
                while self._is_keeper:
                    await asyncio.sleep(_LOOK)

    @property
    def _is_keeper(self) -> bool:
        return self._webhooks.keeper is not None and self._webhooks.keeper()

    async def run(self) -> None:
        """Look for ends and send due webhooks, until canceled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look())
            for host in self._due:
                tasks.create_task(self._serve(host))

    def _note(self, owner: str) -> None:
        self._owners.add(owner)
        self._heard.set()

    # Ended subjects

    async def _look(self) -> None:
        due = 0.0
        while True:
            if self._webhooks.keeper and time.monotonic() >= due:
                await to_thread.run_sync(self.take_up)  # here, so that no ended webhook returns
                due = time.monotonic() + _LOOK
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK if self._webhooks.keeper else None):
                    await self._heard.wait()
            self._heard.clear()
            owners, self._owners = self._owners, set()
            for owner in owners:
                try:
                    await to_thread.run_sync(self._look_at, owner)
                except ComfyError as problem:
                    log.warning("Webhooks are delayed: %s", problem)
                    self._loop.call_later(_ASK_AGAIN_AFTER, self._note, owner)
                except Exception:
                    log.exception("Checking an owner's webhooks failed with an internal error")

    def _look_at(self, owner: str) -> None:
        for hook in self._webhooks.waiting_of(owner):
            try:
                has_ended = self._ends.has_ended(hook)
                if has_ended == (hook.ended_at is not None):
                    continue
                if not has_ended:  # the reported pause is over
                    self._webhooks.leave(hook)
                    self._wait_for_next(hook)
                    continue
                self._store.ended(hook.id)
            except _NOT_FOUND:
                self._store.remove(hook.id)
            self._webhooks.leave(hook)
            if hook.host in self._due:
                self._loop.call_soon_threadsafe(self._due[hook.host].set)

    # Due webhooks

    async def _serve(self, host: str) -> None:
        free = asyncio.Semaphore(self._times.at_once)
        async with asyncio.TaskGroup() as requests:
            while True:
                await free.acquire()
                hook = await self._next(host)
                request = requests.create_task(self._deliver(hook))
                request.add_done_callback(lambda _: free.release())

    async def _next(self, host: str) -> Webhook:
        """Return the next webhook for a host, once it is due."""
        due = self._due[host]
        while True:
            due.clear()
            pauses = [one * random.uniform(1, 1 + _JITTER) for one in self._times.pauses]
            pause: float | None = _ASK_AGAIN_AFTER
            try:
                hook = await to_thread.run_sync(self._store.take, host, pauses)
                if hook is not None:
                    return hook
                due_at = await to_thread.run_sync(self._store.next_due, host)
                pause = None if due_at is None else due_at - time.time()
            except ComfyError as problem:
                log.warning("Webhooks are delayed: %s", problem)
            except Exception:  # such as a damaged row: still send the host's other webhooks
                log.exception("Choosing the next webhook to %s failed with an internal error", host)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await due.wait()

    async def _deliver(self, hook: Webhook) -> None:
        try:
            body = await to_thread.run_sync(self._body, hook)
            if body is not None:
                await self._note_outcome(hook, await self._sender.send(hook, body))
        except ComfyError as problem:  # it is retried in any case
            log.warning("Webhook %s is delayed: %s", hook.id, problem)
        except Exception:
            log.exception("Webhook %s failed with an internal error", hook.id)

    def _body(self, hook: Webhook) -> str | None:
        """Return the body to send; None if there is no end to report, or not yet."""
        try:
            if self._ends.has_ended(hook):
                return self._ends.told(hook)
        except _NOT_FOUND:
            self._store.remove(hook.id)
            return None
        if hook.subject == "pause":
            self._wait_for_next(hook)
        else:
            self._store.goes_on(hook.id)
            self._webhooks.wait_for([replace(hook, ended_at=None, tries=0)])
        return None

    def _wait_for_next(self, hook: Webhook) -> None:
        """Give the next pause an id of its own, because receivers ignore ids that they already
        have."""
        anew = new_webhooks(hook.subject, [hook.about], hook.owner, hook.host, hook.url)
        self._store.add(anew)
        self._store.remove(hook.id)
        self._webhooks.wait_for(anew)

    async def _note_outcome(self, hook: Webhook, outcome: DeliveryOutcome) -> None:
        attempts = self._webhooks.attempts
        match outcome:
            case Delivered():
                attempts["delivered"] += 1
            case Undelivered(why) if hook.tries <= len(self._times.pauses):
                attempts["failed"] += 1
                log.warning("%s: not delivered, attempt %d: %s", _named(hook), hook.tries, why)
                return
            case Undelivered(why):
                attempts["given_up"] += 1
                log.warning("%s: given up after %d attempts: %s", _named(hook), hook.tries, why)
            case Unwanted():
                attempts["given_up"] += 1
                log.warning("%s: given up because the receiver answered 410", _named(hook))
                await to_thread.run_sync(self._store.remove, hook.id)
                return
        await to_thread.run_sync(self._forget, hook)

    def _forget(self, hook: Webhook) -> None:
        """Delete a delivered webhook. One about a pause keeps waiting, because a batch may pause
        more than once."""
        if hook.subject != "pause":
            self._store.remove(hook.id)
            return
        self._store.told(hook.id)
        self._webhooks.wait_for([hook])


def _named(hook: Webhook) -> str:
    """Name a webhook for the log, without its address, which may contain secrets."""
    return f"Webhook for {hook.subject} {hook.about} to {hook.host}"
