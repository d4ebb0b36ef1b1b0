"""Accessibility by keyboard, with a screen reader, on a phone and in the dark theme. No request
leaves the machine."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import expect

from tests.browser.nightly.walk.states import SETTLE
from tests.support.visitor import Site, Visit, Visitor

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
# Part of the page that has the focus, and whether the focus is visible.
FOCUSED = """() => {
    const one = document.activeElement;
    const place = one.closest("[id^=field-], [id^=fold-], #picker, #generate, #form-menu, #history, .grid,"
        + " .stage .actions, .details");
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(one);
    const seen = outlineStyle !== "none" && parseFloat(outlineWidth) > 0 || boxShadow !== "none"
        || one.matches("input, textarea");
    return [place?.id || place?.classList[0] || one.tagName, seen, one.outerHTML];
}"""
READ_IN_ORDER = [
    "picker",
    "form-menu",
    "field-2-text",
    "fold-field-3-text",
    "fold-field-4-width",
    "generate",
    "grid",
    "actions",
    "details",
    "history",
]


def test_the_keyboard_is_enough(fast: Site, visit: Visit) -> None:
    """Ctrl+Enter generates from inside the text, with the words typed up to that moment, and from a
    checkbox, which stays unchanged. Tab moves through list, menu, fields, Generate and results in
    reading order. Each focused element has an outline or a border of its own. Every request, from
    opening to the result, goes to the app: no fonts, no telemetry, no CDN. The press goes to the
    API and results arrive over a socket, without any Gradio call."""
    person = visit(fast).recording().open(**{"5.steps": 1, "4.batch_size": 2})
    page = person.page
    person.entry("2.text").fill("typed and sent")
    before = len(person.requests)
    page.keyboard.press("Control+Enter")
    run_id = person.done()
    calls = [one for one in person.requests[before:] if "/gradio_api/" in one]
    assert not calls
    assert fast.prompt_of(run_id)["2"]["inputs"]["text"] == "typed and sent"
    expect(person.entry("2.text")).to_have_value("typed and sent")
    expect(page.locator("#history .tile")).to_be_visible()
    page.evaluate("document.activeElement.blur(); window.getSelection().removeAllRanges()")
    page.mouse.click(2, 2)
    reached: list[str] = []
    for number in range(80):
        page.keyboard.press("Tab")
        place, seen, html = page.evaluate(FOCUSED)
        assert seen or number >= 14, html
        reached.append(place)
    order = list(dict.fromkeys(reached))
    assert [one for one in order if one in READ_IN_ORDER] == READ_IN_ORDER
    assert len(person.requests) > 10
    assert {urlsplit(one).netloc for one in person.requests} - {""} == {urlsplit(fast.url).netloc}


def test_requests_to_other_machines_fail_and_are_reported(fast: Site, visit: Visit) -> None:
    """Test browsers reach only this machine. A page's request to another machine, by name or by
    number, fails and is reported."""
    person = visit(fast)
    addresses = ["http://elsewhere.test/", "http://192.0.2.1/"]
    for address in addresses:
        with person.page.expect_event("requestfailed") as failed:
            person.page.evaluate("address => fetch(address).catch(() => 0)", address)
        assert failed.value.failure == "net::ERR_NAME_NOT_RESOLVED"
    assert person.outside == addresses
    assert len(person.complaints) == 2
    person.failed.clear()
    person.forgive("ERR_NAME_NOT_RESOLVED")


def low_contrast(person: Visitor) -> list[str]:
    person.page.evaluate(SETTLE)
    found: list[str] = person.page.evaluate(LOW_CONTRAST)
    return found


def test_tab_stays_in_a_dialog_over_the_dimmed_page(fast: Site, visit: Visit) -> None:
    """The page behind can't be pressed with the keyboard. It has the focus again afterwards."""
    person = visit(fast).open()
    person.for_form("Save or apply presets…")
    dialog = person.page.locator("#presets")
    expect(dialog.locator("input[type=text]")).to_be_focused()
    expect(person.page.locator("body > [inert]").first).to_be_attached()
    for _ in range(2 * dialog.locator("button, input").count()):
        person.page.keyboard.press("Tab")
        assert person.page.evaluate(
            "document.activeElement === document.body || !!document.activeElement.closest('#presets')"
        )
    person.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(person.page.get_by_role("button", name="Form actions")).to_be_focused()
