r"""A real browser in front of a real app and a real stand-in server.

Apps and browsers live as long as the session. Each test is a new visitor, without cookies or
storage. Every test checks its page's console and the destination of its requests.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    Playwright,
    ViewportSize,
    expect,
    sync_playwright,
)
from playwright.sync_api import Error as PlaywrightError

from comfy.runs.interface import Timeouts
from comfyui_standin import DemoServer
from tests.support.leaks import closing
from tests.support.programs import HOW_TO_INSTALL, installed_chromium, skip_without
from tests.support.samples.space import PUBLIC
from tests.support.serving import RunningApp, running_demo_app
from tests.support.visitor import FORGET, WAIT, Site, Visitor

expect.set_options(timeout=WAIT)

NETWORK_NAME = "forms.example"  # a name of this machine that isn't a loopback address
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    # A page costs a third less where it needs no new process and its scripts, which run for
    # seconds, are not compiled a second time.
    "--renderer-process-limit=1",
    "--in-process-gpu",
    "--js-flags=--no-opt --no-maglev",
    # Requests to other machines fail, and the test reports them.
    f"--host-resolver-rules=MAP {NETWORK_NAME} 127.0.0.1, MAP {PUBLIC} 127.0.0.1,"
    " MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    # A camera that no machine needs, which may be used.
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
STEP = 0.25  # seconds per step of a slow server: each has a frame to paint
SOON = Timeouts(retry_most=0.5)  # a server that comes back is found at once
DESKTOP = ViewportSize(width=1360, height=900)
OF_A_PAGE = {"viewport", "color_scheme", "reduced_motion", "permissions"}
OF_A_PROFILE = {"has_touch", "is_mobile", "locale"}
# While the page scrolls smoothly, a click can miss its target.
AS_USUAL = {"color_scheme": "light", "reduced_motion": "reduce"}


@pytest.fixture(scope="session")
def playwright(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playwright]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(tmp_path_factory.mktemp("chromium")))
        with sync_playwright() as playwright:
            yield playwright


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Return the path of the system's Chromium."""
    if path := installed_chromium():
        return path
    skip_without(f"Chromium: {HOW_TO_INSTALL}")


@pytest.fixture(scope="session")
def chromium(playwright: Playwright, chromium_path: str) -> Iterator[Browser]:
    """Run headless Chromium, in which every context is a separate browser that stores nothing."""
    browser = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def profiles(
    playwright: Playwright, chromium_path: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., BrowserContext]]:
    """Run Chromium with a profile on disk for each visitor of a test, counted from 0, and for each
    kind of device and language. Only a profile keeps compiled scripts for the next page, which
    halves the cost of a page."""

    @functools.cache
    def of(person: int, **device: Any) -> BrowserContext:
        context = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp(f"profile-{person}-"),
            executable_path=chromium_path,
            args=FLAGS,
            viewport=DESKTOP,
            service_workers="block",
            **device,
        )
        context.set_default_timeout(WAIT)
        started.callback(context.close)
        return context

    with contextlib.ExitStack() as started:
        yield of


@pytest.fixture(scope="session")
def fast_site(own_temporary_folder: Path) -> Iterator[Site]:
    """Run the shipped workflows on a server whose steps take no time."""
    with running_demo_app(step_seconds=0.004) as (demo, app):
        closing.append(app.close_idle)
        yield _site(demo, app)


@pytest.fixture(scope="session")
def slow_site(own_temporary_folder: Path) -> Iterator[Site]:
    with running_demo_app(step_seconds=STEP, ahead=2) as (demo, app):
        closing.append(app.close_idle)
        yield _site(demo, app)


@pytest.fixture
def fast(fast_site: Site, nothing_left_behind: None) -> Iterator[Site]:
    """Yield a fast site, and empty its queue afterwards."""
    yield fast_site
    fast_site.rest()


@pytest.fixture
def slow(slow_site: Site, nothing_left_behind: None) -> Iterator[Site]:
    r"""Yield a slow site. Afterwards, cancel its unfinished runs and empty its queue.

    With `slow.demo.speed.step = 0`, the rest of a run takes no time.
    """
    slow_site.demo.speed.step = STEP
    yield slow_site
    for run in slow_site.unfinished():
        run.cancel()
    slow_site.rest()


@pytest.fixture
def own(nothing_left_behind: None) -> Iterator[Site]:
    """Run a site for this test only, whose server the test may kill."""
    with running_demo_app(step_seconds=STEP, timing=SOON) as (demo, app):
        yield _site(demo, app)


@pytest.fixture
def context_of(
    request: pytest.FixtureRequest, nothing_left_behind: None
) -> Iterator[Callable[..., BrowserContext]]:
    """Return a function that makes browser contexts. Each is a separate browser with its own
    cookies."""
    contexts: list[BrowserContext] = []

    def make(**options: object) -> BrowserContext:
        chromium: Browser = request.getfixturevalue("chromium")  # few tests need it
        context = chromium.new_context(
            **{"viewport": DESKTOP, "service_workers": "block", **options}
        )  # type: ignore[arg-type]
        context.set_default_timeout(WAIT)
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def visit(
    profiles: Callable[..., BrowserContext], context_of: Callable[..., BrowserContext]
) -> Iterator[Callable[..., Visitor]]:
    r"""Return a function that makes visitors of a site. At the end, check that their consoles are
    empty and that every request went to this machine.

    A visitor that needs only page or profile options gets a browser with a profile.
    """
    visitors: list[Visitor] = []
    used: list[BrowserContext] = []

    def page_of(**wishes: Any) -> Page:
        if not wishes.keys() <= OF_A_PAGE | OF_A_PROFILE:
            return context_of(**wishes).new_page()
        device = {name: wishes.pop(name) for name in sorted(OF_A_PROFILE & wishes.keys())}
        used.append(profiles(len(used), **device))
        used[-1].grant_permissions(wishes.pop("permissions", []))
        _, *left = used[-1].pages
        page = left[0] if left else used[-1].new_page()
        page.set_viewport_size(wishes.pop("viewport", DESKTOP))
        page.emulate_media(**AS_USUAL | wishes)
        return page

    def make(site: Site, **wishes: Any) -> Visitor:
        visitors.append(Visitor(page_of(**wishes), site))
        return visitors[-1]

    yield make
    for profile in used:
        forget(profile, visitors)
    for visitor in visitors:
        assert not visitor.complaints, visitor.complaints
        assert not visitor.outside, visitor.outside


def forget(profile: BrowserContext, visitors: Sequence[Visitor]) -> None:
    """Remove the stored data and permissions of these visitors' sites, and close their pages. Keep
    the first page, which is empty, and a page for the next test, because a new page costs a quarter
    more."""
    empty, *pages = profile.pages
    for at, page in enumerate(pages):
        whose = [one for one in visitors if one.page is page]
        if at == 0 and [one.is_as_before for one in whose] == [True]:
            whose[0].end()
        else:
            with contextlib.suppress(PlaywrightError):  # it is just going to another address
                page.evaluate(FORGET)
            page.close()
    origins = {one for visitor in visitors for one in visitor.origins}
    profile.clear_cookies()
    profile.clear_permissions()
    session = profile.new_cdp_session(empty)
    for origin in origins:
        stored = {"origin": origin, "storageTypes": "local_storage,indexeddb"}
        session.send("Storage.clearDataForOrigin", stored)
    session.detach()


def _site(demo: DemoServer, app: RunningApp) -> Site:
    return Site(app.url, demo, app)
