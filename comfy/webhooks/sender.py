"""Send one webhook to one address, according to the Standard Webhooks specification 1.0."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
import standardwebhooks

from comfy.records.webhooks import Webhook
from comfy.webhooks.waiting import WebhookSettings


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
