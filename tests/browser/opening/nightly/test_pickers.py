"""Controls that once failed: lists without search, links that were not copied, a dead button."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, expect

from tests.support.visitor import Site, Visit, Visitor

# Over plain HTTP, as in most offices, browsers hand out no clipboard to scripts.
NO_CLIPBOARD = "Object.defineProperty(navigator, 'clipboard', { value: undefined })"
LISTED = "#form [role=listbox]"
STANDS_ABOVE = """(parts) => {
    const [upper, lower] = parts.map((part) => document.querySelector(part).getBoundingClientRect());
    return upper.bottom <= lower.top + 2;
}"""
LOW = """box => document.querySelector("#form-side").scrollBy(
    0, box.getBoundingClientRect().bottom + 180 - innerHeight)"""
SAID = "list => list.checkVisibility() && getComputedStyle(list, '::after').content"
SLOW_PREVIEW = """(() => {
    const onload = Object.getOwnPropertyDescriptor(HTMLElement.prototype, "onload");
    Object.defineProperty(HTMLImageElement.prototype, "onload", {
        set(listener) {
            const late = () => { window.loaded = listener; };
            onload.set.call(this, this.classList.contains("live-frame") ? late : listener);
        },
    });
})()"""


def models(person: Visitor) -> Locator:
    """Return the input of the model list."""
    person.unfold()
    return person.entry("1.ckpt_name")


def test_a_list_is_searched_by_typing(fast: Site, visit: Visit) -> None:
    """A list that the user leaves by Tab closes and keeps its choice, and a long list is no extra
    tab stop. The user clicks and types a few letters to find a model, without deleting the current
    text first. Escape ends the search: the choice returns, and the next click opens the list. Low
    in the window, a list without room below its box opens above its label. The list says when
    nothing matches."""
    person = visit(fast).open("text-to-image")
    a_link_is_copied_over_plain_http(person)
    box = models(person)
    options = person.page.locator("#form").get_by_role("option")
    box.focus()
    expect(options.first).to_be_visible()
    box.press("Tab")
    expect(box).not_to_be_focused()
    expect(options).to_have_count(0)
    expect(box).to_have_value("demo-landscapes")
    person.entry("5.sampler_name").focus()
    expect(options.nth(10)).to_be_attached()
    person.page.keyboard.press("Tab")
    expect(person.entry("5.denoise")).to_be_focused()
    box.click()
    person.page.keyboard.type("water")
    expect(box).to_have_value("water")
    expect(options).to_have_count(1)
    person.page.keyboard.press("Enter")
    expect(box).to_have_value("demo-watercolour")
    box.click()
    person.page.keyboard.type("qqq")
    assert person.page.locator("#form .option-list").evaluate(SAID) == '"No results."'
    person.page.keyboard.press("Escape")
    expect(box).to_have_value("demo-watercolour")
    box.evaluate(LOW)
    box.click()
    expect(options.filter(has_text="demo-landscapes")).to_be_visible()
    person.page.wait_for_function(STANDS_ABOVE, arg=["#field-1-ckpt-name .wrap-inner", LISTED])
    ring = box.evaluate("box => parseInt(getComputedStyle(box.closest('.wrap')).outlineOffset)")
    assert ring < 0  # The field clips anything outside its box.
    person.page.keyboard.press("Escape")
    samplers = person.entry("5.sampler_name")
    samplers.evaluate(LOW)
    samplers.click()
    label = "#field-5-sampler-name [data-testid=block-info]"
    person.page.wait_for_function(STANDS_ABOVE, arg=[LISTED, label])
    person.page.keyboard.type("lcm")
    person.page.wait_for_function(STANDS_ABOVE, arg=["#field-5-sampler-name .wrap-inner", LISTED])


def a_link_is_copied_over_plain_http(person: Visitor) -> None:
    """Check that the link is copied even if scripts have no clipboard, and that the form's
    menu says so."""
    person.page.evaluate(NO_CLIPBOARD)
    person.for_form("Copy link to these settings")
    expect(person.page.locator("#form-menu")).to_contain_text("Link copied")
    person.entry("2.text").fill("")
    person.entry("2.text").press("Control+v")
    link = re.escape(f"{person.site.url}/?workflow=text-to-image&2.text=a+small+harbor+town")
    expect(person.entry("2.text")).to_have_value(re.compile(f"^{link}"))
    expect(person.page.locator("#form-menu")).not_to_contain_text("Link copied")


def test_generate_without_a_workflow_shows_the_reason(fast: Site, visit: Visit) -> None:
    """The address of a workflow that doesn't exist shows an error and offers the list of workflows.
    Until there is a form, Generate is off and says why, and no other text suggests pressing it."""
    person = visit(fast)
    person.page.goto(f"{fast.url}/?workflow=nothing")
    expect(person.page.locator("#no-form")).to_contain_text("Workflow “nothing” not found.")
    expect(person.workflows()).to_be_visible()
    generate = person.page.locator("#generate")
    expect(generate).to_be_disabled()
    expect(generate).to_have_attribute("title", re.compile("Choose a workflow"))
    expect(person.page.locator("#stage .headline")).not_to_contain_text("Generate")
    empty = person.page.locator("#stage .empty")
    with person.page.expect_file_chooser():
        empty.get_by_role("button", name="Open a workflow…").click()
    empty.get_by_role("button", name="Choose a workflow").click()
    expect(person.page.locator("#picker dialog")).to_be_visible()
    person.page.keyboard.press("Escape")
    person.choose("Text to image")
    expect(generate).to_be_enabled()
    expect(generate).to_have_attribute("title", "Ctrl + Enter")  # on it there may be no room
    expect(empty.locator("figcaption")).to_have_text("Example")
    expect(empty.get_by_role("button", name="a workflow")).to_have_count(0)


def test_a_late_preview_does_not_cover_the_result(slow: Site, visit: Visit) -> None:
    """The page discards a preview that the browser loads only after the run has finished."""
    person = visit(slow)
    person.before_load(SLOW_PREVIEW)
    person.open("text-to-image", **{"5.steps": 3})
    person.press()
    person.page.wait_for_function("Boolean(window.loaded)")
    person.done()
    person.page.evaluate("() => window.loaded()")
    person.page.evaluate("() => new Promise(done => setTimeout(done, 200))")
    expect(person.page.locator("img.live-frame")).to_have_count(0)
