"""A real browser in front of a real app and a real stand-in server.

Apps and browser live as long as the session, a browser context as long as a test: each test is a new visitor. Every
test looks at its page's console and at where its requests went.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright
from serving import RunningApp, running_demo_app
from visitor import Site, Visitor

from comfy.demo import DemoServer

expect.set_options(timeout=15_000)  # a busy machine paints late

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
DESKTOP = {"width": 1360, "height": 900}


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The system's Chromium, without a window."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        reason = "needs Chromium (Debian and Ubuntu: apt-get install chromium)"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    with pytest.MonkeyPatch.context() as patch:
        # What the browser itself writes is not the app's: it goes to a folder that no test counts.
        patch.setenv("TMPDIR", str(tmp_path_factory.mktemp("chromium")))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
            yield browser
            browser.close()


@pytest.fixture(scope="session")
def fast_site(own_temporary_folder: Path) -> Iterator[Site]:
    """The shipped workflows on a server that takes no time for a step."""
    with running_demo_app(step_seconds=0.004) as (demo, app):
        yield _site(demo, app)


@pytest.fixture(scope="session")
def slow_site(own_temporary_folder: Path) -> Iterator[Site]:
    """The same on a server slow enough to do something during a run."""
    with running_demo_app(step_seconds=0.12, grace=1.0, ahead=2) as (demo, app):
        yield _site(demo, app)


@pytest.fixture
def fast(fast_site: Site, nothing_left_behind: None) -> Iterator[Site]:
    """A fast site, left with an empty queue."""
    yield fast_site
    fast_site.rest()


@pytest.fixture
def slow(slow_site: Site, nothing_left_behind: None) -> Iterator[Site]:
    """A slow site with a grace time of one second, left with an empty queue."""
    yield slow_site
    slow_site.rest()


@pytest.fixture
def own(nothing_left_behind: None) -> Iterator[Site]:
    """A site of the test's own, whose server may be killed."""
    with running_demo_app(step_seconds=0.12) as (demo, app):
        yield _site(demo, app)


@pytest.fixture
def context_of(chromium: Browser, nothing_left_behind: None) -> Iterator[Callable[..., BrowserContext]]:
    """Makes browser contexts: each is a browser of its own, with its own cookies."""
    contexts: list[BrowserContext] = []

    def make(**options: object) -> BrowserContext:
        context = chromium.new_context(**{"viewport": DESKTOP, **options})  # type: ignore[arg-type]
        context.set_default_timeout(15_000)
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def visit(context_of: Callable[..., BrowserContext]) -> Iterator[Callable[..., Visitor]]:
    """Makes visitors of a site; at the end, their consoles are empty and every request went to this machine."""
    visitors: list[Visitor] = []

    def make(site: Site, **options: object) -> Visitor:
        visitor = Visitor(context_of(**options).new_page(), site)
        visitors.append(visitor)
        return visitor

    yield make
    for visitor in visitors:
        assert not visitor.complaints, visitor.complaints
        assert not visitor.outside, visitor.outside


def _site(demo: DemoServer, app: RunningApp) -> Site:
    return Site(app.url, demo, app.backend)
