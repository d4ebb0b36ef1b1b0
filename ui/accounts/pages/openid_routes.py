"""Routes for signing in at an OpenID provider and for returning from it."""

from __future__ import annotations

import logging
import re
import time
from dataclasses import dataclass
from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import RedirectResponse, Response

from comfy.base.messages import message, sentences
from ui.accounts.database import SignInStoreError
from ui.accounts.login import Login
from ui.accounts.openid_people import person_of
from ui.accounts.openid_provider import (
    LASTS,
    OpenIDProvider,
    ProviderSilent,
    SignInFailed,
    opened_attempt,
)
from ui.accounts.openid_store import OpenIDPeople
from ui.accounts.pages.sign_in import OPENID, SignInPage, logged, signed_in
from ui.gradio.internals import app_address
from ui.web.access import Access, GuardedRoutes
from ui.web.addresses import client_address
from ui.web.identity import NEW_BROWSER, NEW_BROWSERS, Identity
from ui.web.rates import Rate
from ui.web.responses import TOO_MANY_REQUESTS

log = logging.getLogger(__name__)

_BACK = f"{OPENID}/callback"
_PLACE = re.compile(r"/[!-~]{0,1000}", re.ASCII)  # relative to the app's address
_EXPIRED = message("This sign-in was started in another browser, or too long ago. Sign in again.")


def openid_routes(
    identity: Identity,
    people: OpenIDPeople,
    key: bytes,
    sign_in: SignInPage,
    root_path: str,
) -> GuardedRoutes:
    """Return `GET /login/openid`, which redirects to the provider, and `GET
    /login/openid/callback`, to which the provider redirects back. `key` signs the state that the
    browser holds meanwhile. `root_path`: see the web server."""
    assert identity.login is not None
    return GuardedRoutes.of(
        OpenIDHandlers(
            identity,
            identity.login,
            OpenIDProvider(people.settings),
            people,
            key,
            sign_in,
            root_path,
            Rate(NEW_BROWSERS, NEW_BROWSER),
        )
    )


@dataclass(frozen=True, slots=True)
class OpenIDHandlers:
    """Handlers of both routes. `rate`: limits the sign-ins from one address."""

    identity: Identity
    login: Login
    provider: OpenIDProvider
    people: OpenIDPeople
    key: bytes
    sign_in: SignInPage
    root_path: str
    rate: Rate

    routes = GuardedRoutes()

    def _root_of(self, request: Request) -> str:
        return self.people.settings.address or app_address(request, self.root_path)

    def _too_many(self, request: Request) -> bool:
        return not self.rate.take(client_address(request.scope), time.monotonic())

    @routes.get(OPENID, Access.PUBLIC, is_constant=True)
    def begin(self, request: Request, to: str = "/", *, other_account: bool = False) -> Response:
        """Redirect to the provider. `to`: the user's destination in the app."""
        to = to if _PLACE.fullmatch(to) else "/"
        if self._too_many(request):
            return self.sign_in(request, TOO_MANY_REQUESTS, to, 429)
        back = f"{self._root_of(request)}{_BACK}"
        try:
            address, attempt = self.provider.begin(back, to, other_account=other_account)
        except SignInFailed as problem:
            return self.sign_in(request, sentences(str(problem), problem.hint), to, 502)
        sealed = attempt.sealed(self.key, self.login.clock())
        cookie = self.identity.cookies.attempt(request, sealed, LASTS)
        return RedirectResponse(address, 303, {"set-cookie": cookie})

    @routes.get(_BACK, Access.PUBLIC, is_constant=True)
    def come_back(
        self,
        request: Request,
        state: Annotated[str, Query(max_length=1000)] = "",
        code: Annotated[str, Query(max_length=10_000)] = "",
        error: str = "",
    ) -> Response:
        """Sign in and redirect to the user's destination in the app. After a failure, show the
        sign-in page with the reason."""
        if self._too_many(request):
            return self.sign_in(request, TOO_MANY_REQUESTS, "/", 429)
        kept = request.cookies.get(self.identity.cookies.attempt_name(request), "")
        attempt = opened_attempt(kept, self.key, self.login.clock())
        if attempt is None or not attempt.matches(state):
            return self.sign_in(request, _EXPIRED, "/", 400)
        if error or not code:
            why = message("{provider} did not sign you in.", provider=self.people.settings.name)
            return self.sign_in(request, why, attempt.to, 400)
        root = self._root_of(request)
        try:
            claims = self.provider.claims(f"{root}{_BACK}", attempt, code)
        except SignInFailed as problem:
            status = 502 if isinstance(problem, ProviderSilent) else 400
            reason = sentences(str(problem), problem.hint)
            return self.sign_in(request, reason, attempt.to, status)
        person = person_of(claims, self.people.settings, self.login.clock())
        try:
            shown = self.login.openid(person)
        except SignInStoreError as problem:
            return self.sign_in(request, logged(problem), attempt.to, 503)
        if shown is None:
            log.info("A user of the OpenID provider isn't allowed by --openid-allow.")
            why = message(
                "{account} can't use ComfyForms. Ask the administrator, or sign in with another"
                " account.",
                account=person.account,
            )
            return self.sign_in(request, why, attempt.to, 403)
        there = RedirectResponse(f"{root}{attempt.to}", 303)
        answer = signed_in(there, self.identity, request, shown)
        answer.headers.append("set-cookie", self.identity.cookies.attempt(request, "", 0))
        return answer
