"""Pages on which administrators add, change and remove users, and see and revoke all users'
tokens."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from fastapi import Form, HTTPException, Request
from fastapi.responses import HTMLResponse, Response

from comfy.base.errors import ComfyError, RunNotFound
from comfy.base.messages import Message, listed, message, plural, sentences
from comfy.base.wording import bytes_words
from ui.accounts.login import PROGRAMS, Login, token_owner
from ui.accounts.pages.account import ONLY_PROGRAMS, ShownOnce, revoke_form
from ui.accounts.store import AccessToken
from ui.accounts.users import SHORTEST, Role
from ui.administration.desk import Administration
from ui.administration.links import LinkActions, LinkKind, LinkRow
from ui.administration.people import NewPassword, PersonRow
from ui.languages.current import current_language, html_of
from ui.operator.frame import ACTIVITY, PEOPLE, TOKENS, AdminFrame, none, section
from ui.operator.tables import Cell, ago, moment, number, size, table
from ui.page.plain.questions import asking_form, check_box, more_buttons, new_secret
from ui.web.access import Access, GuardedRoutes

_ADD = message("Add a person")
_NAME = message("Username")
_PASSWORD, _GENERATES = message("Password"), message("Leave empty to generate one")
_IS_ADMINISTRATOR = message("Administrator")
_ADD_IT = message("Add")
_EARLIER = message("Guests and removed people")
_NO_FILE = message(
    "People can't be added here: ComfyForms has no users file. Create it in the shell with the"
    " command “user add”, then restart ComfyForms."
)
_SEND_IT = message("Give it to them now. You won't see it again.")
_MAKE_USER, _MAKE_ADMIN = message("Remove administrator rights…"), message("Make administrator…")
_ADMIN_MAY = message("Administrators see and change everything on these pages.")
_RESET, _REMOVE = message("Reset password…"), message("Remove…")
_GROUPS, _GROUPS_OF, _SAVE = message("Groups"), message("Groups…"), message("Save")
_RESET_IT, _REMOVE_IT = message("Reset password"), message("Remove")
_SIGNS_OUT = message("This signs them out everywhere and ends their access tokens.")
_ENDS_ALL = message("This signs them out everywhere and ends their access tokens and links.")
_KEEPS = message(
    "Their results and private workflows are kept until they expire; favorites, presets and the"
    " rest until you delete them under “Guests and removed people”. What they share with the team"
    " stays."
)
_CONFIGURED = message("from the configuration")
_DELETE_RESULTS, _DELETE = message("Delete results…"), message("Delete")
_FOR_GOOD = message("You can't undo this.")
_NAME_KEPT = message("You can't undo this. The name is free once their results are deleted.")
_DELETES_SHARED = message(
    "This also deletes presets, private workflows and, for everyone, what they share, even if"
    " it shows other people's results."
)
_WAYS = {
    "settings": message("Password in the settings"),
    "proxy": message("Proxy"),
}

_Groups = Annotated[Sequence[str], Form()]
_ABOUT = message("Scripts use these tokens to act as their owners.")
_NONE = message("No tokens.")
_PERSON, _SEEN, _NEVER = message("Person"), message("Last seen"), message("Never")
_WEEK, _RUNS, _SIZE = message("Runs in 7 days"), message("Kept runs"), message("Size")
_KEPT = message("Results kept under this name")
_NEW_NAME = message(
    "Use a new name for a new person: a removed person's name keeps its entries in activity and"
    " usage."
)
_NO_GROUPS = message("The configuration file can add groups, with their own workflows and limits.")
_TOKENS, _SCRIPT, _OWNER = message("Access tokens"), message("Name of the script"), message("Owner")
_CREATED, _USED = message("Created"), message("Last used")
_LINK, _RESULTS = message("Link"), message("Results")
_NEWEST, _UNTIL, _NO_END = message("Newest result"), message("Until"), message("No end")
_LINKS, _NO_LINKS = message("Links"), message("No links.")
_OPEN_TO = message("Who can open it")
_PRIVATE = message("You can end every link, but open only your own and what the team shares.")
_WHEN_MADE = message("See when they were made")
_ANYONE, _SIGNED_IN = message("Anyone with the link"), message("Everyone signed in")


def people_routes(frame: AdminFrame) -> GuardedRoutes:
    """Return `GET /operator/people` and the routes of its forms."""
    return GuardedRoutes.of(PeopleHandlers(frame, frame.desk, ShownOnce()))


@dataclass(frozen=True, slots=True)
class PeopleHandlers:
    """Handlers of the page and its forms. `new_passwords`: those that it hasn't shown yet."""

    frame: AdminFrame
    desk: Administration
    new_passwords: ShownOnce

    routes = GuardedRoutes()

    def _body(self, request: Request, typed: str = "") -> str:
        login, who = self.desk.identity.login, self.desk.identity.signed_in(request)
        password, name = ("", "")
        if login is not None and who is not None:
            password, name = self.new_passwords.take(who, login.clock())
        own = self.desk.actor(request).name
        provider = login.ways.openid.settings.name if login and login.ways.openid else ""
        return _body(
            self.desk.people.all(typed.strip()),
            own,
            provider,
            NewPassword(name, password),
            typed,
            self.desk.people.assignable if self.desk.people.can_change else None,
        )

    def _failed(self, request: Request, problem: ComfyError, typed: str = "") -> HTMLResponse:
        return self.frame.failed(request, PEOPLE, self._body(request, typed), problem, 422)

    def _after(self, request: Request, action: Callable[[], object]) -> Response:
        return self.frame.after(request, PEOPLE, action, lambda: self._body(request), 422)

    def _show(self, request: Request, made: NewPassword) -> Response:
        """Redirect to the page, which shows a generated password once."""
        login, who = self.desk.identity.login, self.desk.identity.signed_in(request)
        if made.password and login is not None and who is not None:
            self.new_passwords.put(who, made.password, login.clock(), made.name)
        return self.frame.back(request, PEOPLE)

    @routes.get(PEOPLE, Access.SIGN_IN_PAGE)
    def listed(self, request: Request) -> HTMLResponse:
        """Return the page. Raises 404 for other users."""
        return self.frame.shown(request, PEOPLE, lambda: self._body(request))

    @routes.post(PEOPLE, Access.ADMINISTRATOR)
    def add(
        self,
        request: Request,
        name: Annotated[str, Form()],
        password: Annotated[str, Form()] = "",
        role: Annotated[Role, Form()] = "user",
        groups: _Groups = (),
    ) -> Response:
        """Add a user and redirect to the page."""
        actor = self.desk.actor(request)
        try:
            made = self.desk.people.add(actor, name, password, role, groups)
            return self._show(request, made)
        except ComfyError as problem:
            return self._failed(request, problem, name)

    @routes.post(f"{PEOPLE}/{{name:path}}/password", Access.ADMINISTRATOR)
    async def reset(
        self, request: Request, name: str, password: Annotated[str, Form()] = ""
    ) -> Response:
        """Reset a user's password and redirect to the page."""
        actor = self.desk.actor(request)
        try:
            made = await asyncio.to_thread(self.desk.people.reset, actor, name, password)
        except ComfyError as problem:
            return await asyncio.to_thread(self._failed, request, problem)
        await self.desk.identity.close_ended()
        return self._show(request, made)

    @routes.post(f"{PEOPLE}/{{name:path}}/role", Access.ADMINISTRATOR)
    def set_role(self, request: Request, name: str, role: Annotated[Role, Form()]) -> Response:
        """Change a user's role and redirect to the page."""
        people, actor = self.desk.people, self.desk.actor(request)
        return self._after(request, lambda: people.set_role(actor, name, role))

    @routes.post(f"{PEOPLE}/{{name:path}}/groups", Access.ADMINISTRATOR)
    def set_groups(self, request: Request, name: str, groups: _Groups = ()) -> Response:
        """Change a user's groups and redirect to the page."""
        people, actor = self.desk.people, self.desk.actor(request)
        return self._after(request, lambda: people.set_groups(actor, name, groups))

    @routes.post(f"{PEOPLE}/{{name:path}}/remove", Access.ADMINISTRATOR)
    async def remove(
        self, request: Request, name: str, *, results: Annotated[bool, Form()] = False
    ) -> Response:
        """Remove a user, or the results of a removed one, and redirect to the page."""
        actor = self.desk.actor(request)
        try:
            await asyncio.to_thread(self.desk.people.remove, actor, name, results=results)
        except ComfyError as problem:
            return await asyncio.to_thread(self._failed, request, problem)
        await self.desk.identity.close_ended()
        return self.frame.back(request, PEOPLE)


def _body(
    people: list[PersonRow],
    own: str,
    provider: str,
    made: NewPassword,
    typed: str,
    groups: Sequence[str] | None,
) -> str:
    """Return the page's body. `own`: the administrator's name; `provider`: the name of the OpenID
    provider; `made`: a password to show; `typed`: a name that couldn't be added; `groups`: that
    people can be put in, None if no one can be added."""
    users = [one for one in people if one.way not in ("guests", "removed")]
    others = [one for one in people if one.way in ("guests", "removed")]
    titles = _PERSON, _GROUPS, _SEEN, _WEEK, _RUNS, _SIZE, ""
    rows = [_row(at, one, own, provider, groups or ()) for at, one in enumerate(users)]
    earlier = [_earlier(at, one) for at, one in enumerate(others)]
    return (
        (_new(made) if made.password else "")
        + section(
            plural("{count} person", "{count} people", count=len(users)),
            table("people", titles, rows),
        )
        + section(
            _ADD, _add_form(typed, groups) if groups is not None else f"<p>{html_of(_NO_FILE)}</p>"
        )
        + (
            section(_EARLIER, table("earlier", (_PERSON, _WEEK, _RUNS, _SIZE, ""), earlier))
            if others
            else ""
        )
    )


def _new(made: NewPassword) -> str:
    title = html_of(message("The password of {name}:", name=made.name))
    words = f"<strong>{title}</strong> {html_of(_SEND_IT)}"
    return new_secret(words, made.password, kind="card")


def _boxes(
    key: str, groups: Sequence[str], own: Sequence[str] = (), all_: Sequence[str] = ()
) -> str:
    """Return boxes for these groups and a user's `own`. `key`: makes their ids unique; `all_`: the
    user's groups with those that the configuration gives."""
    boxes = []
    for at, name in enumerate(dict.fromkeys((*groups, *own))):
        fixed = name in all_ and name not in own
        label = html.escape(name) + (f" ({html_of(_CONFIGURED)})" if fixed else "")
        is_on = fixed or name in own
        boxes.append(
            check_box("groups", name, label, f"group-{key}-{at}", checked=is_on, fixed=fixed)
        )
    return "".join(boxes)


def _add_form(typed: str, groups: Sequence[str]) -> str:
    boxes = f"<fieldset><legend>{html_of(_GROUPS)}</legend>{_boxes('new', groups)}</fieldset>"
    return f"""<form method="post" action="{PEOPLE[1:]}" class="fields">
<p><label for="name">{html_of(_NAME)}</label>
<input id="name" name="name" value="{html.escape(typed)}" maxlength="100"
 autocomplete="off" autocapitalize="none" spellcheck="false" required></p>
<p><label for="password">{html_of(_PASSWORD)}</label>
<input id="password" name="password" type="password" minlength="{SHORTEST}"
 placeholder="{html_of(_GENERATES)}" autocomplete="new-password"></p>
{check_box("role", "operator", html_of(_IS_ADMINISTRATOR), "operator")}
{boxes if groups else ""}<button type="submit">{html_of(_ADD_IT)}</button>
</form>
<p class="muted">{html_of(_NEW_NAME if groups else sentences(_NEW_NAME, _NO_GROUPS))}</p>"""


def _row(
    at: int, one: PersonRow, own: str, provider: str, groups: Sequence[str]
) -> tuple[str | Cell, ...]:
    tag = (
        f' <span class="tag">{html_of(_IS_ADMINISTRATOR)}</span>' if one.role == "operator" else ""
    )
    is_new = one.runs and one.last_seen is None and one.way == "password"
    by_password = one.way == "password"
    way = "" if by_password else _WAYS.get(one.way) or provider
    notes = [one.account if one.account != one.name else "", way, _KEPT if is_new else ""]
    below = "".join(f"<small>{html_of(note)}</small>" for note in notes if note)
    buttons = _buttons(at, one, groups, is_own=one.name == own) if by_password else ""
    return (
        *(
            Cell(f"<b>{html.escape(one.name)}</b>{tag}{below}"),
            ", ".join(one.groups) or "–" * bool(groups),
        ),
        *(ago(one.last_seen, _NEVER), *_figures(one), Cell(buttons)),
    )


def _figures(one: PersonRow) -> tuple[Cell, ...]:
    return number(one.runs_this_week), number(one.runs), size(one.bytes, one.limit_bytes)


def _buttons(at: int, one: PersonRow, groups: Sequence[str], *, is_own: bool) -> str:
    address = f"{PEOPLE[1:]}/{quote(one.name, safe='')}"
    if is_own:
        change = f'<a href="account">{html_of(message("Change password"))}</a>'
        return more_buttons(f"person-{at}", one.name, change)
    boxes = _boxes(str(at), groups, one.assigned, one.groups)
    also = message("Also delete all of this, and what they share ({size})", size=_held(one))
    texts = _GROUPS_OF, message("Groups of {name}", name=one.name), _SAVE
    buttons = (
        _role_form(at, one, address)
        + (
            asking_form(f"{address}/groups", texts, f"groups-{at}", boxes, warns=False)
            if boxes
            else ""
        )
        + asking_form(
            f"{address}/password",
            (_RESET, message("Reset the password of {name}?", name=one.name), _RESET_IT),
            f"reset-{at}",
            f"""<p>{html_of(_SIGNS_OUT)}</p>
<p><label for="new-{at}">{html_of(_PASSWORD)}</label>
<input id="new-{at}" name="password" type="password" minlength="{SHORTEST}"
 placeholder="{html_of(_GENERATES)}" autocomplete="new-password"></p>""",
        )
        + asking_form(
            f"{address}/remove",
            (_REMOVE, message("Remove {name}?", name=one.name), _REMOVE_IT),
            f"remove-{at}",
            f"<p>{html_of(_ENDS_ALL)}</p><p>{html_of(_KEEPS)}</p><p>{html_of(_NAME_KEPT)}</p>"
            + check_box("results", "true", html_of(also), f"results-{at}"),
        )
    )
    return more_buttons(f"person-{at}", one.name, buttons)


def _held(one: PersonRow) -> str:
    return listed([bytes_words(one.bytes), *one.also])


def _role_form(at: int, one: PersonRow, address: str) -> str:
    role: Role = "user" if one.role == "operator" else "operator"
    names = {"name": one.name}
    texts = (
        (
            _MAKE_USER,
            message("Remove the administrator rights of {name}?", **names),
            message("Remove rights"),
        )
        if role == "user"
        else (
            _MAKE_ADMIN,
            message("Make {name} an administrator?", **names),
            message("Make administrator"),
        )
    )
    why = "" if role == "user" else f"<p>{html_of(_ADMIN_MAY)}</p>"
    hidden = f'<input type="hidden" name="role" value="{role}">'
    return asking_form(f"{address}/role", texts, f"role-{at}", f"{why}{hidden}", warns=False)


def _earlier(at: int, one: PersonRow) -> tuple[str | Cell, ...]:
    ask = (
        asking_form(
            f"{PEOPLE[1:]}/{quote(one.name, safe='')}/remove",
            (_DELETE_RESULTS, message("Delete the results of {name}?", name=one.name), _DELETE),
            f"delete-{at}",
            '<input type="hidden" name="results" value="true">'
            f"<p><b>{html_of(_held(one))}</b></p>"
            f"<p>{html_of(_DELETES_SHARED)} {html_of(_FOR_GOOD)}</p>",
        )
        if one.way == "removed"
        else ""
    )
    return one.name, *_figures(one), Cell(ask)


def token_routes(frame: AdminFrame) -> GuardedRoutes:
    """Return `GET /operator/tokens`, and `POST /operator/tokens/{token_id}/revoke` for its
    buttons."""
    routes = GuardedRoutes()
    identity = frame.desk.identity

    @routes.get(TOKENS, Access.SIGN_IN_PAGE)
    def tokens(request: Request) -> HTMLResponse:
        """Return the page, or the sign-in page if the browser isn't signed in. Raises 404 for other
        users, and if sign-in is off."""
        login = identity.login
        if login is None:
            raise HTTPException(404)
        links, viewer = frame.desk.links, frame.desk.actor(request).owner
        return frame.shown(request, TOKENS, lambda: _token_body(login) + _links(links, viewer))

    @routes.post(f"{TOKENS}/{{token_id}}/revoke", Access.ADMINISTRATOR)
    async def revoke(request: Request, token_id: str) -> Response:
        """Revoke a token, immediately close what was opened with it, and redirect to the page."""
        login, who = identity.login, identity.signed_in(request)
        if login is not None and who is not None:
            await asyncio.to_thread(login.revoke_any, who, token_id)
            await identity.close_ended()
        return frame.back(request, TOKENS)

    @routes.post(f"{TOKENS}/links/{{link}}/end", Access.ADMINISTRATOR)
    def end_link(request: Request, link: str) -> Response:
        """End a link and redirect to the page. An unknown link counts as ended."""
        with suppress(RunNotFound):
            frame.desk.links.end(frame.desk.actor(request), link)
        return frame.back(request, TOKENS)

    return routes


def _token_body(login: Login) -> str:
    rows = [_token(one, token_owner(one, login.ways.openid)) for one in login.all_tokens()]
    tokens = table("tokens", (_SCRIPT, _OWNER, _CREATED, _USED, ""), rows)
    return section(_TOKENS, f"<p>{html_of(_ABOUT)}</p>{tokens}" if rows else none(_NONE))


def _token(one: AccessToken, owner: str) -> tuple[str | Cell, ...]:
    revoke = Cell(revoke_form(one, f"{TOKENS[1:]}/{one.id}/revoke", owner))
    only = f"<small>{html_of(ONLY_PROGRAMS)}</small>" if PROGRAMS in one.scope.split() else ""
    label = Cell(f"<b>{html.escape(one.label)}</b>{only}")
    return label, owner, moment(one.made), ago(one.used or None, _NEVER), revoke


def _links(links: LinkActions, viewer: str) -> str:
    titles = _LINK, _OWNER, _OPEN_TO, _RESULTS, _UNTIL, ""
    rows = [_link(one, links.kinds[one.kind]) for one in links.all(viewer)]
    if not rows:
        return section(_LINKS, none(_NO_LINKS))
    made = f'<a href="{ACTIVITY[1:]}?action=share">{html_of(_WHEN_MADE)}</a>'
    about = f"<p>{html_of(_PRIVATE)} {made}</p>"
    return section(_LINKS, f"{about}{table('links', titles, rows)}")


def _link(one: LinkRow, kind: LinkKind) -> tuple[str | Cell, ...]:
    ending, label = kind.ending, kind.label
    question = Message(ending.question, "", {"name": one.owner})
    end = asking_form(
        f"{TOKENS[1:]}/links/{one.id}/end",
        (ending.button, question, ending.answer),
        f"link-{one.id}",
        f"{f'<p>{html_of(one.about)}</p>' if one.about else ''}<p>{html_of(ending.after)}</p>",
    )
    title, _, allows = one.about.partition(" · ")
    name = html_of(title or label)
    if one.address:
        name = f'<a href="{html.escape(one.address)}">{name}</a>'
    made = current_language().moment(one.newest) if one.newest else ""
    newest = message("{name}: {value}", name=_NEWEST, value=made) if made else ""
    below = " · ".join(html_of(text) for text in (label if title else "", allows, newest) if text)
    results = Cell("", 0, "amount") if one.results is None else number(one.results)
    link = Cell(f"<b>{name}</b><small>{below}</small>")
    opens = _SIGNED_IN if one.needs_sign_in else _ANYONE
    return link, one.owner, opens, results, moment(one.until, _NO_END), Cell(end)
