"""Tokens for programs: where they count, what they open, and where they don't appear."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import pytest
import requests
import websocket
from anyio.from_thread import start_blocking_portal
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send

from comfyforms.plugins.program_tokens.carried import CarriedTokens
from comfyforms.plugins.program_tokens.tests.conftest import Team, address_of
from tests.attacks.people import ANN, BOB
from tests.security.signing_in import signed_in
from tests.support.serving import RunningApp
from tests.support.waiting import LONGEST_WAIT, eventually

FOREIGN = "https://evil.example"
CLIENT = "0123456789abcdef"


class Sent(NamedTuple):
    """Parts of a request that carry a token: before and after its path, and its headers."""

    before: str = ""
    after: str = ""
    headers: Mapping[str, str] = {}


def ways(token: str) -> dict[str, Sent]:
    """Return the ways in which a program can send a token."""
    return {
        "path": Sent(f"/as/{token}"),
        "path of an alias": Sent(f"/endpoints/as/{token}"),
        "path and slash": Sent(f"/as/{token}/"),
        "query": Sent(after=f"token={token}"),
        "key": Sent(headers={"X-API-Key": token}),
        "bearer": Sent(headers={"Authorization": f"Bearer {token}"}),
        "basic": Sent(headers={"Authorization": requests.auth._basic_auth_str("any", token)}),
    }


WAYS = tuple(ways(""))


def asked(
    app: RunningApp, sent: Sent, path: str, method: str = "GET", **headers: str
) -> requests.Response:
    joined = "&" if "?" in path else "?"
    return requests.request(
        method,
        app.url + sent.before + path + (joined + sent.after if sent.after else ""),
        headers={**sent.headers, **headers},
        timeout=LONGEST_WAIT,
        allow_redirects=False,
    )


def handshake(app: RunningApp, sent: Sent, path: str = "/ws", origin: str = "") -> int:
    """Open a socket and return 101, or the status of the refusal."""
    try:
        with socket_of(app, sent, path, origin) as socket:
            assert socket.recv()
            return 101
    except websocket.WebSocketBadStatusException as refusal:
        return int(refusal.status_code)


@contextlib.contextmanager
def socket_of(
    app: RunningApp, sent: Sent, path: str = "/ws", origin: str = ""
) -> Iterator[websocket.WebSocket]:
    query = "&".join(filter(None, (f"clientId={CLIENT}", sent.after)))
    from_page = {"origin": origin} if origin else {"suppress_origin": True}
    socket = websocket.create_connection(
        f"{app.url.replace('http', 'ws')}{sent.before}{path}?{query}",
        header=dict(sent.headers),
        timeout=LONGEST_WAIT,
        **from_page,
    )
    try:
        yield socket
    finally:
        socket.shutdown()


@pytest.mark.parametrize("way", WAYS)
def test_a_program_carries_its_token_where_it_can(team: Team, way: str) -> None:
    """Each way opens requests and sockets, as its owner."""
    sent = ways(team.token)[way]
    assert asked(team.app, sent, "/queue").json()["queue_running"] == []
    assert asked(team.app, sent, "/api/view?filename=none.png").status_code == 404
    answer = asked(team.app, sent, "/prompt", "POST")
    assert answer.json()["error"]["type"]  # it reached the route
    assert asked(team.app, sent, "/interrupt", "POST").status_code == 200
    assert handshake(team.app, sent) == handshake(team.app, sent, "/api/ws") == 101


@pytest.mark.parametrize("way", WAYS)
def test_a_token_for_programs_opens_nothing_else(team: Team, way: str) -> None:
    """No page, no cookie, no file of the page, and none of the app's own API; not even what
    everybody may see."""
    sent = ways(team.token)[way]
    for path in ("/account", "/operator", "/login", "/health", "/config", "/api/v1/runs"):
        answer = asked(team.app, sent, path)
        assert answer.status_code == 404, path
        assert "set-cookie" not in answer.headers
        assert "<form" not in answer.text
    for path in ("/", "/account/tokens", "/account/programs", "/login", "/gradio_api/queue/join"):
        assert asked(team.app, sent, path, "POST").status_code == 404, path
    assert handshake(team.app, sent, "/news") == 404
    assert asked(team.app, sent, "/queue").headers.get("set-cookie") is None


@pytest.mark.parametrize("way", WAYS)
def test_a_program_finds_a_server_instead_of_a_page(team: Team, way: str) -> None:
    """Programs such as worker-comfyui ask for ComfyUI's page until it answers."""
    for method in ("GET", "HEAD"):
        answer = asked(team.app, ways(team.token)[way], "/", method)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain")
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("way", ["path", "path and slash", "query", "key"])
def test_other_tokens_count_in_the_authorization_only(team: Team, way: str) -> None:
    """An address may be stored in logs of proxies, so a token that opens everything isn't
    accepted there."""
    for token in (team.whole, team.token[:-1], "x"):
        sent = ways(token)[way]
        assert asked(team.app, sent, "/queue").status_code == 401
        assert asked(team.app, sent, "/interrupt", "POST").status_code == 401
        assert handshake(team.app, sent) == 401
    with signed_in(team.app, ANN) as browser:
        for token in (team.whole, "x"):
            answer = browser.get(f"{team.app.url}/as/{token}/account", timeout=LONGEST_WAIT)
            assert answer.status_code == 404, "a page below an address"


@pytest.mark.parametrize("way", ["path", "path and slash", "query", "basic"])
def test_attack_a_page_of_another_site_uses_an_address(team: Team, way: str) -> None:
    """A browser sends an address for any page, so it must be the app's own."""
    sent = ways(team.token)[way]
    for path in ("/prompt", "/interrupt", "/queue", "/history", "/upload/image"):
        answer = asked(team.app, sent, path, "POST", Origin=FOREIGN)
        assert answer.status_code in (401, 403), path
    assert asked(team.app, sent, "/queue", Origin=FOREIGN).status_code == 401
    assert handshake(team.app, sent, origin=FOREIGN) == 403
    assert handshake(team.app, sent, origin=team.app.url) == 101


def test_attack_an_address_beside_a_signed_in_browser(team: Team) -> None:
    """The address decides who sends a request, not the cookie that comes along."""
    with signed_in(team.app, BOB) as browser:
        assert browser.post(f"{team.address}/interrupt", timeout=LONGEST_WAIT).ok
        answer = browser.get(f"{team.address}/account", timeout=LONGEST_WAIT)
        assert answer.status_code == 404
        dead = f"{team.app.url}/as/{team.token[:-1]}/queue"
        assert browser.get(dead, timeout=LONGEST_WAIT).status_code == 404


def test_attack_an_administrators_program_asks_for_all_runs(team: Team) -> None:
    """A token for programs administers nothing: `?all=true` is for administrators."""
    url = team.app.url.replace("http", "ws")
    whole = {"Authorization": f"Bearer {team.whole}"}
    socket = websocket.create_connection(f"{url}/ws?all=true", header=whole, timeout=LONGEST_WAIT)
    with contextlib.closing(socket):
        assert socket.recv()
        socket.ping()
    address = f"{team.address.replace('http', 'ws')}/ws?all=true"
    socket = websocket.create_connection(address, timeout=LONGEST_WAIT)
    with contextlib.closing(socket):
        assert socket.recv()
        kind, data = socket.recv_data()
        assert kind == websocket.ABNF.OPCODE_CLOSE
        assert int.from_bytes(data[:2], "big") == 4404


def test_attack_a_token_is_looked_for_in_logs_and_answers(
    team: Team, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither a log line nor an answer repeats it, nor does a browser send it on to another
    page."""
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("asyncio").setLevel(logging.INFO)
        for token in (team.token, team.token[:-1]):
            for sent in list(ways(token).values())[:4]:
                for path in ("/queue", "/nothing", "/", "/api/v1/runs", "/history/x", "/prompt"):
                    for method in ("GET", "POST", "PUT"):
                        answer = asked(team.app, sent, path, method, Accept="text/html")
                        assert token not in f"{answer.text} {answer.headers}", path
                        if token == team.token:
                            assert answer.headers["referrer-policy"] == "no-referrer"
                handshake(team.app, sent)
                handshake(team.app, sent, "/nothing")
    of_app = "\n".join(
        one.getMessage() for one in caplog.records if one.name not in ("urllib3.connectionpool",)
    )
    assert team.token[:-1] not in of_app


@given(before=st.text(max_size=9), after=st.text(max_size=9), query=st.binary(max_size=20))
def test_attack_an_address_with_any_text_around_its_token(
    running_team: Team, before: str, after: str, query: bytes
) -> None:
    """The next layer never sees the token in a path, and gets a valid request."""
    token, passed = running_team.token, list[Scope]()

    async def keep(scope: Scope, receive: Receive, send: Send) -> None:
        passed.append(scope)

    async def nothing(*_: object) -> dict[str, str]:
        return {"type": "http.disconnect"}

    carried = CarriedTokens(keep, running_team.app.asgi.state.identity)
    headers = list[tuple[bytes, bytes]]()
    common = {"type": "websocket", "headers": headers, "root_path": ""}
    carrying = query + b"&token=" + token.encode() + query
    for path in (f"/as/{before}{token}{after}", f"/as/{token}/{after}", f"/{before}"):
        scope = {**common, "path": path, "raw_path": b"", "query_string": carrying}
        with start_blocking_portal() as portal:  # this thread may have the browser's running loop
            portal.call(carried, scope, nothing, nothing)
        (sent,) = passed
        passed.clear()
        assert token.encode() not in sent["raw_path"]
        if path.startswith(f"/as/{token}/"):
            assert sent["path"] == f"/{after.lstrip('/')}"


def test_users_create_an_address_and_revoke_it(team: Team) -> None:
    """The account page shows the address once. Revoking its token closes the program's socket."""
    app = team.app
    with signed_in(app, BOB) as browser:
        address = address_of(app, browser, label="my krita")
        assert re.fullmatch(rf"{app.url}/as/comfyforms_[\w-]{{43}}", address)
        page = browser.get(f"{app.url}/account", timeout=LONGEST_WAIT).text
        assert address not in page
        assert "my krita" in page
        assert "It opens only ComfyUI" in page
        sent = Sent(address.removeprefix(app.url))
        assert asked(app, sent, "/queue").ok
        with socket_of(app, sent) as socket:
            assert socket.recv()
            (revoke,) = re.findall(r'action="(account/tokens/[^/"]+/revoke)"', page)
            assert browser.post(f"{app.url}/{revoke}", timeout=LONGEST_WAIT).ok
            kind, _ = socket.recv_data()
            assert kind == websocket.ABNF.OPCODE_CLOSE
        eventually(lambda: asked(app, sent, "/queue").status_code == 401)


def test_a_token_creates_no_others(team: Team) -> None:
    headers = {"Authorization": f"Bearer {team.whole}"}
    address = f"{team.app.url}/account/programs"
    answer = requests.post(address, {"label": "x"}, headers=headers, timeout=LONGEST_WAIT)
    assert answer.status_code == 403


def test_an_address_without_a_name_is_refused_in_words(team: Team) -> None:
    with signed_in(team.app, BOB) as browser:
        address = f"{team.app.url}/account/programs"
        answer = browser.post(address, {"label": " \t"}, timeout=LONGEST_WAIT)
        assert "Give the token a name" in answer.text
        assert "/as/" not in answer.text
