"""S13 and S14: private answers aren't cached; pages without Gradio run only their own scripts."""

from __future__ import annotations

import base64
import hashlib
import html.parser
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from comfy.library.permissions import Permissions
from tests.attacks.people import ANN, LOGIN, Person, person
from tests.attacks.routes import SOCKET, registered
from tests.support.serving import RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT

PUBLIC = ("/static/", "/svelte/", "/theme.css", "/favicon.ico", "/robots.txt")
TLS = {"X-Forwarded-Proto": "https"}


@pytest.fixture(scope="module")
def app(own_temporary_folder: Path) -> Iterator[RunningApp]:
    """Run an app with sign-in, in which ann is an administrator."""
    operators = Permissions(operates=lambda owner: owner == f"user:{ANN[0]}")
    with running_demo_app(step_seconds=0, settings=LOGIN, permissions=operators) as (_, app):
        yield app


@pytest.fixture
def ann(app: RunningApp) -> Person:
    return person(app, ANN)


def test_no_private_answer_is_cached(app: RunningApp, ann: Person) -> None:
    """Every answer says who may cache it, including refusals and downloads. Only files that are the
    same for all users may omit that or say `public`."""
    kept = re.compile(r"public, max-age=\d+(, immutable)?|no-cache")
    for route in sorted(set(registered(app.asgi.routes))):
        if route.method == SOCKET:
            continue
        path = ann.owned.at(route.path)
        for headers in (ann.headers, {}):
            with requests.request(
                route.method, app.url + path, headers=headers, stream=True, timeout=LONGEST_WAIT
            ) as answer:
                rule = answer.headers.get("cache-control", "")
                if answer.ok and path.startswith(PUBLIC):
                    continue
                about = f"{route.method} {path} {answer.status_code} {rule!r}"
                assert rule in NOT_KEPT or (answer.ok and kept.fullmatch(rule)), about
                if kept.fullmatch(rule):
                    assert route.path.startswith(SAME_FOR_ALL), about


NOT_KEPT = (
    "private, no-store",
    "no-store",
    "no-cache, no-store",
    "private, max-age=3600",
    "private, max-age=86400",
)
SAME_FOR_ALL = (
    "/assets/",
    "/embed.js",
    "/icons/",
    "/languages/",
    "/script/",
    "/service_worker",
    "/social-card",
)


@pytest.mark.parametrize(
    ("method", "path", "more", "status"),
    [
        ("GET", "/", {"headers": {"Host": "evil.example"}}, 421),
        ("POST", "/login", {"data": b"x" * 100_000}, 413),
        ("GET", "/api/v1/runs", {}, 401),
        ("GET", "/nothing", {"headers": {"Accept": "text/html"}}, 401),
    ],
)
def test_refusals_have_the_headers(
    app: RunningApp, method: str, path: str, more: dict[str, Any], status: int
) -> None:
    """Answers from middleware have the same headers as answers from routes."""
    answer = requests.request(method, app.url + path, timeout=LONGEST_WAIT, **more)
    assert answer.status_code == status
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_plain_pages_have_a_strict_policy(app: RunningApp, ann: Person) -> None:
    """Only Gradio's page allows inline code or `eval`. On other pages, each script and style sheet
    is a file or has its hash in the policy, and no attribute contains code."""
    seen = set()
    wanted = {"Accept": "text/html"}
    paths = [one.path for one in registered(app.asgi.routes) if one.method == "GET"]
    for path in (*paths, "/nothing"):
        for headers in (wanted, wanted | ann.headers):
            address = app.url + ann.owned.at(path)
            with requests.get(address, headers=headers, stream=True, timeout=LONGEST_WAIT) as page:
                if not page.headers.get("content-type", "").startswith("text/html"):
                    continue
                policy = page.headers["content-security-policy"]
                if "gradio_config" in page.text:
                    assert (path, "'unsafe-inline'" in policy) == ("/", True)
                    continue
                seen.add((path, page.status_code))
                assert "unsafe" not in policy
                for rule in ("default-src 'none'", "form-action 'self'", "frame-ancestors 'self'"):
                    assert rule in policy
                assert not list(broken_by(policy, page.text)), path
    assert {
        ("/", 200),
        ("/account", 200),
        ("/operator", 200),
        ("/login", 401),
        ("/api/v1/docs", 200),
        ("/shared/{token}", 404),
        ("/nothing", 404),
    } <= seen


def test_only_an_app_behind_tls_demands_it(app: RunningApp) -> None:
    """If the trusted proxy says https, the app tells browsers to use TLS only. Otherwise it
    doesn't."""
    for path in ("/", "/health"):
        by_proxy = requests.get(app.url + path, headers=TLS, timeout=LONGEST_WAIT)
        assert by_proxy.headers["strict-transport-security"] == "max-age=31536000"
        plain = requests.get(app.url + path, timeout=LONGEST_WAIT)
        assert "strict-transport-security" not in plain.headers


class _Inline(html.parser.HTMLParser):
    """Parser that collects inline scripts and style sheets, and attributes that contain code."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self._open = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {name: value or "" for name, value in attrs}
        self.found += [("", name) for name in names if name == "style" or name.startswith("on")]
        self.found += [("", value) for value in names.values() if value.startswith("javascript:")]
        self._open = tag if tag in ("script", "style") and "src" not in names else ""

    def handle_data(self, data: str) -> None:
        if self._open:
            self.found.append((self._open, data))

    def handle_endtag(self, tag: str) -> None:
        self._open = ""


def broken_by(policy: str, page: str) -> Iterator[str]:
    """Yield the page's code that its policy blocks."""
    reader = _Inline()
    reader.feed(page)
    rules = dict(rule.strip().partition(" ")[::2] for rule in policy.split(";"))
    for tag, text in reader.found:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        if not tag or f"'sha256-{digest}'" not in rules[f"{tag}-src"]:
            yield text


def test_the_walk_sees_code_that_is_not_allowed() -> None:
    """The parser finds each kind of inline code."""
    policy = "script-src 'self'; style-src 'self'"
    for code in (
        "<script>x</script>",
        "<style>x</style>",
        '<p style="x">',
        '<a href="javascript:x">',
        '<img onerror="x">',
    ):
        assert list(broken_by(policy, code)), code
