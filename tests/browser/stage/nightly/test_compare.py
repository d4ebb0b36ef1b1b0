"""A result beside the image that it was made from."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.form.nightly.test_masks import opened, stroke
from tests.browser.stage.test_compare import Visit
from tests.support.visitor import Site


def test_before_the_paint(fast: Site, visit: Visit) -> None:
    """What came of an image that was painted on is compared with that image, whole and without the
    paint. Both buttons of the stage are seen, wherever the pointer is, and both sides have a name."""
    person = opened(visit, fast)
    stroke(person, (0.3, 0.3), (0.6, 0.6))
    person.generate()
    page = person.page
    page.mouse.move(5, 5)
    compare = page.locator("#stage .compare")
    for one in (compare, page.locator("#stage button.full")):
        expect(one).to_have_css("opacity", "1")
    compare.click()
    before = page.locator("#stage .before img")
    expect(before).to_be_visible()
    least_alpha = before.evaluate("""image => {
        const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
        const context = canvas.getContext("2d");
        context.drawImage(image, 0, 0);
        const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
        return data.filter((_, at) => at % 4 === 3).reduce((one, other) => Math.min(one, other));
    }""")
    assert least_alpha == 255
    for word in ("Before", "After"):
        expect(page.locator("#stage .before").get_by_text(word, exact=True)).to_be_visible()
