"""The route walk: every registered route with every method, requested by its owner, by another user
and without a sign-in. The expected answers follow from each route's access rule. `pytest -s` shows
the number of requests."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import asdict, replace
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import pytest
import requests

from comfy.library.permissions import Permissions
from tests.attacks.campaign import OF_GRADIO
from tests.attacks.parts import attacked_parts
from tests.attacks.people import (
    ANN,
    BOB,
    LAST_STEP,
    PROMPT,
    Owned,
    Person,
    anew,
    browser,
    never,
    person,
    with_groups,
)
from tests.attacks.route_answers import (
    ELSEWHERE,
    GRADIO,
    GUESSED,
    LOGOUT,
    METHODS,
    NOTHING,
    SAFE,
    Answers,
    answers,
    bare,
)
from tests.attacks.routes import SOCKET, Registered, registered
from tests.security.test_routes import Place, settings_of
from tests.support.samples.media import saved
from tests.support.serving import RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT
from ui.accounts.login import PROGRAMS, SignedIn

# A browser without a cookie gets these pages without their contents, which a script asks for.
QUERIES = {path: query for part in attacked_parts() for path, query in part.queries.items()}
SENT = {path: sent for part in attacked_parts() for path, sent in part.sent.items()}
FIRST_PAGES = {request for part in attacked_parts() for request in part.first}


@pytest.fixture(scope="module", params=["with a login", "without a login"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    logs_in = request.param == "with a login"
    settings = settings_of(logs_in=logs_in)
    permissions = Permissions(templates=lambda _: True)
    with running_demo_app(step_seconds=0, settings=settings, permissions=permissions) as (_, app):
        ann = with_groups(app, person(app, ANN if logs_in else None))
        bob = browser(app, BOB if logs_in else None)
        yield Place(app, ann, Person(bob, ann.owned), Person("", ann.owned), logs_in)
        assert not [one for one in app.asgi.state.failures if not OF_GRADIO.search(one)]


def test_every_route_follows_its_access_rule(place: Place, nightly: bool) -> None:
    """Each path answers each method as the table says, for an anonymous caller, a stranger and the
    owner. A stranger gets word for word the same answer for another user's resource as for a
    resource that never existed."""
    routes = list(here(place.app))
    rules = {route.path: bare(route.path) for route in routes}
    declared = place.app.asgi.state.rules
    wrong, asked = [], 0

    def count(*_: object, **__: object) -> None:
        nonlocal asked
        asked += 1

    with requests.Session() as calls:
        calls.hooks["response"].append(count)
        calls.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))  # each brings their own
        for path, method in asked_for(routes, nightly):
            if (rule := rules[path]) not in LOGOUT and (path, method) != GUESSED:
                expected = answers(declared, rule, method) or GRADIO.get(rule, {}).get(
                    method, NOTHING
                )
                if not place.asks_for_login:
                    first = 200 if f"{method} {rule}" in FIRST_PAGES else expected.foreign
                    expected = expected._replace(nobody=first)
                ends = method not in SAFE or place.ann.owned.call in at(path, rule, place.ann.owned)
                lasting = expected.own == expected.foreign or not ends
                told = walked(calls, place, path, rule, method, lasting)
                got = Answers(*(told[who][0] for who in ("own", "foreign", "nobody")))
                if got != expected:
                    wrong.append(f"{method} {path}: {got}, expected {expected}")
                if told["foreign"] != told["never"]:
                    wrong.append(
                        f"{method} {path}: a stranger is told apart what is not theirs and what never"
                        f" was: {told}"
                    )
    print(f"\n{len(rules)} paths, 3 people: {asked} requests")
    assert not wrong, "\n".join(wrong)


def test_a_token_for_programs_opens_their_routes_only(place: Place, nightly: bool) -> None:
    """Any other path answers it with 404, also one that everyone may see, except `/`, which has no
    page for it."""
    login = place.app.asgi.state.identity.login
    if login is None:
        pytest.skip("tokens need a sign-in")
    ann = SignedIn(ANN[0], "password", proof=login.user(ANN[0]).proof)
    headers = {"Authorization": f"Bearer {login.new_token(ann, 'krita', PROGRAMS)}"}
    first: dict[tuple[str, str], str] = {}  # of several routes, the first one answers
    for rule in place.app.asgi.state.rules:
        for method in (*rule.methods, *(["HEAD"] if "GET" in rule.methods else [])):
            first.setdefault((rule.path, method), rule.scope)
    opened = {one for one, scope in first.items() if scope == PROGRAMS}
    routes = list(here(place.app))
    wrong = []
    with requests.Session() as calls:
        for path, method in asked_for(routes, nightly):
            with calls.request(
                method,
                place.app.url + place.ann.owned.at(path),
                headers=headers,
                timeout=LONGEST_WAIT,
                allow_redirects=False,
                json={} if method == "POST" else None,
            ) as answer:
                is_open = answer.status_code != 404 or "doesn't open" not in answer.text
            if path == "/" and is_open:  # a plugin may tell programs that a server is here
                wrong += [f"{method} /"] * ("<" in answer.text or "set-cookie" in answer.headers)
            elif method != "HEAD":  # which has no text
                wrong += [f"{method} {path}"] * (is_open != ((path, method) in opened))
            elif (path, method) not in opened:
                wrong += [f"{method} {path}"] * (answer.status_code != 404)
    assert not wrong
    assert len(opened) > 30


def here(app: RunningApp) -> Iterator[Registered]:
    """Yield the routes of this host, without sockets."""
    for one in registered(app.asgi.routes):
        if one.method != SOCKET and not one.path.startswith(ELSEWHERE):
            yield one


def asked_for(routes: list[Registered], nightly: bool) -> Iterator[tuple[str, str]]:
    """Yield each path with every method if `nightly`; otherwise with its own methods and one other
    method, which rotates from path to path."""
    for number, path in enumerate(sorted({route.path for route in routes})):
        taken = {route.method for route in routes if route.path == path}
        others = [method for method in METHODS if method not in taken]
        other = others[number % len(others)]
        yield from ((path, method) for method in METHODS if nightly or method in (*taken, other))


def walked(
    calls: requests.Session, place: Place, path: str, rule: str, method: str, lasting: bool
) -> dict[str, tuple[int, str]]:
    """Return the answer for each role. The owner asks last, and about a new resource unless
    `lasting`, because the request may end it. The same stranger doesn't repeat a request that names
    no resource of the owner."""
    ann = place.ann if lasting else anew(place.app, place.ann, path)
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
    told = {who: answered(calls, place.app, path, rule, method, one) for who, one in asking.items()}
    return {"never": told["foreign"]} | told


def at(path: str, rule: str, owned: Owned) -> str:
    preset = f"?workflow={owned.workflow}&name=none"
    queries = {
        "/api/v1/runs/{run_id}/move": "?by=1",
        "/api/v1/presets": preset,
        "/api/v1/presets/values": preset,
        "/files/chosen.zip": f"?run={owned.run}",
        "/api/v1/link": f"?file={owned.run}/0",
    }
    return owned.at(path + QUERIES.get(rule, "")) + queries.get(rule, "")


def answered(
    calls: requests.Session, app: RunningApp, path: str, rule: str, method: str, who: Person
) -> tuple[int, str]:
    """Return the status and the error text, with the owner's names removed."""
    address = app.url + at(path, rule, who.owned)
    headers, sent = who.headers, body(rule, who.owned) if method in ("POST", "PUT", "PATCH") else {}
    with calls.request(
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
    owned = asdict(who.owned)
    for name in (*owned.pop("of_parts").values(), *owned.values()):
        said = said.replace(name, "…")
    return answer.status_code, said


def body(rule: str, owned: Owned) -> dict[str, Any]:
    """Return the body of a request to this route, as keyword arguments for `requests`."""
    match rule:
        case "/gradio_api/upload" | "/api/v1/uploads":
            return {"files": {"files": ("a.png", saved("PNG"))}}
        case "/api/v1/workflows":
            return {"json": PROMPT}
        case _ if rule.endswith(("/editor", "/editor/draft")):
            return {"json": {"settings": {}}}
        case _ if rule.endswith("/editor/cover"):
            return {"json": {"run": owned.run}}
        case _ if rule.startswith("/api/v1/workflows/"):
            return {"json": {}}
        case _ if rule in SENT:
            return {"json": SENT[rule]}
        case "/api/v1/chains/{chain_id}/continue":
            return {"json": {"again": [LAST_STEP]}}
        case "/api/v1/runs":
            return {"json": {"runs": [owned.run], "favourite": True}}
        case "/api/v1/presets":
            return {"json": {"name": "mine", "values": {}}}
        case "/login":
            return {"data": b"no form"}
        case "/gradio_api/call/v2/{api_name}":
            return {"json": {}}
        case "/gradio_api/cancel" | "/gradio_api/reset":
            return {"json": {"session_hash": owned.call, "fn_index": 0, "event_id": owned.call}}
        case _:
            return {"json": {"data": [], "fn_index": 0, "session_hash": secrets.token_hex(8)}}
