"""Access rules of routes: each route has one, public routes are listed, and sockets follow their
rule. `tests/security/nightly/test_routes.py` requests all routes."""

from __future__ import annotations

import contextlib
import io
import json
import socket
import uuid
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import pytest
import requests
import websocket
from fastapi import APIRouter, FastAPI
from PIL import Image
from starlette.exceptions import HTTPException

from comfy.base.user_groups import UserGroup
from comfy.library.permissions import Permissions
from comfy.records.record import SENT_PROMPT
from tests.attacks.parts import attacked_parts
from tests.attacks.people import (
    ANN,
    BOB,
    DORA,
    LOGIN,
    ROOT,
    Owned,
    Person,
    all_plugins,
    browser,
    guest,
    never,
    person,
    program_token,
)
from tests.attacks.route_answers import (
    ELSEWHERE,
    GRADIO,
    LOGOUT,
    OPEN,
    REFUSED,
    SHUT,
    WAITING,
    bare,
    open_paths,
)
from tests.attacks.routes import registered
from tests.support.serving import RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT, eventually
from tests.ui.web.test_route_options import installed
from ui.settings.web_settings import WebSettings
from ui.web.access import Access, DeclaredRoute, GuardedRoutes
from ui.web.limits import LOGIN_FORM, BodyLimit, RequestLimitMiddleware, WebLimits
from ui.web.responses import API, json_text
from ui.web.shares import Caller, FairSlots, Room, TurnMiddleware, Work

ONLY_RUNS = ("upscale",)  # what the group may run; Ann uses other workflows
LARGE = 64_000  # bytes of an answer
_READS = ("GET", "HEAD")
WORDS = "a lighthouse " * 300_000  # 4 MB
QUERIES = {path: query for part in attacked_parts() for path, query in part.queries.items()}
NO_RULE = (
    "Declare them with ui.web.access.GuardedRoutes. Those of a new Gradio belong into GRADIO or"
    " SHUT of tests/attacks/route_answers.py."
)


class Place(NamedTuple):
    """App with two users, and a visitor who isn't signed in. `others`: with a login, a guest, a
    member of a group that may only run `ONLY_RUNS`, an administrator, and a program with a token of
    a user."""

    app: RunningApp
    ann: Person
    bob: Person
    nobody: Person
    asks_for_login: bool
    others: Mapping[str, Person] = MappingProxyType({})


def settings_of(*, logs_in: bool) -> WebSettings:
    """Return settings with all plugins, and with previews for administrators."""
    return replace(
        replace(LOGIN, users=(*LOGIN.users, DORA, ROOT)) if logs_in else WebSettings(port=0),
        of_plugins=all_plugins(),
        operator_images=True,
    )


def permissions_of(**more: Any) -> Permissions:
    """Return the permissions of the users of `settings_of`."""
    group = UserGroup(("runners",), workflows=ONLY_RUNS, open=False)
    return Permissions(
        open=lambda owner: owner != "user:dora",
        operates=lambda owner: owner == "user:root",
        group=lambda owner: group if owner == "user:dora" else None,
        **more,
    )


def others_of(app: RunningApp, owned: Owned) -> dict[str, Person]:
    """Return the callers of `Place.others`, who ask for this data."""
    cookies = {"guest": guest(app), "member": browser(app, DORA), "admin": browser(app, ROOT)}
    program = Person("", owned, program_token(app, BOB))
    return {name: Person(cookie, owned) for name, cookie in cookies.items()} | {"program": program}


@pytest.fixture(scope="module", params=["with a login", "without a login"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    logs_in = request.param == "with a login"
    settings = settings_of(logs_in=logs_in)
    options = {"settings": settings, "permissions": permissions_of()}
    with running_demo_app(step_seconds=0, **options) as (_, app):
        ann = person(app, ANN if logs_in else None)
        bob = browser(app, BOB if logs_in else None)
        others = others_of(app, ann.owned) if logs_in else {}
        yield Place(app, ann, Person(bob, ann.owned), Person("", ann.owned), logs_in, others)
        assert not app.asgi.state.failures


def test_every_route_has_a_rule(place: Place) -> None:
    """A new route needs an access rule, and the tests expect no answer for a removed route."""
    routes = set(registered(place.app.asgi.routes))
    rules = place.app.asgi.state.rules
    declared = {bare(rule.path) for rule in rules}
    paths = {bare(route.path) for route in routes}
    new = paths - declared - GRADIO.keys() - SHUT
    assert not new, f"Routes without an access rule: {sorted(new)}. {NO_RULE}"
    assert not (GRADIO.keys() | SHUT) - paths, "GRADIO and SHUT name routes that don't exist."
    assert not declared & SHUT
    declared_requests = {f"{method} {bare(rule.path)}" for rule in rules for method in rule.methods}
    plain = {bare(rule.path) for rule in rules if rule.is_plain}  # with any method
    refused = {request for request in REFUSED if request.partition(" ")[2] not in plain}
    assert not refused - declared_requests


def test_only_named_routes_answer_without_the_login(place: Place) -> None:
    """A second list of the open paths guards against a wrong rule."""
    gradio = {
        path for path, rule in GRADIO.items() if {one.nobody for one in rule.values()} - {401}
    }
    assert open_paths(place.app.asgi.state.rules) | gradio == OPEN


def status_of_head(
    place: Place, rule: DeclaredRoute, method: str, who: Person, length: int = 9, origin: str = ""
) -> int:
    """Return the status that answers a request's head alone. Its body never arrives."""
    lines = [
        f"{method} {quote(who.owned.at(rule.path))} HTTP/1.1",
        f"Host: {urlsplit(place.app.url).netloc}",
        "Content-Type: application/json",
        f"Content-Length: {length}",
        *([f"Cookie: {who.cookie}"] if who.cookie else []),
        *([f"Origin: {origin}"] if origin else []),
    ]
    port = urlsplit(place.app.url).port
    with socket.create_connection(("127.0.0.1", port), timeout=LONGEST_WAIT) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        return int(connection.recv(4000)[9:12])


def with_bodies(place: Place) -> list[tuple[DeclaredRoute, str]]:
    """Return the declared routes whose requests may have a body, once per method."""
    return [
        (rule, method)
        for rule in place.app.asgi.state.rules
        for method in rule.methods
        if method not in ("GET", "HEAD") and not rule.path.startswith(ELSEWHERE)
    ]


def test_callers_are_checked_before_a_body_is_read(place: Place) -> None:
    """The app answers a caller without an account, and a page of another site, although not a byte
    of the body has arrived."""
    foreign = "https://evil.example"
    wrong = []
    for rule, method in with_bodies(place):
        is_open = rule.access is Access.PUBLIC
        if place.asks_for_login and not is_open:
            wrong += [rule.path] * (status_of_head(place, rule, method, place.nobody) != 401)
        got = status_of_head(place, rule, method, place.ann, origin=foreign)
        wrong += [rule.path] * (got not in (401, 403))
    assert not wrong


def test_callers_without_an_account_send_little(place: Place) -> None:
    """A route that people without an account may call takes no body over the sign-in form's."""
    of_everyone = [one for one in with_bodies(place) if one[0].access is Access.PUBLIC]
    assert len(of_everyone) >= 3
    for rule, method in of_everyone:
        got = status_of_head(place, rule, method, place.nobody, LOGIN_FORM + 1)
        assert got == 413, rule.path


def status_when_full(rule: DeclaredRoute) -> int:
    busy = HTTPException(503, "busy")
    return rule.errors(busy).status_code if rule.errors else 503


def test_a_place_is_taken_before_a_large_body_is_read(place: Place) -> None:
    """A user at an address without a free place gets 503 before the body arrives, or the status that
    another program's API has for it."""
    rooms = place.app.services.rooms
    large = [one for one in with_bodies(place) if one[0].room is not None]
    assert large
    with contextlib.ExitStack() as held:
        for share in (rooms.calls, rooms.uploads):
            eventually(lambda share=share: not share.taken)
            others = [Caller(f"person {at}", "127.0.0.1") for at in range(share.address)]
            assert all(map(share.take, others))
            for one in others:
                held.callback(share.give_back, one)
        got = {rule.path: status_of_head(place, rule, method, place.ann) for rule, method in large}
    full = {rule.path: status_when_full(rule) for rule, _ in large}
    assert got == full


@pytest.mark.parametrize(
    ("access", "options"),
    [
        (Access.PUBLIC, {"body": BodyLimit.PAGE}),
        (Access.SIGN_IN_PAGE, {"body": BodyLimit.CALL, "room": Room.CALLS}),
        (Access.SIGNED_IN, {"body": BodyLimit.FILES}),
        (Access.OWNER, {"body": BodyLimit.CALL}),
    ],
)
def test_a_declaration_without_limits_is_refused(access: Access, options: dict[str, Any]) -> None:
    """A plugin's route can't offer strangers a large body, or a large one without a room."""

    async def handle() -> None: ...

    with pytest.raises(ValueError, match="/new"):
        GuardedRoutes().put("/new", access, **options)(handle)


def with_large_data(app: RunningApp, who: Person, text: str = WORDS[:LARGE]) -> Person:
    """Return a user whose run is a record of 4 MB with this text, after each plugin made its own
    data large."""
    small = who.owned.run
    record = app.runs.history.get_many([small], None)[small]
    values = {**record.job.values, "2.text": text}
    extra = {"extra_pnginfo": {"workflow": {"nodes": [], "text": WORDS}}}
    job = replace(record.job, workflow=SENT_PROMPT, values=values, extra_data=extra)
    large = replace(record, id=str(uuid.uuid4()), job=job)
    app.runs.history.end(large)
    for part in attacked_parts():
        part.enlarge(app, who.owned.of_parts)
    of_parts = who.owned.of_parts.items()
    ids = {name: large.id if value == small else value for name, value in of_parts}
    return replace(who, owned=replace(who.owned, run=large.id, of_parts=ids))


def lengths(
    app: RunningApp, who: Person, routes: Iterable[DeclaredRoute]
) -> Iterator[tuple[str, int]]:
    """Yield the path of each GET, and the length of its answer."""
    for path in {route.path for route in routes if "GET" in route.methods} - LOGOUT:
        address = app.url + who.owned.at(path + QUERIES.get(bare(path), ""))
        headers = who.headers | {"Accept-Encoding": "identity"}
        answer = requests.get(address, headers=headers, timeout=LONGEST_WAIT, allow_redirects=False)
        yield path, len(answer.content)


def test_a_large_answer_takes_a_turn(place: Place) -> None:
    """All plugins are on. A route that takes no turns answers with as many bytes after people have
    stored large data as before."""
    app, ann = place.app, place.ann
    constant = [route for route in app.asgi.state.rules if route.is_constant]
    before = dict(lengths(app, ann, constant))
    ann = with_large_data(app, ann)
    assert dict(lengths(app, ann, constant)) == before, "Let these routes take turns."
    growing = [route for route in app.asgi.state.rules if route.work]
    large = [path for path, size in lengths(app, ann, growing) if size > LARGE]
    assert len(large) >= 8, large


class CountedTurns(FairSlots):
    """Turns that count how many have begun, and the most at once."""

    def __init__(self) -> None:
        super().__init__(person=1, address=2)
        self.begun = self.most = self.held = 0

    @contextlib.asynccontextmanager
    async def turn(self, caller: Caller) -> AsyncIterator[None]:
        async with super().turn(caller):
            self.begun += 1
            self.held += 1
            self.most = max(self.most, self.held)
            try:
                yield
            finally:
                self.held -= 1

    @property
    def waiting(self) -> int:
        """Return how many requests of one user hold a turn or wait for it."""
        return sum(self._users[key] for key in [*self._users] if key[0] == "person")


def requests_in_turns(place: Place) -> Iterator[tuple[str, str]]:
    """Yield the method and path of each request that takes turns and that a user may send. Those
    of an owner's data that wait or stream do, too."""
    rules = place.app.asgi.state.rules
    first = {(method, one.path): one for one in reversed(rules) for method in one.methods}
    for (method, path), rule in first.items():
        reads = rule.access is Access.OWNER and rule.body is BodyLimit.PAGE and rule.room
        is_ours = rule.access is not Access.ADMINISTRATOR and not path.startswith(ELSEWHERE)
        if (rule.work or reads) and is_ours and bare(path) not in LOGOUT:
            yield method, path


def test_few_changes_take_no_turn(place: Place) -> None:
    """Thousands of wrong values in a body hold the app's threads, although nothing changes."""
    rules = place.app.asgi.state.rules
    constant = {one.path for one in rules if one.is_constant and not {*one.methods} & {*_READS}}
    assert {path.rstrip("/") for path in constant} == {"/login"}
    assert all(one.work or one.room or one.is_constant for one in rules if one.methods)


def test_requests_take_turns(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller doesn't own the data, and sends an empty body, so nothing changes."""
    slots, without = CountedTurns(), []
    for work in Work:
        monkeypatch.setitem(installed(place.app, TurnMiddleware).turns, work, slots)
    for method, path in requests_in_turns(place):
        begun, address = slots.begun, place.app.url + place.bob.owned.at(path)
        headers = place.bob.headers | {"Origin": place.app.url}
        json = {} if method in ("POST", "PUT", "PATCH") else None
        requests.request(method, address, json=json, headers=headers, timeout=LONGEST_WAIT).close()
        without += [f"{method} {path}"] * (slots.begun == begun)
    assert not without
    assert not slots.held


def test_a_request_with_a_room_takes_a_turn(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that a body names, and a body of wrong values, are read in a turn, which starts
    after the body."""
    slots, without, image = CountedTurns(), list[str](), io.BytesIO()
    Image.new("RGB", (8, 8)).save(image, "PNG")
    for work in Work:
        monkeypatch.setitem(installed(place.app, TurnMiddleware).turns, work, slots)
    for rule, method in with_bodies(place):
        if rule.room is Room.CALLS and method == "POST":
            begun, address = slots.begun, place.app.url + place.bob.owned.at(rule.path)
            headers = place.bob.headers | {"Origin": place.app.url}
            form = {"image": ("a.png", image.getvalue())}
            body = {"files": form} if rule.body is BodyLimit.FILES else {"json": {}}
            requests.post(address, headers=headers, timeout=LONGEST_WAIT, **body).close()
            without += [rule.path] * (slots.begun == begun)
    assert not without
    assert not slots.held


def test_a_request_that_waits_for_a_run_keeps_no_turn() -> None:
    """Its caller can start others meanwhile."""
    with running_demo_app(step_seconds=1) as (_, app), ThreadPoolExecutor(1) as pool:
        turns = installed(app, TurnMiddleware).turns[Work.CATALOG] = CountedTurns()
        address = f"{app.url}/api/v1/workflows/text-to-image/runs?wait=true"
        body = {"values": {"5.steps": 60}}
        waiting = pool.submit(requests.post, address, json=body, timeout=LONGEST_WAIT)
        eventually(lambda: app.runs.known() and turns.begun and not turns.held)
        assert not waiting.done()
        for run in app.runs.known():
            run.cancel()
        assert waiting.result().json()["phase"] == "stopped"


def test_a_request_has_its_callers_rights_after_its_body() -> None:
    """A caller who signs out while the body arrives changes nothing by it, with or without a
    room."""
    options = {"settings": settings_of(logs_in=True)}
    with running_demo_app(step_seconds=0, **options) as (_, app):
        for path in ("/api/v1/workflows", "/api/v1/presets"):
            cookie, unfinished = (
                browser(app, BOB),
                installed(app, RequestLimitMiddleware).unfinished,
            )
            head = f"POST {path} HTTP/1.1", f"Host: {urlsplit(app.url).netloc}", f"Cookie: {cookie}"
            lines = [*head, "Content-Type: application/json", "Content-Length: 2", "", ""]
            address = "127.0.0.1", urlsplit(app.url).port
            eventually(lambda unfinished=unfinished: not unfinished.taken)
            with socket.create_connection(address, timeout=LONGEST_WAIT) as connection:
                connection.sendall("\r\n".join(lines).encode() + b"{")
                eventually(lambda unfinished=unfinished: unfinished.taken)
                headers = {"Cookie": cookie, "Origin": app.url}
                requests.post(f"{app.url}/logout", headers=headers, timeout=LONGEST_WAIT)
                connection.sendall(b"}")
                assert connection.recv(4000)[9:12] == b"401", path


@pytest.mark.parametrize(
    "path", ["/live/{}", *(path for part in attacked_parts() for path in part.sockets)]
)
def test_a_socket_reads_a_record_in_a_turn(
    place: Place, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The turn ends before the socket does."""
    turns = CountedTurns()
    monkeypatch.setitem(installed(place.app, TurnMiddleware).turns, Work.PROCESSOR, turns)
    run = with_large_data(place.app, place.ann).owned.run
    address = place.app.url.replace("http", "ws", 1) + path.format(run)
    with contextlib.closing(
        websocket.create_connection(
            address, cookie=place.ann.cookie, origin=place.app.url, timeout=LONGEST_WAIT
        )
    ) as browser:
        assert browser.recv()
        assert turns.begun
        assert not turns.held


def test_an_event_is_serialized_once_and_in_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run's document may have megabytes, and many clients may follow the run."""
    turns, large = CountedTurns(), list[int]()

    def counted(content: object) -> str:
        text = json_text(content)
        if len(text) > LARGE:
            large.append(turns.held)
        return text

    monkeypatch.setattr("ui.api.streams.json_text", counted)
    with running_demo_app(step_seconds=0) as (demo, app), demo.hold("progress") as held:
        monkeypatch.setitem(installed(app, TurnMiddleware).turns, Work.PROCESSOR, turns)
        address = f"{app.url}/api/v1/workflows/text-to-image/runs"
        body = {"values": {"2.text": WORDS[:LARGE]}}
        run = requests.post(address, json=body, timeout=LONGEST_WAIT).json()
        address = f"{app.url}{run['url']}/events"
        with requests.get(address, stream=True, timeout=LONGEST_WAIT) as answer:
            lines = answer.iter_lines()
            assert b"event: state" in (next(lines), next(lines))
            held.release()
            assert b"event: end" in lines
        assert requests.get(address, timeout=LONGEST_WAIT).ok
    assert {*large} == {1}, "Each one is made in a turn."
    assert 3 <= len(large) <= turns.begun


def without_reading(app: RunningApp, who: Person) -> socket.socket:
    """Request a large answer, and read none of it."""
    browser = socket.socket()
    browser.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    browser.settimeout(LONGEST_WAIT)
    browser.connect(("127.0.0.1", urlsplit(app.url).port))
    lines = f"GET {API}/runs/{who.owned.run} HTTP/1.1", "Host: 127.0.0.1", f"Cookie: {who.cookie}"
    browser.sendall("\r\n".join([*lines, "", ""]).encode())
    return browser


def test_large_answers_that_wait_for_their_readers_take_turns(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The app builds one answer while a client reads another one. Other requests wait, and leave
    the line when their clients hang up."""
    middleware = installed(place.app, TurnMiddleware)
    ann = with_large_data(place.app, place.ann, WORDS)
    working, sending = CountedTurns(), CountedTurns()
    monkeypatch.setitem(middleware.turns, Work.PROCESSOR, working)
    monkeypatch.setattr(middleware, "sending", sending)
    with contextlib.ExitStack() as opened:
        for number in range(2):
            opened.enter_context(without_reading(place.app, ann))
            eventually(lambda number=number: sending.waiting == number + 1)
        assert (sending.held, working.held) == (1, 1)
        with without_reading(place.app, ann):
            eventually(lambda: working.waiting == 2)
        eventually(lambda: working.waiting == 1)
    eventually(lambda: not working.waiting and not sending.waiting)
    assert working.begun == 2


def test_a_client_that_reads_nothing_is_cut_off() -> None:
    """Its large answer doesn't stay in memory."""
    options = {"settings": settings_of(logs_in=False), "limits": WebLimits(pause=0.1)}
    with running_demo_app(step_seconds=0, **options) as (_, app):
        who = with_large_data(app, person(app, None), WORDS)
        sending = installed(app, TurnMiddleware).sending = CountedTurns()
        with without_reading(app, who) as browser:
            eventually(lambda: sending.begun and not sending.waiting)
            with contextlib.suppress(ConnectionError):
                size = len(b"".join(iter(lambda: browser.recv(1 << 20), b"")))
                assert size < len(WORDS)


def lists_of_bodies(document: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield the method and path of each operation that takes a list, and the list's name."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {})
            schema = content.get("application/json", {}).get("schema", {})
            for reference in (one for one in (schema, *schema.get("anyOf", ())) if "$ref" in one):
                name = reference["$ref"].rpartition("/")[2]
                properties = document["components"]["schemas"][name].get("properties", {})
                for key, kind in properties.items():
                    if "array" in {one.get("type") for one in (kind, *kind.get("anyOf", ()))}:
                        yield method, path, key


def test_a_list_of_wrong_values_is_one_reason(place: Place) -> None:
    """Thousands of wrong values in a list would hold the event loop, and the answer would be many
    times as large, if each were a reason."""
    app, who = place.app, place.ann
    document = requests.get(f"{app.url}/api/v1/openapi.json", headers={"cookie": who.cookie}).json()
    found = list(lists_of_bodies(document))
    assert len(found) >= 3
    for method, path, key in found:
        answer = requests.request(
            method,
            f"{app.url}{quote(who.owned.at('/api/v1' + path.removeprefix('/api/v1')))}",
            json={key: [[]] * 5_000},
            headers={"cookie": who.cookie},
            timeout=LONGEST_WAIT,
        )
        assert len(answer.content) < 2_000, (path, key)


def test_attack_a_route_comes_in_under_a_prefix() -> None:
    """The route walk finds a route's full path, through any number of nested routers and apps."""

    def answer() -> None: ...

    inner, outer, within, app = (
        APIRouter(),
        APIRouter(prefix="/own"),
        FastAPI(openapi_url=None),
        FastAPI(),
    )
    inner.add_api_route("/route", answer)
    inner.add_api_websocket_route("/socket", answer)
    outer.include_router(inner, prefix="/later")
    within.include_router(outer, prefix="/first")
    app.mount("/app", within)
    found = {route.path for route in registered(app.routes)}
    assert {"/app/first/own/later/route", "/app/first/own/later/socket", "/openapi.json"} <= found


def origins(url: str) -> dict[str, str | None]:
    """Return the origins that a page may claim when it opens a socket."""
    host = url.partition("://")[2]
    name, _, port = host.partition(":")
    return {
        "none": None,
        "same": url,
        "foreign": "https://evil.example",
        "null": "null",
        "other port": f"http://{name}:{int(port) - 1}",
        "other scheme": f"https://{host}",
        "name goes on": f"http://{host}.evil.example",
        "same as a user": f"http://{host}@evil.example",
        "with a user": f"http://evil.example@{host}",
        "garbage": "http://[::1",
    }


def test_every_socket_follows_its_access_rule(place: Place) -> None:
    """A socket serves its owner. Another user gets the same answer as for a run that never existed.
    Visitors who aren't signed in and other sites' pages learn nothing."""
    sockets = [rule for rule in place.app.asgi.state.rules if not (rule.methods or rule.is_plain)]
    assert sockets
    for rule in sockets:
        if rule.path != WAITING:
            check_socket(place, rule)


def check_socket(place: Place, rule: DeclaredRoute) -> None:
    path, of_page = rule.path, rule.path.startswith(("/live/", "/news", "/notice"))
    unknown = 4404 if rule.access is Access.OWNER else "news"
    # Only a page needs to be told that its login has ended.
    refused = unknown if not place.asks_for_login else 4401 if of_page else 401
    asking = {
        "own": (place.ann, "view" if rule.access is Access.OWNER else "news"),
        "foreign": (place.bob, unknown),
        "never": (replace(place.ann, owned=never(place.ann.owned)), unknown),
        "nobody": (place.nobody, refused),
    }
    got = {
        (who, origin): heard(place.app, one.owned.at(path), one, address)
        for who, (one, _) in asking.items()
        for origin, address in origins(place.app.url).items()
    }
    for name, one in place.others.items():
        if not one.token:
            assert heard(place.app, one.owned.at(path), one, None) == unknown, (name, path)
    expected = {
        (who, origin): first if origin in ("none", "same") or first == 401 else 403
        for who, (_, first) in asking.items()
        for origin in origins(place.app.url)
    }
    assert got == expected, path


def test_a_waiting_socket_is_for_pages_of_users_only(place: Place) -> None:
    """The app refuses the socket to visitors who aren't signed in and to other sites' pages."""
    foreign = origins(place.app.url)["foreign"]
    assert heard(place.app, "/live/next/a", place.ann, foreign) == 403
    if place.asks_for_login:
        assert heard(place.app, "/live/next/a", place.nobody, None) == 401


def heard(app: RunningApp, path: str, who: Person, origin: str | None) -> object:
    """Return the first thing that arrives over a socket: "view" or "news", the close code, or the
    handshake's status."""
    address = app.url.replace("http", "ws", 1) + path
    options = {"origin": origin} if origin is not None else {"suppress_origin": True}
    try:
        socket = websocket.create_connection(
            address, timeout=LONGEST_WAIT, cookie=who.cookie, **options
        )
    except websocket.WebSocketBadStatusException as refusal:
        return refusal.status_code
    try:
        kind, data = socket.recv_data()
    finally:
        socket.close()
        socket.shutdown()
    if kind == websocket.ABNF.OPCODE_CLOSE:
        return int.from_bytes(data[:2], "big")
    return "view" if "phase" in (json.loads(data) or {}) else "news"


@pytest.mark.parametrize(
    "path", ["/", "/anything", "/gradio_api/queue/join", "/live", "/files/x/0/a.png"]
)
def test_other_sockets_are_refused(place: Place, path: str) -> None:
    """The app refuses a handshake at any other path. A visitor who isn't signed in gets 401, which
    doesn't reveal if the path exists."""
    assert heard(place.app, path, place.ann, None) in {403, 404}
    refused = {401} if place.asks_for_login else {403, 404}
    assert heard(place.app, path, place.nobody, None) in refused
