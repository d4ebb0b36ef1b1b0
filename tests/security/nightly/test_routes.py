"""The route walk: every registered route with every method, requested by its owner, by another user
and without a sign-in. The expected answers follow from each route's access rule. `pytest -s` shows
the number of requests."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import asdict, replace
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import pytest
import requests
from starlette.routing import compile_path

from tests.attacks.campaign import OF_GRADIO
from tests.attacks.parts import attacked_parts
from tests.attacks.people import (
    ANN,
    BOB,
    LAST_STEP,
    NAMING,
    PROMPT,
    SECRET,
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
    OF_ADMINISTRATORS,
    SAFE,
    Answers,
    answers,
    bare,
)
from tests.attacks.routes import SOCKET, Registered, registered
from tests.security.test_routes import Place, others_of, permissions_of, settings_of
from tests.support.samples.media import saved
from tests.support.serving import RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT
from ui.accounts.login import PROGRAMS
from ui.web.access import Access, DeclaredRoute

LAST_SEEN = re.compile(r'<td data-name="Last seen".*?</td>')

# A browser without a cookie gets these pages without their contents, which a script asks for.
QUERIES = {path: query for part in attacked_parts() for path, query in part.queries.items()}
SENT = {path: sent for part in attacked_parts() for path, sent in part.sent.items()}
FIRST_PAGES = {request for part in attacked_parts() for request in part.first}


@pytest.fixture(scope="module", params=["with a login", "without a login"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    logs_in = request.param == "with a login"
    settings = settings_of(logs_in=logs_in)
    permissions = permissions_of(templates=lambda _: True)
    with running_demo_app(step_seconds=0, settings=settings, permissions=permissions) as (_, app):
        ann = with_groups(app, person(app, ANN if logs_in else None))
        bob = browser(app, BOB if logs_in else None)
        others = others_of(app, ann.owned) if logs_in else {}
        yield Place(app, ann, Person(bob, ann.owned), Person("", ann.owned), logs_in, others)
        assert not [one for one in app.asgi.state.failures if not OF_GRADIO.search(one)]


@pytest.mark.parametrize("caller", ["guest", "member", "admin", "program"])
def test_other_callers_learn_nothing_of_a_user(place: Place, caller: str) -> None:
    """A guest, a member of a group that may only run given workflows, an administrator, and a
    program with another user's token get another user's answers, which are the same for data that
    never existed and contain nothing of its owner. All of the owner's data stays. This comes before
    the walk, which shares some of it."""
    if caller not in place.others:
        pytest.skip("they need a sign-in")
    who, app, wrong = place.others[caller], place.app, []
    nothing = replace(who, owned=never(who.owned))
    first: dict[tuple[str, str], DeclaredRoute] = {}  # of several routes, the first one answers
    for route in app.asgi.state.rules:
        if bare(route.path) not in {*LOGOUT, "/"} and not route.path.startswith(ELSEWHERE):
            for method in route.methods:
                first.setdefault((method, route.path), route)
    rules = [(route, method) for (method, _), route in first.items()]
    with requests.Session() as calls:
        calls.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))

        def told(one: Person, route: DeclaredRoute, method: str) -> tuple[int, str]:
            return answered(calls, app, route.path, bare(route.path), method, one, whole=True)

        def kept() -> list[int]:
            return [
                told(place.ann, route, method)[0]
                for route, method in rules
                if method in SAFE and route.access in (Access.OWNER, Access.OWN_FILE)
            ]

        before = kept()
        for route, method in rules:
            status, said = told(who, route, method)
            if not follows(caller, app.asgi.state.rules, route, method, (status, said)):
                wrong.append(f"{method} {route.path}: {status} {said[:200]}")
            private = (SECRET,) if is_of_administrators(route) else (SECRET, who.owned.run)
            if status < 300 and any(one in said for one in private):
                wrong.append(f"{method} {route.path}: shows {said[:200]}")
            if status >= 300 and told(nothing, route, method) != (status, said):
                wrong.append(f"{method} {route.path}: tells apart what is another's")
        assert kept() == before
    assert not wrong, "\n".join(wrong)


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
                lasting = not ends or (expected.own == expected.foreign and rule not in NAMING)
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


def is_of_administrators(route: DeclaredRoute) -> bool:
    return route.access is Access.ADMINISTRATOR or route.path in OF_ADMINISTRATORS


def follows(
    caller: str,
    rules: list[DeclaredRoute],
    route: DeclaredRoute,
    method: str,
    told: tuple[int, str],
) -> bool:
    """Return whether this caller of a route got the answer of another user, or the caller's own."""
    status, said = told
    request = f"{method} {bare(route.path)}"
    expected = answers(rules, bare(route.path), method)
    assert expected is not None
    match caller:
        case "guest" if request == "POST /account/tokens/{token_id}/revoke":
            return status == 403
        case "member" if "Opening your own workflows is turned off." in said:
            return status in (400, 403, 422)
        case "admin" if is_of_administrators(route):
            return status not in (401, 403) and status < 500
        case "program" if route.scope != PROGRAMS:
            return status == 404
    return status == expected.foreign


def test_a_token_for_programs_opens_their_routes_only(place: Place, nightly: bool) -> None:
    """Any other path answers it with 404, also one that everyone may see, except `/`, which has no
    page for it."""
    if not place.others:
        pytest.skip("tokens need a sign-in")
    program, rules = place.others["program"], place.app.asgi.state.rules
    routes = list(here(place.app))
    wrong, opened = [], set()
    with requests.Session() as calls:
        for path, method in asked_for(routes, nightly):
            own = program.owned.at(path)
            # of several routes, the first one answers
            scopes = (
                rule.scope
                for rule in rules
                if (method in rule.methods or (method == "HEAD" and "GET" in rule.methods))
                and compile_path(rule.path)[0].match(own)
            )
            opens = next(scopes, "") == PROGRAMS
            opened |= {(path, method)} if opens else set()
            with calls.request(
                method,
                place.app.url + own,
                headers=program.headers,
                timeout=LONGEST_WAIT,
                allow_redirects=False,
                json={} if method == "POST" else None,
            ) as answer:
                is_open = answer.status_code != 404 or "doesn't open" not in answer.text
            if path == "/" and is_open:  # a plugin may tell programs that a server is here
                wrong += [f"{method} /"] * ("<" in answer.text or "set-cookie" in answer.headers)
            elif method != "HEAD":  # which has no text
                wrong += [f"{method} {path}"] * (is_open != opens)
            elif not opens:
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
        "/page/code.png": "?link=http://127.0.0.1/",
    }
    return owned.at(path + QUERIES.get(rule, "")) + queries.get(rule, "")


def answered(
    calls: requests.Session,
    app: RunningApp,
    path: str,
    rule: str,
    method: str,
    who: Person,
    *,
    whole: bool = False,
) -> tuple[int, str]:
    """Return the status and the error text, with the owner's names removed. `whole`: return the
    text of a success, too, as it is."""
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
        # what was found may be told without end
        is_endless = "event-stream" in answer.headers.get("content-type", "")
        said = answer.text if answer.status_code >= 300 or (whole and not is_endless) else ""
    if answer.status_code < 300:
        return answer.status_code, said
    owned = asdict(who.owned)
    for name in (*owned.pop("of_parts").values(), *owned.values()):
        said = said.replace(name, "…")
    return answer.status_code, LAST_SEEN.sub("", said)


def body(rule: str, owned: Owned) -> dict[str, Any]:
    """Return the body of a request to this route, as keyword arguments for `requests`."""
    match rule:
        case "/gradio_api/upload" | "/api/v1/uploads":
            return {"files": {"files": ("a.png", saved("PNG"))}}
        case _ if rule in NAMING:
            return {"json": NAMING[rule](owned.run)}
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
