"""Native checkboxes and fields in dialogs, which Gradio's and the dialogs' styles reach."""

from __future__ import annotations

import io

from PIL import Image
from playwright.sync_api import Locator, expect

from tests.support.batch_dialog import SMALL, finished_batch, open_sheet, vary, vary_row
from tests.support.visitor import Site, Visit

SEEN = 100  # of 255 between a tick and its ground
HEIGHTS = "all => [...new Set(all.map(one => one.offsetHeight))]"


def _is_seen(box: Locator) -> bool:
    """Tick a box, and return whether the tick differs from its ground."""
    box.check()
    with Image.open(io.BytesIO(box.screenshot())) as image:
        darkest, brightest = image.convert("L").getextrema()  # type: ignore[misc]
    return bool(brightest - darkest > SEEN)


def test_a_ticked_box_is_seen_in_every_dialog(fast: Site, visit: Visit) -> None:
    """In both themes. The fields of a small dialog over a batch are as high as anywhere else."""
    person = visit(fast).open(**SMALL)
    page = person.page
    assert _is_seen(vary_row(vary(person), "Model").get_by_role("checkbox", name="demo-broken"))
    page.keyboard.press("Escape")
    finished_batch(person, {"axes": [{"field": "5.steps", "text": "1, 2"}]}, **SMALL)
    sheet = open_sheet(person)
    sheet.get_by_role("button", name="Share…").click()
    share = page.get_by_role("dialog", name="Share 2 finished results")
    for theme in ("dark", "light"):
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        assert _is_seen(share.get_by_label("Include the prompt and settings")), theme
    fields = share.locator("select, input:not([type=checkbox])")
    expect(fields.first).to_be_visible()
    assert fields.evaluate_all(HEIGHTS) == [40]
