"""An album of 10,000 results in the browser: first paint, first tiles, frames while scrolling, and
the delay until another person's action shows."""

from __future__ import annotations

import time
from dataclasses import fields, replace
from statistics import median

import requests
from playwright.sync_api import Browser, Page

from comfy.records.store import put_run
from comfyforms.plugins.albums.store import AlbumStore, ItemFile, Person
from tests.support.serving import RunningApp, changing, running_demo_app
from tools.benchmarks.tools.browser import chromium
from tools.benchmarks.tools.clients import Person as Client
from tools.benchmarks.tools.figure import Figure, percentile

COUNT = 10_000
LOADS, REVIEWS = 3, 10
SHAPES = ((512, 512), (768, 512), (512, 768), (832, 480))
_TIMEOUT = 60
_PAINTED = """() => performance.getEntriesByName("first-contentful-paint")[0].startTime"""
_SHOWN = """async () => {
  await document.querySelector("#albums .tile img").decode();
  return performance.now();
}"""
# Scrolls by 60 pixels a frame for 240 frames; returns the pauses between frames.
_SCROLL = """() => new Promise((resolve) => {
  const pauses = [];
  let before = performance.now();
  const step = (now) => {
    pauses.push(now - before);
    before = now;
    scrollBy({ top: 60, behavior: "instant" });
    if (pauses.length < 240) requestAnimationFrame(step);
    else resolve(pauses.slice(1));
  };
  requestAnimationFrame(step);
})"""
# Returns the time until all tiles have their pictures, which wait while the list scrolls fast.
_PICTURES = """async () => {
  const since = performance.now();
  const lack = (image) => !image.src || !image.complete;
  while ([...document.querySelectorAll("#albums .tile img")].some(lack))
    await new Promise(requestAnimationFrame);
  return performance.now() - since;
}"""


def measure() -> list[Figure]:
    """Measure loads of the album, frames while it scrolls, and the delay of reviews."""
    with running_demo_app(step_seconds=0.0) as (_, app), chromium() as browser:
        reviewer = requests.Session()
        reviewer.headers["cookie"] = Client(app.url).cookie
        album = _filled(app, reviewer)
        loads = [_load(browser, app.url, album) for _ in range(LOADS)]
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{app.url}/albums/{album}")
        page.wait_for_selector("#albums .tile img")
        delays = [_delay(page, app, reviewer, album, turn) for turn in range(REVIEWS)]
        pauses = page.evaluate(_SCROLL)
        pictures = page.evaluate(_PICTURES) / 1000
    return [
        Figure(f"albums: first paint of {COUNT} results", median(one for one, _ in loads), "s", 1),
        Figure("albums: first tiles", median(one for _, one in loads), "s", 1.5),
        Figure("albums: frames while scrolling", 1000 / median(pauses), "/s", 59, at_least=True),
        Figure("albums: 95th percentile of a frame", percentile(pauses, 0.95), "ms", 34),
        Figure("albums: pictures after scrolling", pictures, "s", 1),
        Figure("albums: another's action shows within", max(delays), "s", 1),
    ]


def _filled(app: RunningApp, owner: requests.Session) -> str:
    """Return a shared album. Its runs are copies of one."""
    api = f"{app.url}/api/v1"
    run = _posted(owner, f"{api}/workflows/text-to-image/runs?wait=true", {"values": {}})["id"]
    album = str(_posted(owner, f"{api}/albums", {"title": "Wall", "access": "shared"})["id"])
    added = {"results": [{"run": run, "file": 0}], "settings": True}
    _posted(owner, f"{api}/albums/{album}/items", added)
    history = app.services.runs.history
    albums = AlbumStore(history.engine, history.grew)
    (item,) = albums.some(album, [1])
    (whose,) = [one.owner for one in app.runs.known() if one.id == run]
    record = history.get(run, whose)
    file = ItemFile(**{one.name: getattr(item, one.name) for one in fields(ItemFile)})
    files = []
    with changing(app.data) as connection:  # one by one they take minutes on a slow disk
        for number in range(COUNT - 1):
            width, height = SHAPES[number % len(SHAPES)]
            copy = replace(record, id=f"r{number:05}")
            put_run(connection, copy, record.submitted_at, {})
            files.append(replace(file, run=copy.id, width=width, height=height))
    albums.add(album, Person(item.owner, item.by), files, settings=True)
    return album


def _posted(client: requests.Session, address: str, body: object) -> dict[str, object]:
    answer = client.post(address, json=body, timeout=_TIMEOUT)
    answer.raise_for_status()
    return dict(answer.json())


def _load(browser: Browser, url: str, album: str) -> tuple[float, float]:
    """Load the album in a new browser. Return the seconds until the first paint, and until the
    first tile has its picture."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(f"{url}/albums/{album}", wait_until="commit")
    page.wait_for_selector("#albums .tile img")
    tiles = page.evaluate(_SHOWN)
    painted = page.evaluate(_PAINTED)
    context.close()
    return painted / 1000, tiles / 1000


def _delay(page: Page, app: RunningApp, reviewer: requests.Session, album: str, turn: int) -> float:
    """Return the seconds from a review until another person's page shows it."""
    item = page.locator("#albums li[data-run]").nth(turn).get_attribute("data-run")
    address = f"{app.url}/api/v1/albums/{album}/items/{item}/review"
    began = time.monotonic()
    answer = reviewer.put(address, json={"verdict": "keep"}, timeout=_TIMEOUT)
    answer.raise_for_status()
    page.wait_for_selector(f"#albums li[data-run='{item}'] .facts")
    return time.monotonic() - began
