"""Short labels stay whole and on one line, in every language and at every size."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.nightly.walk.states import SIZES, at_every_size, set_size
from tests.support.visitor import Site, Visit, Visitor
from ui.languages.catalogs import Languages

TAGS = sorted(Languages().all.keys() - {"en"})
# Controls whose short label has several lines or is cut off. An idea is a whole sentence.
BROKEN = """() => {
    const found = [], range = document.createRange();
    const words = "button, summary, a.button, [role=menuitem], [role=option], [role=tab], label > span";
    for (const one of document.querySelectorAll(words)) {
        const text = one.innerText.trim(), box = one.getBoundingClientRect();
        if (!text || text.length > 40 || one.closest(".ideas, .spoken, .sr-only, [inert]")
            || !one.checkVisibility({ visibilityProperty: true, opacityProperty: true })
            || box.width < 2) continue;
        const { overflowX, textOverflow } = getComputedStyle(one);
        if (overflowX !== "visible" && textOverflow !== "ellipsis" && one.scrollWidth > one.clientWidth + 1)
            found.push(`${text} is cut off`);
        const nodes = document.createTreeWalker(one, NodeFilter.SHOW_TEXT);
        for (let node = nodes.nextNode(); node; node = nodes.nextNode()) {
            if (!node.data.trim() || !node.parentElement.checkVisibility()) continue;
            range.selectNodeContents(node);
            const lines = [...range.getClientRects()].filter(({ width }) => width > 0);
            if (lines.some(({ top }) => Math.abs(top - lines[0].top) > 4)) found.push(`${text} has several lines`);
        }
    }
    return found;
}"""


FORM_MENUS = (
    ("#form-menu button", "#form-menu [role=menuitem]"),
    ("#many button", "#many-menu button"),
)
RESULT_MENU = ("#stage .actions .more", "[role=menu]:popover-open [role=menuitem]")


def look(person: Visitor, state: str, *menus: tuple[str, str]) -> list[str]:
    """Return the broken labels at every size, on the page and in these menus."""
    page, found = person.page, []
    for size in at_every_size(page):
        found += [(state, size["width"], one) for one in page.evaluate(BROKEN)]
        for opens, entries in menus:
            page.locator(opens).first.click()
            expect(page.locator(entries).first).to_be_visible()
            found += [(opens, size["width"], one) for one in page.evaluate(BROKEN)]
            page.keyboard.press("Escape")
            expect(page.locator(entries).first).to_be_hidden()
    return [" · ".join(map(str, one)) for one in found]


@pytest.mark.parametrize("tag", TAGS)
def test_labels_stay_on_one_line(fast: Site, visit: Visit, tag: str) -> None:
    """No button, menu entry or choice is cut or broken: in the form with its advanced fields, its
    menus, beside a result, and where several values are tried. Japanese text breaks between
    phrases."""
    person = visit(fast, locale=tag, viewport=SIZES["desktop"]).open(**{"5.steps": 1})
    page = person.page
    expect(page.locator("html")).to_have_attribute("lang", tag)
    page.locator("#form .section button.label-wrap").click()
    expect(page.locator("#form .section [id^=field-]").first).to_be_visible()
    wrong = look(person, "the form", *FORM_MENUS)
    set_size(page, SIZES["desktop"])
    person.generate()
    wrong += look(person, "a result", RESULT_MENU)
    set_size(page, SIZES["desktop"])
    page.locator("#many button").first.click()
    page.locator("#many-menu button").last.click()
    expect(page.locator("dialog.vary")).to_be_visible()
    assert wrong + look(person, "several values") == []
    if tag == "ja":
        expect(page.locator("#description p")).to_have_css("word-break", "auto-phrase")
