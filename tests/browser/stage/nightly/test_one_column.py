"""On phones and tablets, form and result share one column. New content in one part doesn't push the
other part or anything below it."""

from __future__ import annotations

import pytest
from playwright.sync_api import ViewportSize, expect

from tests.browser.nightly.walk.states import below_stage
from tests.support.batch_dialog import SMALL, set_runs
from tests.support.brought import give
from tests.support.visitor import Site, Visit, Visitor

SHORT = {"5.steps": 4, **SMALL}
ON_PAGE = """() => ["#stage .box", "#stage .headline", "#history", "#form-side"].map(
    (one) => Math.round(document.querySelector(one).getBoundingClientRect().top + scrollY))"""
IN_VIEW = (
    "() => Math.round(document.querySelector('#result-side').getBoundingClientRect().top) === 12"
)
SEEN_AT = "one => Math.round(one.getBoundingClientRect().top)"


@pytest.mark.parametrize("size", [(390, 844), (820, 1180)])
def test_nothing_moves_below_a_result(slow: Site, visit: Visit, size: tuple[int, int]) -> None:
    """The page reserves space for the parts of a result during the run. If the user has scrolled to
    the form, the visible field stays in place even though the first result adds the history."""
    window = ViewportSize(width=size[0], height=size[1])
    person = visit(slow, viewport=window).open(**SHORT)
    with slow.demo.hold("progress", after=2):
        person.press()
        person.frames(1)
        prompt = person.field("2.text")
        prompt.evaluate("one => one.scrollIntoView({ block: 'center' })")
        before = prompt.evaluate(SEEN_AT)
    first = person.done()
    expect(person.page.locator("#history .tile")).to_have_count(1)
    assert prompt.evaluate(SEEN_AT) == before
    painted = int(person.page.locator("#stage .stage").get_attribute("data-frames") or 0)
    with slow.demo.hold("progress", after=2):
        person.press()
        person.frames(painted + 1)
        below = below_stage(person.page)
        person.page.set_viewport_size(window)
        places = person.page.evaluate(ON_PAGE)
    person.done(after=first)
    expect(person.page.locator("#history .tile")).to_have_count(2)
    assert person.page.evaluate(ON_PAGE) == places
    assert [one[-1] for one in below_stage(person.page)] == [one[-1] for one in below]


def test_a_result_stays_in_view(slow: Site, visit: Visit) -> None:
    """If part of the form is visible below the stage, the first result stays in the run's place
    when the history appears. When Undo restores this or another result, the result is in view there
    again."""
    person = visit(slow, viewport={"width": 820, "height": 1180}).open(**SHORT)
    page = person.page
    with slow.demo.hold("progress", after=2):
        person.press()
        person.frames(1)
        page.wait_for_function(IN_VIEW)
    person.done()
    undo = page.locator("#undo").get_by_role("button", name="Undo")
    for count in (1, 2):
        expect(page.locator("#history .tile")).to_have_count(count)
        assert page.evaluate(IN_VIEW)
        person.more("Delete")
        expect(page.locator("#history .tile")).to_have_count(count - 1)
        undo.press("Enter")
        expect(page.locator("#history .tile").first).to_be_focused()
        page.wait_for_function(IN_VIEW)
        if count == 1:
            person.generate()


def test_narrow_pages_link_the_result_to_the_form(fast: Site, visit: Visit) -> None:
    """On a narrow page, a button beside Generate leads from the result to the prompt while the form
    is out of view. The bar covers nothing at the end of the page, even when it shows more text. A
    user who chooses a workflow or follows a link to it starts at its title, also with the keyboard.
    The last result, which another workflow made, isn't beside a form or an error. The page moves to
    a field's error. A file's error appears above Generate, and nothing moves."""
    person = visit(fast, viewport={"width": 390, "height": 844}).open("upscale")
    what_is_wrong_is_gone_to(person)
    person.type("5.steps", 1)
    edit = person.page.get_by_role("button", name="Edit", exact=True)
    expect(edit).to_be_hidden()
    person.generate()
    expect(person.page.locator("#form-side")).not_to_be_in_viewport(ratio=0.2)
    edit.click()
    expect(edit).to_be_hidden()
    expect(person.entry("2.text")).to_be_focused()
    expect(person.entry("2.text")).to_be_in_viewport(ratio=1)
    set_runs(person, 16)
    for width, height in ((390, 844), (820, 1180)):
        person.page.set_viewport_size({"width": width, "height": height})
        person.page.wait_for_function(
            """() => {
                scrollTo(0, document.body.scrollHeight);
                const [foot, bar] = ["#about", "#actions"].map((one) =>
                    document.querySelector(one).getBoundingClientRect());
                return foot.bottom <= bar.top;
            }"""
        )
    person.choose("Upscale")
    title = person.page.get_by_role("heading", name="Upscale", exact=True)
    expect(title).to_be_focused()
    expect(title).to_be_in_viewport(ratio=1)
    expect(title).to_have_css("outline-style", "none")
    person.page.goto(f"{fast.url}/?workflow=inpaint")
    expect(person.page.locator("#heading h1")).to_have_text("Inpaint")
    expect(person.page.get_by_role("heading", name="Inpaint", exact=True)).to_be_in_viewport(
        ratio=1
    )
    person.page.goto(f"{fast.url}/?workflow=nothing")
    expect(person.page.locator("#stage .empty")).to_contain_text("Choose a workflow first.")
    expect(person.page.locator("#stage .media img")).to_have_count(0)
    expect(person.page.locator("#no-form")).to_be_in_viewport(ratio=1)
    person.forgive("status of 4")  # the file's


def what_is_wrong_is_gone_to(person: Visitor) -> None:
    """Check that Generate without an image reports the error on the image's field only. The sentence about a refused file is visible from
    anywhere on the page, and the page doesn't move. The sentence stays until the user dismisses it
    or does something else."""
    page = person.page
    expect(page.locator("#form .takes-files").first).to_be_visible()
    remove = page.get_by_role("button", name="Remove Image")
    if remove.count():
        remove.click()
    person.press()
    expect(page.locator(".field-error")).to_be_in_viewport(ratio=1)
    said = page.locator("#stage .objection")
    expect(said).to_be_empty()
    person.turn_to("text-to-image")
    for width, height in ((820, 1180), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        expect(page.locator("#form .idea").first).to_be_visible()
        page.evaluate("scrollTo(0, 100)")
        before = page.evaluate(ON_PAGE)
        give(page, b"{}", "nothing.json")
        expect(said).to_contain_text("nothing.json")
        expect(said).to_be_in_viewport(ratio=1)
        assert page.evaluate("""() => document.querySelector(".objection").getBoundingClientRect()
            .bottom < document.querySelector("#actions").getBoundingClientRect().top""")
        assert (page.evaluate(ON_PAGE), page.evaluate("scrollY")) == (before, 100)
        expect(page.locator("#form .idea").first).to_be_visible()
        said.get_by_role("button", name="Dismiss").click()
        expect(said).to_be_hidden()
    give(page, b"{}", "nothing.json")
    expect(said).to_be_visible()
    person.type("2.text", "goes on")
    expect(said).to_be_hidden()
