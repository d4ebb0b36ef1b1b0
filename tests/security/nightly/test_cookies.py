"""Identities that can't be forged, and cookies with flags that match the page's location."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import requests
import websocket

from comfy.runs.interface import Origin, RunPolicy
from comfyui_standin import DemoServer
from tests.support.gradio_calls import PageCalls
from tests.support.http_client import (
    ANN,
    COOKIES,
    PLAIN,
    cookie_of,
    finished,
    get,
    page_open,
    start,
)
from tests.support.serving import RunningApp, Served, running_app, running_demo_app
from tests.support.waiting import LONGEST_WAIT
from ui.settings.folders import ON_A_SPACE
from ui.settings.web_settings import WebSettings
from ui.web import identity

LOGIN = {"username": "anna", "password": "lighthouse"}
TLS = {"X-Forwarded-Proto": "https"}
ANNA = WebSettings(port=0, users=(("anna", "lighthouse"), ("ben", "harbour")))


@pytest.fixture
def demo(served: Served) -> DemoServer:
    return served[0]


def given(url: str, **headers: str) -> list[str]:
    """Return the page's Set-Cookie headers."""
    with requests.get(url, headers=headers, timeout=LONGEST_WAIT) as answer:
        return answer.raw.headers.getlist("set-cookie")


NAMES = (COOKIES.name(PLAIN), "comfyforms", f"__Host-{COOKIES.name(PLAIN)}")
FORGED = ("c" * 43, f"{ANN}.{'x' * 43}", f"{COOKIES.signed(ANN)}x")


@pytest.mark.parametrize(("name", "value"), itertools.product(NAMES, FORGED))
def test_finding_10_an_unsigned_identity_is_ignored(app: RunningApp, name: str, value: str) -> None:
    """A forged cookie identifies no user. The app lists no runs for it, assigns it no run, and
    replaces it."""
    run = finished(start(app, **{"5.steps": 1}))
    with requests.Session() as forger:
        forger.headers["cookie"] = f"{name}={value}"
        assert (
            forger.get(
                f"{app.url}/api/v1/runs/{run.id}?with_page=true", timeout=LONGEST_WAIT
            ).status_code
            == 404
        )
        call = {"data": ["text-to-image", {"5.steps": 1}]}
        assert forger.post(f"{app.url}/gradio_api/call/run", json=call, timeout=LONGEST_WAIT).ok
        assert forger.get(f"{app.url}/api/v1/runs?with_page=true", timeout=LONGEST_WAIT).json() == {
            "runs": [],
            "next": None,
            "page": {"days": [], "any": False},
        }
        assert forger.get(app.url, timeout=LONGEST_WAIT).cookies[COOKIES.name(PLAIN)] != value
    assert [one.owner for one in app.services.runs.line_of(f"browser:{value}")] == []


def test_finding_10_page_events_need_a_signed_identity(app: RunningApp) -> None:
    """Workflows and runs from the page's events belong to the signed identity, never to a made-up
    identity."""
    run = finished(start(app, **{"5.steps": 1}))
    own, forged = PageCalls(app), PageCalls(app)
    forged.cookies = {COOKIES.name(PLAIN): ANN}
    own.open("text-to-image")
    forged.open("text-to-image")
    begun = own.said(own.press())["run"]
    other = forged.said(forged.press())["run"]
    assert app.services.runs.record(begun, f"browser:{ANN}")
    assert {one["id"] for one in get(app, "/api/v1/runs?with_page=true").json()["runs"]} >= {run.id}
    assert get(app, f"/api/v1/runs/{other}?with_page=true", "").status_code == 200
    assert get(app, f"/api/v1/runs/{other}?with_page=true").status_code == 404


def test_finding_10_a_browser_keeps_its_identity(demo: DemoServer, tmp_path: Path) -> None:
    """In a second tab, after a reload and after a restart of the app, the browser keeps its cookie
    and its runs."""
    with requests.Session() as browser:
        for start in (1, 2):
            with running_app(demo.url, data=tmp_path) as app:
                for _ in range(2):
                    assert browser.get(app.url, timeout=LONGEST_WAIT).ok
                finished(
                    app.services.starter.start(
                        "text-to-image",
                        {"5.steps": 1},
                        Origin(owner_of(browser)),
                        RunPolicy(deadline=60, watched=False),
                    )
                )
                assert (
                    len(
                        browser.get(
                            f"{app.url}/api/v1/runs?with_page=true", timeout=LONGEST_WAIT
                        ).json()["runs"]
                    )
                    == start
                )
        assert len(browser.cookies) == 1


def owner_of(browser: requests.Session) -> str:
    """Return the owner of the browser's runs."""
    return "browser:" + str(browser.cookies[COOKIES.name(PLAIN)]).partition(".")[0]


def test_finding_12_cookies_stay_in_the_app(demo: DemoServer) -> None:
    """Outside a Space, the browser sends no cookie from another site's frame. Over TLS, every
    cookie requires TLS, including the session's cookie."""
    with running_app(demo.url, settings=ANNA) as app:
        for headers, secure in (({}, False), (TLS, True)):
            answer = requests.post(
                f"{app.url}/login", data=LOGIN, headers=headers, timeout=LONGEST_WAIT
            )
            cookies = answer.raw.headers.getlist("set-cookie")
            assert len(cookies) == 2  # of the session, and of a browser that is known
            for cookie in cookies:
                _, lasting, *flags = cookie.split("; ")
                assert lasting.startswith("Max-Age=")
                assert set(flags) == {"HttpOnly", "Path=/", "SameSite=Lax"} | (
                    {"Secure"} if secure else set()
                )


@pytest.mark.parametrize(
    "settings", [WebSettings(port=0, on_a_space=True), None], ids=["space", "elsewhere"]
)
def test_finding_23_a_space_gives_cookies_that_its_frame_keeps(
    demo: DemoServer, settings: WebSettings | None
) -> None:
    """In a Space's frame, the app partitions its cookies. Visitors stay separate even if the
    browser blocks third-party cookies."""
    with running_app(demo.url, settings=settings) as app:
        (cookie,) = given(app.url, **TLS)
    wanted = {"Secure", "SameSite=None", "Partitioned"} if settings else {"Secure", "SameSite=Lax"}
    assert set(cookie.split("; ")[2:]) == {"HttpOnly", "Path=/"} | wanted
    assert cookie.startswith("__Host-")


def test_finding_10_a_forged_proxy_header_changes_nothing() -> None:
    """If the peer isn't a trusted proxy, forwarded headers make no cookie secure and make no other
    site trusted."""
    with running_demo_app(
        step_seconds=0, settings=WebSettings(port=0, trusted_proxies=("10.9.9.9",))
    ) as (_, app):
        (cookie,) = given(app.url, **TLS)
        assert "Secure" not in cookie
        forged = {"X-Forwarded-Host": "evil.example", "Origin": "http://evil.example"}
        answer = requests.post(
            f"{app.url}/api/v1/runs/x/again",
            cookies=cookie_of(ANN),
            headers=forged,
            timeout=LONGEST_WAIT,
        )
        assert answer.status_code == 401
        with pytest.raises(websocket.WebSocketBadStatusException):
            websocket.create_connection(
                app.url.replace("http", "ws") + "/news",
                timeout=LONGEST_WAIT,
                origin="http://evil.example",
                header=["X-Forwarded-Host: evil.example"],
            )
        forged |= {"X-Gradio-Server": "http://evil.example", "Forwarded": "host=evil.example"}
        assert (
            "evil.example"
            not in requests.get(f"{app.url}/config", headers=forged, timeout=LONGEST_WAIT).text
        )


def test_finding_10_identities_per_address_are_limited(demo: DemoServer) -> None:
    """Identities are free, but the app limits how many each address gets at once. Existing
    identities stay valid, and other addresses get theirs."""
    with running_app(demo.url) as app:
        counted = [given(app.url) for _ in range(identity.NEW_BROWSERS + 20)]
        assert sum(bool(cookies) for cookies in counted) in range(
            identity.NEW_BROWSERS, identity.NEW_BROWSERS + 5
        )
        assert given(app.url, **{"X-Forwarded-For": "9.9.9.9"})
        with page_open(app) as page:
            assert page.recv()


def test_finding_12_only_a_spaces_own_hosts_may_frame_the_page(demo: DemoServer) -> None:
    """Another site can't show the page in a frame, which would allow clickjacking. On a Space,
    Hugging Face can, and elsewhere the sites that the administrator names."""
    assert not ON_A_SPACE
    ancestors = []
    embedding = WebSettings(port=0, embed=("https://wiki.example",))
    for settings in (WebSettings(port=0), ANNA, WebSettings(port=0, on_a_space=True), embedding):
        with (
            running_app(demo.url, settings=settings) as app,
            requests.get(app.url, timeout=LONGEST_WAIT) as page,
        ):
            rules = dict(
                rule.strip().partition(" ")[::2]
                for rule in page.headers["content-security-policy"].split(";")
            )
            ancestors.append(rules["frame-ancestors"])
    allowed = "'self'"
    named = [f"{allowed} {site}" for site in ("https://huggingface.co", "https://wiki.example")]
    assert ancestors == [allowed, allowed, *named]
