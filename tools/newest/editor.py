"""The editor in a browser: what it would send for a saved graph, and what it knows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Route, sync_playwright
from playwright.sync_api import Error as BrowserError

from tests.support.programs import HOW_TO_INSTALL, installed_chromium

_READY = """() => window.app?.vueAppReady && app.rootGraph && app.canvas && !app.configuringGraph
    && Object.keys(window.LiteGraph?.registered_node_types ?? {}).length > 300"""
# Random numbers are repeatable, and dialogs answer themselves.
_BEFORE = """(() => {
    let state = 1;
    window.reseed = (seed) => { state = seed; };
    Math.random = () => {
        state = (state + 0x6d2b79f5) | 0;
        let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
        mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
        return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
    };
    Object.assign(window, { alert() {}, confirm: () => true, prompt: () => null, open: () => null });
})()"""
_LOAD = """async (graph) => {
    reseed(1);
    const options = { silentAssetErrors: true, deferWarnings: true, skipAssetScans: true };
    const late = new Promise((_, fail) => setTimeout(fail, 90_000, new Error("too slow")));
    // The editor can't copy some graphs for its tabs, but has loaded them before.
    const loaded = app.loadGraphData(graph, true, true, null, options).catch((error) => {
        if (error.name !== "DataCloneError") throw error;
    });
    await Promise.race([loaded, late]);
    await new Promise((done) => setTimeout(done, 400));
}"""
_QUEUE = "async () => { reseed(2); app.processingQueue = false; await app.queuePrompt(0, 1); }"
_GRAPHS_PER_PAGE = 25
_ANSWER = {"prompt_id": "00000000-0000-4000-8000-000000000000", "number": 1, "node_errors": {}}
_BINARY = {"b_preview"}  # the editor's name for a binary message
_CASE = re.compile(r"case[`'\"](\w+)[`'\"]:")


class Editor:
    """The editor's page, opened again after a number of graphs and after errors."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._browser = browser
        self._url = url
        self._page: Page | None = None
        self._sent: list[Any] = []
        self._graphs = 0

    def prompt_of(self, graph: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the prompt that the editor sends for a graph. Raises RuntimeError if it sends
        none."""
        has_groups = bool((graph.get("extra") or {}).get("groupNodes"))
        if self._graphs >= _GRAPHS_PER_PAGE or has_groups:
            self.close()
        page = self._page or self._open()
        self._graphs = _GRAPHS_PER_PAGE if has_groups else self._graphs + 1
        self._sent.clear()
        try:
            page.evaluate(_LOAD, graph)
            page.evaluate(_QUEUE)
            page.wait_for_timeout(50)
        except BrowserError as error:
            self.close()
            raise RuntimeError(str(error).splitlines()[0]) from error
        if not self._sent:
            self.close()
            raise RuntimeError("the editor sent nothing")
        prompt: Mapping[str, Any] = self._sent[0]["prompt"]
        return prompt

    def widgets(self) -> set[str]:
        """Return the input types that the editor has a widget for."""
        page = self._page or self._open()
        return set(page.evaluate("() => Object.keys(app.widgets ?? {})"))

    def close(self) -> None:
        """Close the page; the next graph opens another."""
        if self._page is not None:
            self._page.context.close()
            self._page, self._graphs = None, 0

    def _open(self) -> Page:
        self._page = page = self._browser.new_context(locale="en-US").new_page()
        page.add_init_script(_BEFORE)
        page.route(re.compile(r"^[^?]*/prompt(\?|$)"), self._answer)
        page.goto(self._url, wait_until="domcontentloaded", timeout=120_000)
        page.wait_for_function(_READY, timeout=180_000, polling=250)
        page.wait_for_timeout(1500)
        return page

    def _answer(self, route: Route) -> None:
        if route.request.method != "POST":
            route.continue_()
            return
        self._sent.append(json.loads(route.request.post_data or "{}"))
        route.fulfill(json=_ANSWER)


@contextmanager
def opened_editor(url: str) -> Iterator[Editor]:
    """Open the editor of a server. Raises RuntimeError without a browser."""
    path = installed_chromium()
    if path is None:
        raise RuntimeError(f"This needs Chromium: {HOW_TO_INSTALL}")
    options = ["--no-sandbox", "--disable-dev-shm-usage", "--enable-unsafe-swiftshader"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=options)
        try:
            yield Editor(browser, url)
        finally:
            browser.close()


def message_types(front_end: Path) -> set[str]:
    """Return the types of WebSocket messages that the front end's script tells apart, without
    binary ones."""
    found: set[str] = set()
    for script in front_end.glob("assets/*.js"):
        text = script.read_text(encoding="utf-8", errors="replace")
        end = text.find("Unknown message type")
        start = text.rfind("JSON.parse(", 0, end)
        if 0 <= start < end:
            found |= set(_CASE.findall(text[start:end]))
    return found - _BINARY
