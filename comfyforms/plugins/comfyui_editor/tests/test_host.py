"""Two host names, which have nothing in common, and the way from one to the other."""

from __future__ import annotations

import contextlib
import select
from collections.abc import Callable, Iterator

import pytest
import requests
from starlette.requests import HTTPConnection

from comfy.base.errors import ComfyError
from comfyforms.plugins.comfyui_editor.address import editor_address
from comfyforms.plugins.comfyui_editor.host import EDITOR, WITHIN, is_own
from comfyforms.plugins.comfyui_editor.settings import EditorSettings
from comfyforms.plugins.comfyui_editor.tests.conftest import (
    CID,
    AtEditor,
    code_of,
    enter,
    opened,
)
from comfyforms.plugins.comfyui_editor.tests.front_end_server import EVIL
from tests.attacks.people import ANN, BOB
from tests.security.signing_in import signed_in, token_of
from tests.support.raw_requests import sent, status
from tests.support.serving import RunningApp
from tests.support.waiting import LONGEST_WAIT
from ui.accounts.login import PROGRAMS
from ui.settings.web_settings import WebSettings
from ui.web.access import DeclaredRoute
from ui.web.addresses import HostMiddleware

Opener = Callable[[tuple[str, str]], AtEditor]


def _rules(app: RunningApp, scope: str) -> Iterator[tuple[str, str]]:
    """Yield the methods and paths of routes, with something for each parameter."""
    rules: list[DeclaredRoute] = app.asgi.state.rules
    for rule in rules:
        if rule.scope == scope or (not scope and rule.scope not in (PROGRAMS, EDITOR)):
            path = rule.path.replace("{path:path}", "x").replace("{file:path}", "x")
            yield from ((one, path.replace("{name}", "x")) for one in rule.methods)


def _own(app: RunningApp) -> Iterator[tuple[str, str]]:
    for method, path in _rules(app, EDITOR):
        yield method, path.removeprefix(WITHIN) or "/"


def test_the_editor_opens_at_its_own_host(app: RunningApp, editor_of: Opener) -> None:
    """Its page, the server's scripts and the app's own one are there, with the headers that keep
    them apart; the server's other files aren't."""
    ann = editor_of(ANN)
    page = ann.ask("GET", "/")
    assert "<h1>Editor</h1>" in page.text
    assert page.headers["cross-origin-opener-policy"] == "same-origin"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in page.headers
    scripts = ann.ask("GET", "/api/extensions").json()
    assert scripts == [EVIL, "/extensions/comfyforms/editor.js"]
    for one in scripts:
        answer = ann.ask("GET", one)
        assert answer.headers["content-type"].startswith("text/javascript")
        assert "default-src 'self'" in answer.headers["content-security-policy"]  # for workers
        assert ann.ask("GET", one, headers={"Service-Worker": "script"}).status_code == 404
    assert ann.ask("GET", "/api/features").json()["supports_preview_metadata"] is True
    closed = ("/api/free", "/free", "/internal/logs", "/api/internal/logs", "/extensions/../free")
    for path in (*closed, "/assets/%2e%2e/free", "/api/system", "/nothing", "/api/secrets"):
        assert ann.ask("GET", path).status_code == 404, path


def test_neither_host_has_the_others_routes(app: RunningApp, editor_of: Opener) -> None:
    """At the editor's host, only the editor's routes answer, and at the app's none of them."""
    ann = editor_of(ANN)
    for method, path in {*_rules(app, "")}:
        if path not in ("/", "/favicon.ico", "/user.css"):
            answer = ann.ask(method, path)
            assert answer.status_code == 404, (method, path)
    assert ann.ask("GET", "/comfyui-editor").status_code == 404
    assert ann.ask("GET", "/api/extensions", headers={"X-Forwarded-Host": "127.0.0.1"}).ok
    assert ann.ask("GET", "/account", headers={"X-Forwarded-Host": "127.0.0.1"}).status_code == 404
    with signed_in(app, ANN) as browser:
        for method, path in _rules(app, EDITOR):
            answer = browser.request(method, app.url + path, timeout=LONGEST_WAIT)
            assert answer.status_code == 404, (method, path)
        assert browser.get(app.url + EVIL, timeout=LONGEST_WAIT).status_code == 404


@pytest.mark.parametrize("caller", ["nobody", "session", "token", "another site"])
def test_only_the_editors_cookie_opens_it(app: RunningApp, editor_of: Opener, caller: str) -> None:
    """The app's session, its tokens, and requests of another site open no route of the editor and
    no call of ComfyUI at its host."""
    headers, statuses = dict[str, str](), {401}
    match caller:
        case "session":
            with signed_in(app, ANN) as browser:
                headers["Cookie"] = "; ".join(f"{one.name}={one.value}" for one in browser.cookies)
        case "token":
            headers["Authorization"] = f"Bearer {token_of(app, ANN)}"
        case "another site":
            ann = editor_of(ANN)
            headers |= {"Cookie": ann.cookie, "Origin": app.url}
    for method, path in (*_own(app), ("POST", "/prompt"), ("POST", "/api/interrupt")):
        if caller != "another site" or method != "GET":
            answer = AtEditor(app).ask(method, path, headers=headers)
            assert answer.status_code in statuses, (method, path)


def test_the_editors_cookie_opens_nothing_of_the_app(app: RunningApp, editor_of: Opener) -> None:
    headers = {"Cookie": editor_of(ANN).cookie, "Connection": "close"}
    for path in ("/api/v1/runs", "/queue", "/comfyui-editor", "/account/tokens"):
        answer = requests.get(app.url + path, headers=headers, timeout=LONGEST_WAIT)
        assert answer.status_code in (401, 405), path


def test_a_code_opens_the_editor_once(app: RunningApp) -> None:
    """Only the app's own page can send it, so no site signs a user in as another one."""
    with signed_in(app, ANN) as browser:
        assert enter(app, code_of(app, browser), "https://evil.example").status_code == 403
        code = code_of(app, browser, "text-to-image")
        first = enter(app, code)
        assert first.headers["location"] == "/?form=text-to-image"
        assert first.headers["clear-site-data"] == '"cache", "storage"'
        assert "HttpOnly" in first.headers["set-cookie"]
        assert enter(app, code).status_code == 401
        assert enter(app, f"{code[:-2]}xx").status_code == 401
    cookie = next(one.value or "" for one in first.cookies if one.name.endswith("-editor"))
    assert enter(app, cookie).status_code == 401


def test_the_editor_closes_with_the_session(app: RunningApp) -> None:
    """A sign-out ends it at once, and the page leads back to the app."""
    with signed_in(app, ANN) as browser:
        ann = opened(app, browser)
        assert ann.ask("GET", "/api/users").ok
        assert browser.post(f"{app.url}/logout", timeout=LONGEST_WAIT).ok
    assert ann.ask("GET", "/api/users").status_code == 401
    back = ann.ask("GET", "/", headers={"Sec-Fetch-Mode": "navigate"})
    assert back.headers["location"] == f"{app.url}/comfyui-editor"


def test_the_editor_is_for_users_who_open_workflows(app: RunningApp) -> None:
    """A user who may only run given workflows, and a guest, get neither a link nor a code."""
    with signed_in(app, CID) as browser:
        assert code_of(app, browser) == ""
    with requests.Session() as guest:
        guest.headers["connection"] = "close"
        link = app.asgi.state.identity.login.share_link
        guest.get(f"{app.url}/join/{link}", timeout=LONGEST_WAIT)
        assert code_of(app, guest) == ""
    with signed_in(app, BOB) as browser:
        assert code_of(app, browser)


def test_a_same_site_page_is_anonymous_at_the_app(app: RunningApp) -> None:
    """Cookies don't tell the host names of a domain apart, so the app does."""
    with signed_in(app, ANN) as browser:
        for headers, status in (
            ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"}, 401),
            ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate"}, 200),
            ({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, 200),
        ):
            answer = browser.get(f"{app.url}/api/v1/runs", headers=headers, timeout=LONGEST_WAIT)
            assert answer.status_code == status, headers


def test_the_editor_needs_a_host_name_of_its_own() -> None:
    def address(editor: str, **web: object) -> str:
        return editor_address(EditorSettings(editor=editor).editor, WebSettings(**web))  # type: ignore[arg-type]

    assert address("") == "http://editor.localhost"
    assert address("", host="0.0.0.0") == ""
    forms = {"hosts": ("forms.example.org",)}
    assert address("https://editor.example.org", **forms) == "https://editor.example.org"
    with pytest.raises(ComfyError, match="host name"):
        address("https://forms.example.org:8443", **forms)
    with pytest.raises(ComfyError, match="frame"):
        address("https://editor.example.org", embed=("https://editor.example.org",))
    for wrong in ("http://editor.example.org", "editor.example.org", "https://editor.org/x"):
        with pytest.raises(ValueError, match="editor"):
            EditorSettings(editor=wrong)


def test_an_entry_is_small(app: RunningApp) -> None:
    """It needs no sign-in, so a long one is refused before its end."""
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while sent < 10_000:
            sent += 1
            yield b"a" * 2**16

    with contextlib.suppress(requests.ConnectionError):  # closed while it sends
        answer = AtEditor(app).ask("POST", "/enter", data=endless(), headers={"Origin": app.url})
        assert answer.status_code == 404
    assert sent < 1_000


def test_begun_entries_of_an_address_are_limited(app: RunningApp) -> None:
    """They come before the limits of requests."""
    entry = [
        *("POST /enter HTTP/1.1", f"Host: {AtEditor(app).host}", f"Origin: {app.url}"),
        *("Content-Type: application/x-www-form-urlencoded", "Content-Length: 9", "", "code"),
    ]
    with contextlib.ExitStack() as kept:
        held = [kept.enter_context(sent(app, *entry)) for _ in range(11)]
        (refused, *_), _, _ = select.select(held, [], [], LONGEST_WAIT)
        assert status(refused) == 429


def test_a_page_of_another_host_gets_no_code() -> None:
    """The app's host names are known; another machine's address could be a stranger's."""
    names = HostMiddleware.of("0.0.0.0", ["forms.example.org"]).names
    scope = {"type": "http", "headers": [], "server": ("10.0.0.5", 7860)}
    for root, own in {
        "https://forms.example.org/app": True,
        "http://10.0.0.5:7860": True,
        "http://127.0.0.1:7860": True,
        "http://10.0.0.6:7860": False,
        "http://attacker:7860": False,
    }.items():
        assert is_own(HTTPConnection(scope), root, names) is own
