"""The route walk: every registered route, with every method, asked by its owner, by somebody else
and by nobody."""

from __future__ import annotations

import itertools
import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
import requests
import websocket
from fastapi import APIRouter, FastAPI

from tests.attacks.people import (
    ANN,
    BOB,
    LOGIN,
    PROMPT,
    Owned,
    Person,
    anew,
    browser,
    never,
    person,
)
from tests.attacks.routes import SOCKET, Registered, registered
from tests.support.samples.media import saved
from tests.support.serving import RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT

SAFE = ("GET", "HEAD", "OPTIONS")
METHODS = (*SAFE, "POST", "PUT", "PATCH", "DELETE", "TRACE")
WHERE = (
    "Say in RULES of tests/security/test_routes.py what it answers to whom, or add it to SHUT if"
    " nobody needs it."
)


class Answers(NamedTuple):
    """Statuses for whoever owns what the path names, for anybody else, and without the login that
    is asked for. Where no login is asked for, a request without a cookie is anybody else's."""

    own: int
    foreign: int
    nobody: int


def people(status: int) -> Answers:
    """The same for everybody who may use the app."""
    return Answers(status, status, 401)


def everybody(status: int) -> Answers:
    """The same for everybody, before the login too."""
    return Answers(status, status, status)


OWNER = Answers(200, 404, 401)
NOTHING = everybody(404)
TOLD = {"GET": Answers(200, 404, 404), "HEAD": Answers(405, 404, 404), "POST": people(405)}
READ = {"GET": everybody(200), "HEAD": everybody(405)}
GIVEN = {"GET": everybody(200)}
READ_BY_PEOPLE = {"GET": people(200), "HEAD": everybody(405)}
UNNAMED = {
    "GET": everybody(404),
    "HEAD": everybody(405),
}  # files of the page, none of which is called so

NO_RUN = {"GET": people(404), "DELETE": people(404)}  # of that name
OF_NO_BATCH = {"GET": people(404), "POST": people(404)}
OF_CHOSEN = ["favourites", "delete", "restore"]
OF_BATCHES = ["rows", "grid", "results.csv", "results.zip", "sheet.png", "sheet.html", "sheet.zip"]

# What is answered on each path. Any other method gets 404, or 401 where it is none to read with.
# Gradio has most of its paths with a slash at the end too.
RULES: Mapping[str, Mapping[str, Answers]] = MappingProxyType(
    {
        "/files/{run_id}/all.zip": {"GET": OWNER},
        "/files/{run_id}/given/{index}": {"GET": people(404)},  # this run was given none
        "/files/{run_id}/given/{index}/unpainted": {"GET": people(404)},
        "/files/{run_id}/{index}/thumb": {"GET": OWNER},
        "/files/{run_id}/{index}/{name}": {"GET": OWNER},
        "/script/{version}/{name:path}": {},
        **dict.fromkeys(("/social-card.png", "/manifest.json", "/service_worker.js"), GIVEN),
        "/history": {"GET": people(200)},
        **dict.fromkeys(map("/history/{}".format, OF_CHOSEN), {"POST": people(422)} | NO_RUN),
        "/files/chosen.zip": {"GET": people(422)},
        "/history/{run_id}": {"GET": OWNER, "DELETE": OWNER},
        "/history/{run_id}/values": {"GET": OWNER},
        # No workflow is called so.
        "/history/{run_id}/files/{index}/for/{name:path}": {"GET": Answers(409, 404, 401)},
        "/history/{run_id}/files/{index}/link": {
            "POST": OWNER,
            "DELETE": people(404),
        },  # not shared
        "/shared/{token}": {"GET": Answers(404, 404, 200)},  # no such link; the sign-in page
        "/shared/{token}/{name}": {"GET": people(404)},
        "/takers": {"GET": people(200)},
        "/presets": dict.fromkeys(("GET", "POST", "DELETE"), OWNER),  # of Ann's workflow
        "/presets/values": {"GET": Answers(422, 404, 401)},  # no preset is called so
        "/batches": {"GET": people(200)},
        # Of these none is called so.
        "/batches/check": NO_RUN | {"POST": OWNER},
        "/batches/grid": NO_RUN | {"POST": people(422)},
        "/batches/{batch_id}": NO_RUN,
        **dict.fromkeys(map("/batches/{{batch_id}}/{}".format, OF_BATCHES), OF_NO_BATCH),
        "/batches/{batch_id}/{change}": {"POST": people(404)},
        "/runs/{run_id}/again": {"POST": OWNER},
        "/runs/{run_id}/move": {"POST": OWNER},
        "/runs/{run_id}/stop": {"POST": OWNER},
        "/workflows": {"GET": people(200), "POST": people(200)},
        "/workflows/{name:path}/cover": {"GET": people(404)},  # this workflow has none
        "/workflows/{name}/keep": {"POST": people(422)},
        "/gradio_api/upload": {"POST": people(200)},
        "/gradio_api/upload_progress": {"GET": everybody(200)},
        "/": {"GET": everybody(200), "HEAD": everybody(200)},
        "/config": READ_BY_PEOPLE,
        **dict.fromkeys(("/favicon.ico", "/robots.txt", "/theme.css"), READ),
        "/icons/{name}": {},  # none is called so
        "/languages/{version}/{name}": {},
        "/language": dict.fromkeys(METHODS, NOTHING) | {"POST": everybody(422)},
        "/static/{path:path}": UNNAMED,
        "/assets/{name}": UNNAMED,
        "/assets/{path:path}": UNNAMED,  # Gradio's, behind it
        "/svelte/{path:path}": UNNAMED,
        "/login": (
            dict.fromkeys(METHODS, NOTHING)
            | {"GET": everybody(405), "HEAD": everybody(405), "POST": everybody(422)}
        ),
        "/gradio_api/app_id": READ,
        "/gradio_api/user": READ,
        "/gradio_api/login_check": READ_BY_PEOPLE,
        "/gradio_api/info": READ_BY_PEOPLE,
        "/gradio_api/openapi.json": READ_BY_PEOPLE,
        "/gradio_api/file={place:path}": {"GET": OWNER, "HEAD": OWNER},
        "/gradio_api/file={path_or_url:path}": {"GET": OWNER, "HEAD": OWNER},  # Gradio's, behind it
        "/gradio_api/queue/join": {"POST": people(200)},
        "/gradio_api/queue/data": {},
        "/gradio_api/cancel": {"POST": OWNER},
        "/gradio_api/reset": {"POST": OWNER},
        "/gradio_api/run/{api_name}": {"POST": people(422)},
        "/gradio_api/call/{api_name}": {"POST": people(200)},
        "/gradio_api/call/{api_name}/{event_id}": TOLD,
        "/gradio_api/call/v2/{api_name}": {"POST": people(200)},
        "/gradio_api/call/v2/{api_name}/{event_id}": TOLD,
    }
)
# What Gradio brings and nobody needs: as unknown as what never was.
UNUSED = """
/openapi.json /pwa_icon /pwa_icon/{size} /monitoring /monitoring/summary /monitoring/{key}
/gradio_api/deep_link /gradio_api/token /gradio_api/dev/reload /gradio_api/runs /gradio_api/api/{api_name}
/gradio_api/custom_component/{id}/{environment}/{type}/{file_name} /gradio_api/proxy={url_path:path}
/gradio_api/stream/{event_id} /gradio_api/stream/{event_id}/close /gradio_api/file/{path:path}
/gradio_api/stream/{session_hash}/{run}/{component_id}/playlist.m3u8 /gradio_api/heartbeat/{session_hash}
/gradio_api/stream/{session_hash}/{run}/{component_id}/{segment_id}.{ext} /gradio_api/component_server
/gradio_api/stream/{session_hash}/{run}/{component_id}/playlist-file /gradio_api/queue/status
/gradio_api/startup-events /gradio_api/theme.css /gradio_api/process_recording /gradio_api/vibe-edit
/gradio_api/undo-vibe-edit /gradio_api/vibe-code /gradio_api/vibe-starter-queries
"""
SHUT = frozenset(UNUSED.split())
LOGOUT = "/logout"  # ends what the others need: it has a test of its own
GUESSED = ("/login/", "POST")  # the same as without the slash; whoever tries more often has to wait
SOCKETS = frozenset({"/live/{run_id}", "/news"})


class Place(NamedTuple):
    """An app with two people who use it and one who does not."""

    app: RunningApp
    ann: Person
    bob: Person
    nobody: Person
    asks_for_login: bool


@pytest.fixture(scope="module", params=["with a login", "without a login"])
def place(request: pytest.FixtureRequest, own_temporary_folder: Path) -> Iterator[Place]:
    logs_in = request.param == "with a login"
    with running_demo_app(step_seconds=0, **({"settings": LOGIN} if logs_in else {})) as (_, app):
        ann = person(app, ANN if logs_in else None)
        bob = browser(app, BOB if logs_in else None)
        yield Place(app, ann, Person(bob, ann.owned), Person("", ann.owned), logs_in)


def test_every_route_has_a_rule(place: Place) -> None:
    """A route that nobody has thought about cannot come in unseen, nor can a rule outlive its
    route."""
    routes = set(registered(place.app.asgi.routes))
    paths = {bare(route) for route in routes if route.method != SOCKET}
    sockets = {route.path for route in routes if route.method == SOCKET}
    known = RULES.keys() | SHUT | {LOGOUT}
    assert not paths - known, f"New routes: {sorted(paths - known)}. {WHERE}"
    assert not known - paths, (
        f"These are no longer there: {sorted(known - paths)}. Take them out of RULES and SHUT."
    )
    assert sockets == SOCKETS, (
        "Say in SOCKETS, and in a test below it, what a WebSocket tells to whom."
    )
    assert not RULES.keys() & SHUT


def bare(route: Registered) -> str:
    return route.path.rstrip("/") or "/"


def test_attack_a_route_comes_in_under_a_prefix() -> None:
    """The walk asks for a route by its whole path, however many routers and apps it stands in."""

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


def test_every_route_answers_each_as_it_should(place: Place) -> None:
    """Each path with each method: to nobody, to a stranger and to the owner what the table says;
    and what a stranger is told of somebody else's thing is, word for word, what is told of one that
    never was."""
    routes = {
        route.path: bare(route)
        for route in registered(place.app.asgi.routes)
        if route.method != SOCKET
    }
    wrong = []
    for path, method in itertools.product(sorted(routes), METHODS):
        if (rule := routes[path]) != LOGOUT and (path, method) != GUESSED:
            expected = RULES.get(rule, {}).get(method, NOTHING if method in SAFE else people(404))
            if not place.asks_for_login:
                expected = expected._replace(nobody=expected.foreign)
            told = walked(place, path, rule, method, lasting=expected.own == expected.foreign)
            got = Answers(*(told[who][0] for who in ("own", "foreign", "nobody")))
            if got != expected:
                wrong.append(f"{method} {path}: {got}, expected {expected}")
            if told["foreign"] != told["never"]:
                wrong.append(
                    f"{method} {path}: a stranger is told apart what is not theirs and what never"
                    f" was: {told}"
                )
    assert not wrong, "\n".join(wrong)


def walked(
    place: Place, path: str, rule: str, method: str, lasting: bool
) -> dict[str, tuple[int, str]]:
    """What each is answered. The owner asks last, for something new unless it is `lasting`: it may
    end by that. What names nothing of anybody's is not asked twice by the same stranger."""
    ann = place.ann if lasting else anew(place.app, place.ann)
    stranger = replace(place.bob, owned=ann.owned)
    asking = {
        "nobody": replace(place.nobody, owned=ann.owned),
        "never": replace(stranger, owned=never(ann.owned)),
        "foreign": stranger,
        "own": ann,
    }
    addresses = {at(path, rule, asking[who].owned) for who in ("never", "foreign")}
    if len(addresses) == 1 and method != "POST":  # which may name something in its body
        del asking["never"]
    told = {who: answered(place.app, path, rule, method, one) for who, one in asking.items()}
    return {"never": told["foreign"]} | told


def at(path: str, rule: str, owned: Owned) -> str:
    """What is asked for there."""
    preset = f"?workflow={owned.workflow}&name=none"
    queries = {"/runs/{run_id}/move": "?by=1", "/presets": preset, "/presets/values": preset}
    return owned.at(path) + queries.get(rule, "")


def answered(app: RunningApp, path: str, rule: str, method: str, who: Person) -> tuple[int, str]:
    """The status, and what is said beside it with the names of things left out."""
    address = app.url + at(path, rule, who.owned)
    headers, sent = who.headers, body(rule, who.owned) if method == "POST" else {}
    with requests.request(
        method,
        address,
        headers=headers,
        timeout=LONGEST_WAIT,
        allow_redirects=False,
        stream=True,
        **sent,
    ) as answer:
        said = (
            answer.text if answer.status_code >= 300 else ""
        )  # what was found may be told without end
    for name in asdict(who.owned).values():
        said = said.replace(name, "…")
    return answer.status_code, said


def body(rule: str, owned: Owned) -> dict[str, Any]:
    """What a POST there brings, as `requests` takes it."""
    match rule:
        case "/gradio_api/upload":
            return {"files": {"files": ("a.png", saved("PNG"))}}
        case "/workflows":
            return {"json": PROMPT}
        case "/batches/check":
            return {"json": {"workflow": owned.workflow, "spec": {}}}
        case "/presets":
            return {"json": {"name": "mine", "values": {}}}
        case "/login":
            return {"data": b"no form"}
        case "/gradio_api/call/v2/{api_name}":
            return {"json": {}}
        case "/gradio_api/cancel" | "/gradio_api/reset":
            return {"json": {"session_hash": owned.call, "fn_index": 0, "event_id": owned.call}}
        case _:
            return {"json": {"data": [], "fn_index": 0, "session_hash": secrets.token_hex(8)}}


def origins(url: str) -> dict[str, str | None]:
    """Where the page that opens a socket says it is from."""
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


@pytest.mark.parametrize("path", sorted(SOCKETS))
def test_every_socket_tells_each_what_it_should(place: Place, path: str) -> None:
    """The owner is told; a stranger hears of somebody else's run what is said of one that never
    was; nobody without the login hears anything; and pages of other sites are not even let in."""
    unknown = 4404 if path.startswith("/live") else "news"
    refused = 4401 if place.asks_for_login else unknown
    people = {
        "own": (place.ann, "view" if path.startswith("/live") else "news"),
        "foreign": (place.bob, unknown),
        "never": (replace(place.ann, owned=never(place.ann.owned)), unknown),
        "nobody": (place.nobody, refused),
    }
    got = {
        (who, origin): heard(place.app, one.owned.at(path), one, address)
        for who, (one, _) in people.items()
        for origin, address in origins(place.app.url).items()
    }
    expected = {
        (who, origin): first if origin in ("none", "same") else 403
        for who, (_, first) in people.items()
        for origin in origins(place.app.url)
    }
    assert got == expected


def heard(app: RunningApp, path: str, who: Person, origin: str | None) -> object:
    """What comes first over a socket: "view" or "news", the code it is closed with, or the
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
    return "view" if "phase" in json.loads(data) else "news"


@pytest.mark.parametrize(
    "path", ["/", "/anything", "/gradio_api/queue/join", "/live", "/files/x/0/a.png"]
)
def test_there_is_no_other_socket(place: Place, path: str) -> None:
    """A handshake anywhere else is refused, login or not."""
    assert {heard(place.app, path, who, None) for who in (place.ann, place.nobody)} <= {403, 404}
