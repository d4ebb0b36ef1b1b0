"""Page on which users change their password, set their comfy.org API key, and create and revoke
tokens for their scripts. New tokens and passwords are shown once."""

from __future__ import annotations

import asyncio
import html
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from fastapi import Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from comfy.base.errors import ComfyError
from comfy.base.messages import message, sentences
from comfy.records.api_keys import ApiKeys, KeySource
from ui.accounts.database import SignInStoreError
from ui.accounts.login import PROGRAMS, Login, SignedIn
from ui.accounts.pages.passwords import Passwords, SignInRefused
from ui.accounts.pages.sign_in import SignInPage, logged
from ui.accounts.store import AccessToken
from ui.accounts.users import SHORTEST
from ui.gradio.internals import app_address
from ui.languages.current import current_language, html_of
from ui.page.plain.layout import as_page, plain_page
from ui.page.plain.questions import action_form, asking_form, new_secret
from ui.web.access import Access, GuardedRoutes
from ui.web.identity import LOG_IN_FIRST, Identity, owner_of_user
from ui.web.limits import BodyLimit

_KEY_HEADING = message("comfy.org API key")
_ABOUT_KEYS = sentences(
    message("It pays your runs of workflows with paid nodes."),
    message("It is stored encrypted, sent with these runs only, and never shown again."),
)
_STATES: dict[KeySource, str] = {
    "own": message("Your key is set."),
    "app": message("You have no key. The administrator's key pays."),
    "": message("You have no key."),
}
_KEY, _SAVE = message("API key"), message("Save the key")
_REMOVE = message("Remove the key")
_CHANGED = message("Your password was changed. All other sessions and your tokens have ended.")
_PASSWORD_HEADING = message("Password")
_CURRENT = message("Current password")
_NEW = message("New password")
_AGAIN = message("New password again")
_CHANGE = message("Change password")
_ENDS = message("Changing it signs you out on all other devices and ends your access tokens.")
_DIFFERENT = message("The new passwords don't match.")
_ELSEWHERE = message("Your password can't be changed here. Ask the administrator.")
_FOR_GOOD = message("Scripts that send this token will be refused. It can't be brought back.")
_REVOKE, _ASK_REVOKE = message("Revoke"), message("Revoke…")
_KEPT = 60.0  # seconds until an unseen secret is forgotten
_PATH = "/account"
_HEADING = message("Your account")
_TOKENS = message("Access tokens")
_ABOUT = message("Scripts use a token instead of a password. Anyone who has it can act as you.")
_STAYS = message("Tokens stay valid when you sign out everywhere.")
_NAME = message("Name of the script")
_MAKE = message("Create a token")
_SHOWN_ONCE = message("Copy this token now. You won't see it again.")
_SENT_AS = message("The script sends it as a header:")
_NONE = message("You have no tokens.")
ONLY_PROGRAMS = message("In a program's address. It opens only ComfyUI's API.")
_FOR_GUESTS = message("Guests can't have tokens. Ask the administrator for an account.")
_OPEN_TO_ALL = message("This app doesn't use sign-in, so scripts need no tokens.")
_BROWSER_ONLY = message("This is only possible in a signed-in browser.")


def _key_form(source: KeySource, why: str) -> str:
    """Return the form as HTML. `source`: which key pays the user's runs. `why`: the reason that a
    key wasn't stored."""
    return f"""<section aria-labelledby="key-heading">
<hgroup><h2 id="key-heading">{html_of(_KEY_HEADING)}</h2>
<p>{html_of(_ABOUT_KEYS)}</p>
<p><b>{html_of(_STATES[source])}</b></p></hgroup>
<form method="post" action="account/key">
<label for="key">{html_of(_KEY)}</label>
<input id="key" name="key" type="password" autocomplete="off" required minlength="8" maxlength="500"
 spellcheck="false" aria-describedby="key-why">
<p id="key-why" class="why" role="alert">{html_of(why)}</p>
<button type="submit" class="quiet">{html_of(_SAVE)}</button>
</form>
{action_form("account/key/remove", _REMOVE) if source == "own" else ""}
</section>"""


@dataclass(frozen=True, slots=True)
class PasswordChange:
    """The new password, typed twice."""

    new: str
    again: str

    def checked(self, login: Login, who: SignedIn) -> Callable[[], None]:
        """Return the function that stores the new password. Raises ComfyError if the fields don't
        fit together, or if the user's password isn't in the users file."""
        if not _may_change(login, who):
            raise ComfyError(_ELSEWHERE)
        if self.new != self.again:
            raise ComfyError(_DIFFERENT)
        return partial(login.change_password, who, self.new)


def _password_form(login: Login, who: SignedIn, why: str) -> str:
    """Return the form as HTML; empty for users without a password. `why`: the reason that the
    password wasn't changed."""
    if who.way != "password":
        return ""
    heading = f'<h2 id="password-heading">{html_of(_PASSWORD_HEADING)}</h2>'
    if not _may_change(login, who):
        return f"""<section aria-labelledby="password-heading">
<hgroup>{heading}<p>{html_of(_ELSEWHERE)}</p></hgroup></section>"""
    fields = "".join(
        f'<label for="{name}">{html_of(label)}</label>'
        f'<input id="{name}" name="{name}" type="password" autocomplete="{kind}" required'
        f' minlength="{1 if name == "current" else SHORTEST}" aria-describedby="password-why">'
        for name, label, kind in (
            ("current", _CURRENT, "current-password"),
            ("new", _NEW, "new-password"),
            ("again", _AGAIN, "new-password"),
        )
    )
    return f"""<section aria-labelledby="password-heading">
<hgroup>{heading}<p>{html_of(_ENDS)}</p></hgroup>
<form method="post" action="account/password">
{fields}
<p id="password-why" class="why" role="alert">{html_of(why)}</p>
<button type="submit" class="quiet">{html_of(_CHANGE)}</button>
</form></section>"""


def _may_change(login: Login, who: SignedIn) -> bool:
    return login.ways.file is not None and who.name in login.ways.file.users


def revoke_form(token: AccessToken, action: str, owner: str = "") -> str:
    """Return the button that revokes a token after a question. `action`: where it is sent; `owner`:
    the user's name, "" for the caller's own token."""
    question = message("Revoke “{name}”?", name=token.label)
    if owner:
        question = message("Revoke “{name}” of {owner}?", name=token.label, owner=owner)
    return asking_form(
        action,
        (_ASK_REVOKE, question, _REVOKE),
        f"revoke-{token.id}",
        f"<p>{html_of(_FOR_GOOD)}</p>",
        message("Revoke {name}", name=token.label),
    )


def _token_row(token: AccessToken) -> str:
    only = f"{html_of(ONLY_PROGRAMS)}<br>" if PROGRAMS in token.scope.split() else ""
    return f"""<div class="token">
<p><b>{html.escape(token.label)}</b><br>{only}{html_of(_dates(token))}</p>
{revoke_form(token, f"account/tokens/{token.id}/revoke")}</div>"""


def _dates(token: AccessToken) -> str:
    date = current_language().date
    used = (
        message("Last used on {date}.", date=date(token.used))
        if token.used
        else message("Never used.")
    )
    return sentences(message("Created on {date}.", date=date(token.made)), used)


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


def asking(identity: Identity, request: Request) -> tuple[Login, SignedIn]:
    """Return the caller. Refuses tokens, because a lost token must not create others, and
    guests."""
    who = identity.signed_in(request)
    if identity.login is None or who is None:
        raise HTTPException(401, LOG_IN_FIRST)
    if who.by_token or who.way == "guest":
        raise HTTPException(403, _BROWSER_ONLY)
    return identity.login, who


def account_routes(
    identity: Identity,
    passwords: Passwords,
    sign_in: SignInPage,
    root_path: str,
    keys: ApiKeys | None,
    sections: Callable[[SignedIn], str],
) -> GuardedRoutes:
    """Return `GET /account` and the routes of its forms, which other sites' pages can't submit.
    `root_path`: see the web server. `keys`: users' API keys; None if they can't have any.
    `sections`: plugins' parts of the page."""
    return GuardedRoutes.of(
        AccountHandlers(identity, passwords, sign_in, root_path, keys, sections, ShownOnce())
    )


@dataclass(frozen=True, slots=True)
class AccountHandlers:
    """Handlers of the page and its forms. `new_tokens`: tokens and messages not shown yet."""

    identity: Identity
    passwords: Passwords
    sign_in: SignInPage
    root_path: str
    keys: ApiKeys | None
    sections: Callable[[SignedIn], str]
    new_tokens: ShownOnce

    routes = GuardedRoutes()

    def _page(self, request: Request, content: str, status: int = 200) -> HTMLResponse:
        root = app_address(request, self.root_path)
        return as_page(plain_page(root, html_of(_HEADING), _body(content)), status)

    def _parts(
        self, login: Login, who: SignedIn, *, why: str = "", of_password: str = "", of_key: str = ""
    ) -> str:
        """Return the page's parts with the reason why no token was created, why the password
        wasn't changed, or why the API key wasn't stored."""
        is_wrong = why or of_password or of_key
        shown, done = self.new_tokens.take(who, login.clock()) if not is_wrong else ("", "")
        tokens = _tokens(login.tokens_of(who), shown, why)
        key = (
            _key_form(self.keys.source(owner_of_user(who)), of_key) if self.keys is not None else ""
        )
        said = f'<p class="done" role="status">{html_of(done)}</p>' if done else ""
        return f"{said}{_password_form(login, who, of_password)}{self.sections(who)}{key}{tokens}"

    def _back(self, request: Request) -> Response:
        """Redirect to the page, so that a reload submits nothing again."""
        return RedirectResponse(f"{app_address(request, self.root_path)}{_PATH}", 303)

    @routes.get(_PATH, Access.SIGN_IN_PAGE)
    def account(self, request: Request) -> HTMLResponse:
        """Show the page with a new token. Without a user, show the sign-in page."""
        if self.identity.login is None:
            return self._page(request, f"<p>{html_of(_OPEN_TO_ALL)}</p>")
        who = self.identity.signed_in(request)
        if who is None:
            return self.sign_in(request)
        if who.way == "guest":
            return self._page(request, f"<p>{html_of(_FOR_GUESTS)}</p>")
        return self._page(request, self._parts(*asking(self.identity, request)))

    @routes.post(f"{_PATH}/password", Access.SIGNED_IN, body=BodyLimit.LOGIN_FORM)
    async def change_password(
        self,
        request: Request,
        current: Annotated[str, Form()],
        new: Annotated[str, Form()],
        again: Annotated[str, Form()],
    ) -> Response:
        """Change the caller's password, end their other sessions and tokens, sign them in again and
        redirect to the page. On an error, return the page with a message and status 422."""
        login, who = asking(self.identity, request)
        try:
            change = PasswordChange(new, again).checked(login, who)
            attempt = self.passwords.attempt(request, who.name)
            await self.passwords.check(attempt, current)
            await asyncio.to_thread(change)
            shown = await asyncio.to_thread(login.password, who.name, new)
        except SignInRefused as problem:
            sentence = message("{person} failed to change their password.", person=who.name)
            await asyncio.to_thread(login.note, who, sentence, "account")
            return self._page(request, self._parts(login, who, of_password=str(problem)), 422)
        except ComfyError as problem:
            why = sentences(str(problem), problem.hint)
            return self._page(request, self._parts(login, who, of_password=why), 422)
        answer = self._back(request)
        if shown is None or (session := login.by_cookie(shown)) is None:  # changed again meanwhile
            return answer
        self.new_tokens.put(session, "", login.clock(), _CHANGED)
        self.passwords.make_known(self.passwords.attempt(request, who.name), request, answer)
        cookie = self.identity.cookies.new_session(request, shown, login.times.lasts)
        answer.headers.append("set-cookie", cookie)
        await self.identity.close_ended()
        return answer

    @routes.post(f"{_PATH}/key", Access.SIGNED_IN, body=BodyLimit.LOGIN_FORM)
    def put_key(self, request: Request, key: Annotated[str, Form()]) -> Response:
        """Store the caller's comfy.org API key, and redirect to the page. On an error, return the
        page with a message and status 422."""
        login, who = asking(self.identity, request)
        try:
            if self.keys is not None:
                self.keys.put(owner_of_user(who), key.strip())
        except ComfyError as problem:
            why = sentences(str(problem), problem.hint)
            return self._page(request, self._parts(login, who, of_key=why), 422)
        return self._back(request)

    @routes.post(f"{_PATH}/key/remove", Access.SIGNED_IN)
    def remove_key(self, request: Request) -> Response:
        """Delete the caller's comfy.org API key, if there is one, and redirect to the page."""
        who = self.identity.signed_in(request)
        if self.keys is not None and who is not None:
            self.keys.remove(owner_of_user(who))
        return self._back(request)

    @routes.post(f"{_PATH}/tokens", Access.SIGNED_IN, body=BodyLimit.LOGIN_FORM)
    def make(self, request: Request, label: Annotated[str, Form()]) -> Response:
        """Create a token and redirect to the page, which shows it once. On an error, return the
        page with a message and status 422."""
        login, who = asking(self.identity, request)
        try:
            shown = login.new_token(who, label)
        except SignInStoreError as problem:
            return self._page(request, self._parts(login, who, why=logged(problem)), 422)
        except ComfyError as problem:
            why = sentences(str(problem), problem.hint)
            return self._page(request, self._parts(login, who, why=why), 422)
        self.new_tokens.put(who, shown, login.clock())
        return self._back(request)

    @routes.post(f"{_PATH}/tokens/{{token_id}}/revoke", Access.SIGNED_IN)
    async def revoke(self, request: Request, token_id: str) -> Response:
        """Revoke a token and redirect to the page. An unknown id counts as already revoked."""
        if self.identity.login is not None:
            login, who = asking(self.identity, request)
            await asyncio.to_thread(login.revoke, who, token_id)
            await self.identity.close_ended()
        return self._back(request)


def _body(content: str) -> str:
    return f"""<main class="account">
<h1>{html_of(_HEADING)}</h1>
{content}
</main>"""


def _tokens(tokens: Sequence[AccessToken], shown: str = "", why: str = "") -> str:
    """Return a user's tokens, and the form for another. `shown`: a token that was just created.
    `why`: the reason that none was."""
    rows = map(_token_row, tokens)
    words = f"<strong>{html_of(_SHOWN_ONCE)}</strong> {html_of(_SENT_AS)}"
    none = f'<p class="muted">{html_of(_NONE)}</p>'
    return f"""<section aria-labelledby="tokens">
<hgroup><h2 id="tokens">{html_of(_TOKENS)}</h2>
<p>{html_of(sentences(_ABOUT, _STAYS))}</p></hgroup>
{new_secret(words, shown, "Authorization: Bearer ") if shown else ""}
<form method="post" action="account/tokens">
<label for="label">{html_of(_NAME)}</label>
<input id="label" name="label" maxlength="100" autocomplete="off" required aria-describedby="why">
<p id="why" class="why" role="alert">{html_of(why)}</p>
<button type="submit" class="quiet">{html_of(_MAKE)}</button>
</form>
<div class="token-list">{"".join(rows) or none}</div>
</section>"""
