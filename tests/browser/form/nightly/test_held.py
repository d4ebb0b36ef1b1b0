"""A file dragged over a field, with the events that a browser sends."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import CDPSession, Locator, expect

from tests.browser.stage.test_results import prompt_with
from tests.support.samples.media import MEDIA
from tests.support.serving import WORKFLOWS, running_app
from tests.support.visitor import Site, Visit, Visitor
from tests.support.waiting import eventually

PHOTO = WORKFLOWS / "upscale.webp"
# Which field takes which file, by the nodes of these. Two are for images.
TAKES = {
    "20": ("image", PHOTO),
    "30": ("image", PHOTO),
    "40": ("mask", PHOTO),
    "50": ("video", MEDIA / "live.webm"),
    "60": ("audio", MEDIA / "saved.flac"),
    "70": ("file", PHOTO),
}
LEAVE = """([x, y]) => document.elementFromPoint(x, y)
    .dispatchEvent(new DragEvent("dragleave", { bubbles: true, cancelable: true }))"""
HELD = re.compile(r"\bheld-over\b")


def test_a_file_held_over_a_field_outlines_it(fast: Site, visit: Visit, tmp_path: Path) -> None:
    """Only the field below the file has the outline, the same as for a result. No overlay covers
    the field. This holds for every kind of file, in an empty and in a filled field. The outline
    disappears when the file moves on, leaves the page or is dropped."""
    with fields_for(TAKES, fast, tmp_path) as site:
        person = visit(site).open("all")
        files = Held(person)
        outlined = person.page.locator(".held-over")
        for full in (False, True):
            for node, (kind, file) in TAKES.items():
                field = person.field(f"{node}.image")
                files.over(field, file)
                expect(field, f"{kind}, full: {full}").to_have_class(HELD)
                expect(outlined).to_have_count(1)
                expect(person.page.locator("#drop-zones")).to_have_count(0)
                files.away()
                expect(outlined).to_have_count(0)
                if not full:
                    files.over(field, file)
                    files.dropped()
                    expect(outlined).to_have_count(0)
                    expect(field.get_by_test_id("upload-text")).to_have_count(0)
        files.over(person.field("20.image"), PHOTO)
        files.over(person.page.locator("#stage"), PHOTO)
        expect(person.page.locator("#drop-zones")).to_be_visible()
        expect(outlined).to_have_count(0)
        files.away()
        files.session.detach()
        person.forgive("Waveform")  # whether a sound can be played is no matter here
        person.leave()


class Held:
    """Drag of files that appear directly over an element, as from a window above the page."""

    def __init__(self, person: Visitor) -> None:
        self._page = person.page
        self.session: CDPSession = person.page.context.new_cdp_session(person.page)
        self._told: dict[str, object] = {}

    def over(self, place: Locator, file: Path) -> None:
        """Hold a file over the middle of an element, which moves while the page draws fields above
        it."""
        eventually(lambda: self._is_over(place, file))

    def _is_over(self, place: Locator, file: Path) -> bool:
        """Send the enter and over events, and return whether the element stayed in place. If it
        moved, end the drag."""
        place.scroll_into_view_if_needed()
        box = place.bounding_box()
        assert box is not None
        kind = {".webp": "image/webp", ".webm": "video/webm", ".flac": "audio/flac"}[file.suffix]
        self._told = {
            "x": box["x"] + box["width"] / 2,
            "y": box["y"] + box["height"] / 2,
            "data": {
                "items": [{"mimeType": kind, "data": ""}],
                "files": [str(file)],
                "dragOperationsMask": 1,
            },
        }
        self._tell("dragEnter")
        self._tell("dragOver")
        after = place.bounding_box()
        if after is not None and after["y"] == box["y"]:
            return True
        self.away()
        return False

    def away(self) -> None:
        self._page.evaluate(LEAVE, [self._told["x"], self._told["y"]])

    def dropped(self) -> None:
        """Drop the file."""
        self._tell("drop")

    def _tell(self, kind: str) -> None:
        self.session.send("Input.dispatchDragEvent", {"type": kind, **self._told})


@contextmanager
def fields_for(takes: Mapping[str, tuple[str, Path]], fast: Site, folder: Path) -> Iterator[Site]:
    """Run a site with a workflow that has all these fields."""
    nodes: dict[str, object] = {}
    about = ""
    for node, (kind, _) in takes.items():
        nodes[node] = {"class_type": "LoadImage", "inputs": {"image": "nothing.png"}}
        nodes[f"{node}1"] = {"class_type": "PreviewImage", "inputs": {"images": [node, 0]}}
        label = json.dumps(f"{kind} {node}")
        about += f'[fields."{node}.image"]\nlabel = {label}\nwidget = "{kind}"\n'
    (folder / "all.json").write_text(prompt_with(**nodes))
    (folder / "all.toml").write_text(about)
    with running_app(fast.demo.url, workflows=folder) as app:
        yield Site(app.url, fast.demo, app)
