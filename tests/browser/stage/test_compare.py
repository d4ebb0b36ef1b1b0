"""A result beside the image that it was made from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.support.visitor import Site, Visitor

Visit = Callable[..., Visitor]


def lies_over_the_result(page: Page) -> None:
    """Both have the same height, and the same middle."""
    before, after = (
        page.locator(f"#stage {one}").bounding_box() for one in (".before img", ".media > img")
    )
    assert before
    assert after
    assert before["height"] == pytest.approx(after["height"], abs=1)
    assert before["width"] == pytest.approx(before["height"], abs=1)
    for start, size in (("x", "width"), ("y", "height")):
        middles = [box[start] + box[size] / 2 for box in (before, after)]
        assert middles[0] == pytest.approx(middles[1], abs=1)


def test_before_and_after(fast: Site, visit: Visit, tmp_path: Path) -> None:
    """Compare draws the image that was given over the result, up to a slider that keys move, also
    over the whole window; the next result begins without it."""
    given = tmp_path / "given.png"
    Image.new("RGB", (640, 480), (200, 30, 30)).save(given)
    person = visit(fast).open("image-to-image", **{"8.steps": 1})
    page = person.page
    compare = page.get_by_role("button", name="Compare")
    person.field("4.image").locator("input[type=file]").first.set_input_files(given)
    expect(person.field("4.image").locator("img[src*='given.png']")).to_be_visible()
    person.generate()
    compare.click()
    before = page.locator("#stage .before img")
    expect(before).to_be_visible()
    lies_over_the_result(page)
    split = page.get_by_role("slider", name="How much is seen of the image before")
    split.focus()
    split.press("End")
    expect(split).to_have_value("100")
    page.locator("#stage .media > img").click(position={"x": 60, "y": 60})
    page.keyboard.press("+")
    lies_over_the_result(page)
    page.keyboard.press("Escape")
    person.generate()
    expect(before).to_be_hidden()
    expect(compare).to_have_attribute("aria-pressed", "false")
