"""The route where a browser asks for messages."""

from __future__ import annotations

import re
from contextvars import copy_context
from typing import Annotated

from fastapi import Request, Response
from pydantic import AfterValidator, BaseModel, Field
from starlette.requests import HTTPConnection

from comfyforms.plugins.web_push.messages import PushMessages, Subscriber
from ui.web.access import Access, GuardedRoutes, Owner
from ui.web.addresses import FORWARDED_USER
from ui.web.identity import NOBODY
from ui.web.shares import shared_address

# Browsers name the address that the app sends to, so only their makers' push services are allowed:
# an address can't lead into the app's own network.
PUSH_SERVICES = re.compile(
    r"https://(fcm\.googleapis\.com|jmt17\.google\.com|web\.push\.apple\.com"
    r"|[a-z0-9-]+\.push\.services\.mozilla\.com|[a-z0-9-]+(\.[a-z0-9-]+)?\.notify\.windows\.com)"
    r"/[!-~]{1,1000}"
)

_SIGN_IN = ("type", "scheme", "headers", "client", FORWARDED_USER)  # parts of a request's scope


def _of_push_service(endpoint: str) -> str:
    if not PUSH_SERVICES.fullmatch(endpoint):
        raise ValueError("not an address of a known push service")
    return endpoint


class PushKeys(BaseModel):
    """Keys that encrypt messages to a browser, in base64url."""

    p256dh: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{87}=?$")]
    auth: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{22}={0,2}$")]


class PushSubscription(BaseModel):
    """A browser's `PushSubscription` as JSON: https://www.w3.org/TR/push-api/."""

    endpoint: Annotated[str, AfterValidator(_of_push_service)]
    keys: PushKeys


def push_routes(messages: PushMessages) -> GuardedRoutes:
    """Return the route. The page sends its subscription each time it opens."""
    routes = GuardedRoutes()

    @routes.post("/push-subscription", Access.SIGNED_IN, status_code=204)
    async def subscribe(push: PushSubscription, request: Request, owner: Owner) -> Response:
        """Send the ends of the caller's runs to this browser until the caller signs out."""
        if owner != NOBODY:
            scope = {key: value for key, value in request.scope.items() if key in _SIGN_IN}
            browser = HTTPConnection(scope)
            address = shared_address(owner, request.scope)
            messages.add(Subscriber(owner, browser, push.model_dump(), copy_context(), address))
        return Response(status_code=204)

    return routes
