"""Hypothesis strategies: malformed calls of the page and of scripts, and noise."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st
from websocket import ABNF

from tests.attacks.forms import BOMBS, FORM, FORMS, LOGINS, MULTIPART, TYPES
from tests.attacks.parts import attacked_parts
from tests.attacks.people import PROMPT, Owned, Person
from tests.attacks.routes import SOCKET, Registered
from tests.attacks.texts import HOSTILE, SPELT, VALUE, words
from tests.attacks.wire import Attack, frame_of, rendered
from tests.support.samples.hostile import JSON

METHODS = (
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "PROPFIND",
    "get",
    "X" * 300,
)
TRAVERSALS = (
    "/../../etc/passwd",
    "/..%2f..%2fetc%2fpasswd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/..\\..\\etc\\passwd",
    "//",
)
TAILS = (
    "",
    "",
    "",
    "/",
    "//",
    "%00",
    "%",
    "%ZZ",
    ".json",
    ";a=b",
    "/x" * 50,
    "x" * 3000,
    *TRAVERSALS,
)
QUERY = (
    "by",
    "file",
    "text",
    "workflow",
    "before",
    "keeps_going",
    "session_hash",
    "event_id",
    "__theme",
    "fn_index",
    "wait",
    "cursor",
    "limit",
)
ANSWERING = (
    *("/account", "/api/v1", "/batches", "/chains", "/files", "/health"),
    *("/metrics", "/operator", "/runs", "/workflows"),
    *(
        f"/gradio_api/{name}"
        for name in (
            "call",
            "run/",
            "queue/join",
            "queue/data",
            "upload",
            "file=",
            "cancel",
            "reset",
        )
    ),
)
FLAGS = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
KEY = "dGhlIHNhbXBsZSBub25jZQ=="


@dataclass(frozen=True, slots=True)
class Site:
    """An app at `port`, with its users, data, routes and listeners."""

    port: int
    routes: tuple[Registered, ...]
    people: tuple[Person, ...]
    things: tuple[Owned, ...]
    listeners: tuple[tuple[int, int], ...]  # id and number of inputs
    secret_of: Person

    @property
    def answering(self) -> list[Registered]:
        """Return the routes that do more than report a missing page."""
        beginnings = ANSWERING + tuple(one for part in attacked_parts() for one in part.answering)
        return [
            route
            for route in self.routes
            if route.path.startswith(beginnings) and route.method != SOCKET
        ]


@st.composite
def targets(draw: st.DrawFn, site: Site, path: str) -> bytes:
    """Draw a registered path with its parameters filled in, possibly malformed, and a query."""
    filled = draw(st.sampled_from(site.things)).at(path)
    match draw(st.integers(0, 11)):
        case 0:
            filled = filled.rpartition("/")[0] + "/" + draw(SPELT)
        case 1:
            filled += draw(st.sampled_from(TAILS))
        case 2:
            parts = filled.split("/")
            parts[draw(st.integers(0, len(parts) - 1))] = draw(VALUE)
            filled = "/".join(parts)
        case 3:
            filled = (
                draw(
                    st.sampled_from(
                        (
                            *("", "/.", "//", "http://evil.example", "*", "?", "#"),
                            *("/gradio_api", "/endpoints"),
                        )
                    )
                )
                + filled
            )
        case 4:
            filled = draw(
                st.sampled_from(
                    (filled.upper(), quote(filled, safe=""), filled.replace("/", "%2F"))
                )
            )
    query = "&".join(
        f"{name}={value}"
        for name, value in draw(st.lists(st.tuples(st.sampled_from(QUERY), VALUE), max_size=2))
    )
    return words(filled + ("?" + query if query else "")).replace(b" ", b"%20") or b"/"


@st.composite
def heads(draw: st.DrawFn, site: Site, who: Person) -> list[tuple[bytes, bytes]]:
    """Draw request headers: Cookie, Authorization, Host and others."""
    here = f"127.0.0.1:{site.port}"
    host = (
        here
        if draw(st.integers(0, 7))
        else draw(st.sampled_from(("", "evil.example", here + "/", "[::1", "a" * 2000)))
    )
    head = [(b"Host", words(host))]
    cookie = who.cookie if draw(st.integers(0, 9)) else f"{who.cookie}; {draw(HOSTILE)}"
    if cookie:
        head.append((b"Cookie", words(cookie)))
    if who.token:
        head.append((b"Authorization", words(f"Bearer {who.token}")))
    origin = f"http://{here}", "null", "http://evil.example", "http://[::1", "", "file://"
    known = {
        "Origin": st.sampled_from(origin),
        "Range": st.sampled_from(
            (
                "bytes=0-0",
                "bytes=0-0,2-3",
                "bytes=-1",
                "bytes=9-",
                "bytes=a",
                "x=1",
                "bytes=0-" * 90,
            )
        ),
        "X-Forwarded-For": st.sampled_from(("10.0.0.1", "unknown", "::1, 10.0.0.1", "a" * 3000)),
        "X-Forwarded-Proto": st.sampled_from(("https", "ftp", "wss", "")),
        "X-Forwarded-Host": st.sampled_from(("evil.example", here, "")),
        "Forwarded": st.just("for=10.0.0.1;host=evil.example;proto=https"),
        "Authorization": st.sampled_from(("Bearer x", "Basic !!!", "Basic " + "x" * 3000)),
        "Accept": st.sampled_from(("application/json, text/event-stream", "*/*", "x")),
        "Accept-Encoding": st.sampled_from(("gzip", "br", "identity;q=0", "*;q=x")),
        "If-None-Match": HOSTILE,
        "If-Range": HOSTILE,
        "Accept-Language": HOSTILE,
        "Expect": st.just("100-continue"),
        "Referer": HOSTILE,
        "X-Gradio-User": HOSTILE,
        "User-Agent": HOSTILE,
    }
    for name in draw(st.lists(st.sampled_from(sorted(known)), max_size=3, unique=True)):
        value = draw(known[name])
        head.append((name.encode(), words(value).strip()))
    return head


def calls(site: Site) -> st.SearchStrategy[Any]:
    """Build calls as the page and scripts make them, with arbitrary data."""
    ids = (
        st.sampled_from([listener for listener, _ in site.listeners])
        | st.integers(-2, 10**9)
        | JSON
    )
    sessions = st.sampled_from(["s1", "s2", *(one.call for one in site.things)]) | HOSTILE
    inputs = dict(site.listeners)
    page = st.builds(
        lambda index, session, data: {"fn_index": index, "session_hash": session, "data": data},
        ids,
        sessions,
        st.lists(JSON, max_size=3) | JSON,
    )
    right = st.sampled_from(site.listeners).flatmap(
        lambda one: st.builds(
            lambda session, data: {"fn_index": one[0], "session_hash": session, "data": data},
            sessions,
            st.lists(JSON, min_size=inputs[one[0]], max_size=inputs[one[0]]),
        )
    )
    choice = st.fixed_dictionaries(
        {"workflow": st.sampled_from(("text-to-image", "image-to-image")) | JSON, "kept": JSON}
    )
    fields = st.dictionaries(
        st.sampled_from(("2.text", "5.steps", "4.width", "5.seed", "9.x")) | HOSTILE,
        JSON,
        max_size=3,
    )
    script = st.builds(
        lambda name, values: {"data": [name, values]},
        st.sampled_from(("text-to-image", "upscale")) | JSON,
        fields,
    )
    rest = st.fixed_dictionaries(
        {},
        optional={
            "values": fields | JSON,
            "count": st.integers(-1, 20) | JSON,
            "axes": st.lists(JSON, max_size=2) | JSON,
            "table": JSON,
        },
    )
    ending = st.fixed_dictionaries(
        {
            "event_id": st.sampled_from([one.call for one in site.things]) | JSON,
            "session_hash": sessions,
            "fn_index": ids,
        }
    )
    runs = st.sampled_from([one.run for one in site.things]) | JSON
    of_parts = [part.bodies(runs, fields) for part in attacked_parts() if part.bodies]
    opening = st.builds(lambda one: {"data": [one]}, choice)
    return st.one_of(page, right, script, rest, ending, opening, JSON, *of_parts)


def bodies(site: Site) -> st.SearchStrategy[tuple[bytes, str]]:
    """Build request bodies with their Content-Type."""
    documents = st.builds(lambda bent: {**PROMPT, "1": bent}, JSON) | JSON
    right = (
        st.tuples(calls(site).map(spelled), st.just("application/json"))
        | st.tuples(documents.map(spelled), st.just("application/json"))
        | st.tuples(FORMS, st.just(MULTIPART))
        | st.tuples(LOGINS, st.just(FORM))
    )
    return right | right | st.tuples(FORMS | BOMBS | st.binary(max_size=50), st.sampled_from(TYPES))


def spelled(value: Any) -> bytes:
    return json.dumps(value).encode()


@st.composite
def requests(draw: st.DrawFn, site: Site) -> Attack:
    """Draw a complete request from any user, which the app must answer."""
    who = draw(st.sampled_from(site.people))
    route = draw(st.sampled_from(site.routes if draw(st.integers(0, 4)) == 0 else site.answering))
    method = (
        draw(st.sampled_from(METHODS))
        if route.method == SOCKET or draw(st.integers(0, 5)) == 0
        else route.method
    )
    target, head, body = draw(targets(site, route.path)), draw(heads(site, who)), b""
    if method in ("POST", "PUT", "PATCH") or draw(st.integers(0, 20)) == 0:
        body, kind = draw(bodies(site))
        head.append((b"Content-Type", kind.encode()))
        if draw(st.booleans()):
            head.append((b"Content-Length", b"%d" % len(body)))
        else:
            head.append((b"Transfer-Encoding", b"chunked"))
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
    head.append((b"Connection", b"close"))
    data = rendered(method, target, head, body)
    return Attack(site.port, f"{method[:9]} {route.path}", data, knows=who is site.secret_of)


@st.composite
def noise(draw: st.DrawFn, site: Site) -> Attack:
    """Draw a request with a false header, a request with changed, cut or doubled bytes, or bytes
    that were never a request."""
    whole = draw(requests(site))
    head, gap, body = whole.data.partition(b"\r\n\r\n")
    match draw(st.integers(0, 4)):
        case 0:
            lie = draw(
                st.sampled_from(
                    (
                        b"Content-Length: -1",
                        b"Content-Length: 99999999999",
                        b"Content-Length: 5\r\nContent-Length: 6",
                        b"Content-Length: \xd9\xa1",
                        b"Transfer-Encoding: chunked\r\nContent-Length: 3",
                        b"Transfer-Encoding: gzip, chunked",
                        b"X: " + b"y" * 70_000,
                        b" folded",
                        b"No colon",
                        b"Host: a\r\nHost: b",
                        b"Nul: \0",
                    )
                )
            )
            data = head + b"\r\n" + lie + gap + body
        case 1:
            at = draw(st.integers(0, len(whole.data)))
            data = whole.data[:at]
        case 2:
            at = draw(st.integers(0, len(head)))
            data = whole.data[:at] + draw(st.binary(min_size=1, max_size=8)) + whole.data[at + 1 :]
        case 3:
            data = whole.data.replace(b"Connection: close", b"Connection: keep-alive") * 3
        case _:
            data = draw(st.binary(max_size=200))
    return Attack(site.port, "noise", data, whole=False, knows=whole.knows)


WORDS = (
    st.sampled_from(("here", "stop", "painted", "painted 999999999 0", "", "{", "x" * 2000))
    | HOSTILE
)
FRAMES = st.one_of(
    WORDS.map(lambda text: frame_of(ABNF.OPCODE_TEXT, text.encode("utf-8", "surrogatepass"))),
    st.builds(
        frame_of, st.sampled_from((0, 1, 2, 8, 9, 10)), st.binary(max_size=130), last=st.booleans()
    ),
    st.binary(max_size=20),
)


@st.composite
def handshakes(draw: st.DrawFn, site: Site) -> Attack:
    """Draw a WebSocket handshake, valid or not, and the frames sent after it."""
    who = draw(st.sampled_from(site.people))
    path = draw(
        st.sampled_from(
            [route.path for route in site.routes if route.method == SOCKET] * 8 + ["/", "/config"]
        )
    )
    flags = dict(FLAGS, **{"Sec-WebSocket-Key": KEY})
    if draw(st.integers(0, 5)) == 0:
        flags[draw(st.sampled_from(sorted(flags)))] = draw(
            st.sampled_from(("", "0", "x", "websocket, h2c"))
        )
    head = [
        *draw(heads(site, who)),
        *((name.encode(), value.encode()) for name, value in flags.items()),
    ]
    data = rendered("GET", draw(targets(site, path)), head)
    frames = tuple(draw(st.lists(FRAMES, max_size=4)))
    return Attack(
        site.port,
        f"WEBSOCKET {path}",
        data,
        whole=False,
        frames=frames,
        knows=who is site.secret_of,
    )


def attacks(sites: tuple[Site, ...]) -> st.SearchStrategy[Attack]:
    """Mix all kinds of attacks, mostly complete requests."""
    kinds = [
        kind(site)
        for site in sites
        for kind in (requests, requests, requests, requests, noise, handshakes)
    ]
    return st.integers(0, len(kinds) - 1).flatmap(lambda at: kinds[at])
