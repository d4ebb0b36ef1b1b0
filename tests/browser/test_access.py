"""Usable by everybody: by keyboard, with a screen reader, on a phone, in the dark; and nothing
leaves the machine."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.walk.states import SETTLE
from tests.support.visitor import Site, Visitor

Visit = Callable[..., Visitor]
PHONE = {"viewport": {"width": 400, "height": 800}, "has_touch": True, "is_mobile": True}

# WCAG 2.2's contrast of text with the nearest opaque background, for every element that has text of
# its own.
LOW_CONTRAST = """() => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const rgba = (colour) => {
        canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
        const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
        return [r, g, b, a / 255];
    };
    const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
    const background = (one) => {
        const layers = [];
        for (let at = one; at; at = at.parentElement) layers.push(rgba(getComputedStyle(at).backgroundColor));
        return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
    };
    const luminance = ([r, g, b]) => {
        const [x, y, z] = [r, g, b].map((c) => (c /= 255) <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4);
        return .2126 * x + .7152 * y + .0722 * z;
    };
    const found = [];
    for (const one of document.querySelectorAll("body *")) {
        const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim())
            || one.matches("input:not([type=checkbox]):not([type=range]), textarea");
        if (!own || one.disabled || one.closest("[disabled], .spoken, .sr-only, script, style")
            || !one.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
        const below = background(one);
        const both = [luminance(over(rgba(getComputedStyle(one).color), below)), luminance(below)];
        const ratio = (Math.max(...both) + .05) / (Math.min(...both) + .05);
        if (ratio < 4.5) found.push(`${one.className} ${one.textContent.trim().slice(0, 30)}: ${ratio.toFixed(2)}`);
    }
    return found;
}"""
UNNAMED = """() => [...document.querySelectorAll("input, textarea, select, button, a, [role=progressbar]")]
    .filter((one) => one.checkVisibility({ visibilityProperty: true }) && one.type !== "file" && !(
        one.labels?.length && [...one.labels].some((label) => label.textContent.trim())
        || one.getAttribute("aria-label")?.trim()
        || document.getElementById(one.getAttribute("aria-labelledby"))?.textContent.trim()
        || (one.matches("button, a")
            && (one.textContent.trim() || one.title || one.querySelector("img[alt]:not([alt=''])")))))
    .map((one) => one.outerHTML.slice(0, 120))"""


def test_enter_with_control_generates(fast: Site, visit: Visit) -> None:
    """Ctrl+Enter generates from inside the text, with the text as it is typed at that moment."""
    person = visit(fast).open(**{"5.steps": 1})
    person.entry("2.text").fill("typed and sent")
    person.page.keyboard.press("Control+Enter")
    run_id = person.done()
    assert fast.prompt_of(run_id)["2"]["inputs"]["text"] == "typed and sent"
    expect(person.entry("2.text")).to_have_value("typed and sent")


def test_the_keyboard_reaches_everything(fast: Site, visit: Visit) -> None:
    """Tab goes through list, fields, tools, Generate and the results, in the order they are
    read."""
    person = visit(fast).open(**{"5.steps": 1, "4.batch_size": 2})
    person.generate()
    expect(person.page.locator("#history .tile")).to_be_visible()
    person.page.evaluate("document.activeElement.blur(); window.getSelection().removeAllRanges()")
    person.page.mouse.click(2, 2)
    reached: list[str] = []
    for _ in range(60):
        person.page.keyboard.press("Tab")
        reached.append(
            str(
                person.page.evaluate(
                    "(() => { const one = document.activeElement; const place ="
                    " one.closest('[id^=field-], #picker, #generate, #tools, #history, .thumbnails,"
                    " .stage .actions, .details'); return place?.id || place?.className ||"
                    " one.tagName; })()"
                )
            )
        )
    order = [one for index, one in enumerate(reached) if one not in reached[:index]]
    wanted = [
        "picker",
        "field-2-text",
        "field-3-text",
        "field-4-width",
        "field-5-steps",
        "field-5-seed",
        "tools",
        "generate",
        "thumbnails",
        "actions",
        "details",
        "history",
    ]
    assert [one for one in order if one in wanted] == wanted


def test_focus_can_be_seen(fast: Site, visit: Visit) -> None:
    """Whatever has the keyboard's focus is outlined or has a border of its own."""
    person = visit(fast).open()
    person.page.mouse.click(2, 2)
    for _ in range(14):
        person.page.keyboard.press("Tab")
        seen = person.page.evaluate(
            "(() => { const one = getComputedStyle(document.activeElement); return one.outlineStyle"
            " !== 'none' && parseFloat(one.outlineWidth) > 0 || one.boxShadow !== 'none' ||"
            " document.activeElement.matches('input, textarea'); })()"
        )
        assert seen, person.page.evaluate("document.activeElement.outerHTML")


@pytest.mark.parametrize("workflow", ["text-to-image", "inpaint", "animation"])
def test_everything_has_a_name(fast: Site, visit: Visit, workflow: str) -> None:
    """Every input, button and link has a name that a screen reader can say."""
    person = visit(fast).open(workflow)
    person.unfold()
    assert person.page.evaluate(UNNAMED) == []


def test_results_have_names(fast: Site, visit: Visit) -> None:
    """So has everything that comes with a result; the picture has a description."""
    person = visit(fast).open(**{"5.steps": 1})
    person.generate()
    assert person.page.evaluate(UNNAMED) == []
    expect(person.page.locator("#stage .media img")).not_to_have_attribute("alt", "")


def test_progress_is_announced_politely(slow: Site, visit: Visit) -> None:
    """A screen reader hears the phases, not every step."""
    person = visit(slow).open(**{"5.steps": 8})
    person.page.evaluate(
        "() => { window.heard = []; new MutationObserver(() => window.heard.push("
        "document.querySelector('.spoken').textContent)).observe(document.querySelector('.spoken'),"
        " { childList: true, characterData: true, subtree: true }); }"
    )
    person.generate()
    heard = person.page.evaluate("window.heard")
    assert 2 <= len(heard) <= 5, heard
    assert heard[-1].startswith("Done")


def low_contrast(person: Visitor) -> list[str]:
    """What is hard to read, once its colours have settled."""
    person.page.evaluate(SETTLE)
    found: list[str] = person.page.evaluate(LOW_CONTRAST)
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(fast: Site, visit: Visit, scheme: str) -> None:
    """All text has a contrast of at least 4.5 to what is behind it: idle, done, with errors, and
    failed."""
    person = visit(fast, color_scheme=scheme).open(**{"5.steps": 1})
    expect(person.page.locator("body.dark")).to_have_count(int(scheme == "dark"))
    person.unfold()
    assert low_contrast(person) == []
    person.generate()
    assert low_contrast(person) == []
    person.type("4.width", 7)
    person.press()
    expect(person.page.locator(".field-error")).to_be_visible()
    assert low_contrast(person) == []


def test_light_and_dark(fast: Site, visit: Visit) -> None:
    """The page follows the system; the button changes that, and the choice survives a reload."""
    person = visit(fast, color_scheme="dark").open()
    expect(person.page.locator("body.dark")).to_have_count(1)
    person.page.get_by_role("button", name="Switch theme").click()
    expect(person.page.locator("body.dark")).to_have_count(0)
    person.page.reload()
    person.ready()
    expect(person.page.locator("body.dark")).to_have_count(0)


def test_a_phone(slow: Site, visit: Visit) -> None:
    """On a phone Generate is in reach without scrolling, nothing is wider than the screen, the
    picture comes first."""
    person = visit(slow, **PHONE).open(**{"5.steps": 6})
    expect(person.page.locator("#generate")).to_be_in_viewport(ratio=1)
    assert person.page.evaluate("document.documentElement.scrollWidth") <= 400
    person.press()
    person.frames(1)
    expect(person.page.locator("#stage .viewport")).to_be_in_viewport(ratio=0.9)
    expect(person.page.locator("#stage .headline")).to_be_in_viewport(ratio=1)
    expect(person.page.locator("#stop")).to_be_in_viewport(ratio=1)
    person.done()
    expect(person.page.locator("#stage .media img")).to_be_in_viewport(ratio=0.9)
    assert person.page.evaluate("document.documentElement.scrollWidth") <= 400


def test_nothing_leaves_this_machine(fast: Site, visit: Visit) -> None:
    """Every request of the page, from opening to downloading, goes to the app: no fonts, no
    telemetry, no CDN."""
    person = visit(fast).open(**{"5.steps": 1})
    person.generate()
    assert len(person.requests) > 10
    assert {urlsplit(one).netloc for one in person.requests} - {""} == {urlsplit(fast.url).netloc}


def test_an_idle_page_is_quiet(fast: Site, visit: Visit) -> None:
    """A page that nobody uses asks for next to nothing: at most one request in five seconds."""
    person = visit(fast).open()
    person.page.wait_for_load_state("networkidle")
    before = len(person.requests)
    person.page.wait_for_timeout(5000)  # it is the silence that is measured
    assert len(person.requests) - before <= 1
