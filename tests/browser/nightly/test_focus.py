"""Keyboard focus after the focused element is gone or a run fails."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.support.visitor import Site, Visit, Visitor


def delete(person: Visitor) -> None:
    button = person.page.locator("#stage .actions").get_by_role("button", name="More")
    button.evaluate("""button => {
        scrollTo({ top: 0, behavior: "instant" });
        button.focus({ preventScroll: true });
    }""")
    person.page.keyboard.press("Enter")
    expect(person.page.get_by_role("menuitem").first).to_be_focused()
    person.page.keyboard.press("ArrowUp")
    person.page.keyboard.press("Enter")


def test_deleting_moves_the_focus_to_the_next_tile(fast: Site, visit: Visit) -> None:
    """After each deletion, the next tile has the focus, the stage shows its result, and the page
    doesn't scroll. After the last deletion, Generate has the focus."""
    person = visit(fast, viewport={"width": 1280, "height": 560}).open(**{"5.steps": 1})
    first, second, third = person.generate(), person.generate(), person.generate()
    tile = '#history .tile[data-run="{}"]'
    expect(person.page.locator("#history .tile")).to_have_count(3)
    for deleted, left in ((second, first), (first, third)):
        person.page.locator(tile.format(deleted)).press("Enter")
        expect(person.page.locator(f'#stage .stage[data-run="{deleted}"]')).to_be_visible()
        delete(person)
        expect(person.page.locator(tile.format(left))).to_be_focused()
        expect(person.page.locator(f'#stage .media img[src*="{left}"]')).to_be_visible()
        assert person.page.evaluate("scrollY") == 0
    person.page.keyboard.press("Enter")
    expect(person.page.locator(f'#stage .stage[data-run="{third}"]')).to_be_visible()
    delete(person)
    expect(person.page.locator("#history .tile")).to_have_count(0)
    expect(person.page.locator("#generate")).to_be_focused()


def test_an_action_keeps_the_focus_although_it_is_drawn_again(fast: Site, visit: Visit) -> None:
    """The star keeps the focus when it changes. While the varied run is in progress, the viewport
    has it instead of *Vary*, which gets it back."""
    person = visit(fast).open(**{"5.steps": 1})
    before = person.generate()
    actions = person.page.locator("#stage .actions")
    star = actions.get_by_role("button", name="Favorite")
    star.focus()
    star.press("Enter")
    expect(star).to_have_attribute("aria-pressed", "true")
    expect(star).to_be_focused()
    vary = actions.get_by_role("button", name="Vary", exact=True)
    vary.focus()
    person.page.evaluate("""() => {
        window.lost = 0;
        document.addEventListener("focusout", () => setTimeout(() => {
            if (document.activeElement === document.body) window.lost += 1;
        }));
    }""")
    vary.press("Enter")
    expect(person.page.locator("#stage .stage")).not_to_have_attribute("data-run", before)
    expect(vary).to_be_focused()
    assert person.page.evaluate("window.lost") == 0


def what_has_the_focus_is_not_behind_the_buttons(person: Visitor) -> None:
    """Check that a user who tabs through the form sees each focused part above Generate."""
    entry = person.entry("2.text")
    entry.focus()
    for _ in range(40):
        person.page.keyboard.press("Tab")
        inside, bottom = person.page.evaluate("""() => {
            const focused = document.activeElement;
            const bar = document.querySelector("#actions").getBoundingClientRect();
            const bottom = focused.getBoundingClientRect().bottom;
            return [Boolean(focused.closest("#form")), bottom - bar.top];
        }""")
        if not inside:
            break
        assert bottom <= 0
    assert not inside


def choose_broken(person: Visitor) -> None:
    """Choose the model that no run can load."""
    box = person.entry("1.ckpt_name")
    box.click()
    person.page.locator("#form").get_by_role("option", name="demo-broken").click()
    expect(box).to_have_value("demo-broken")


def test_a_list_does_not_cover_its_description(fast: Site, visit: Visit) -> None:
    """A run that fails because of a list leads the user to that list, with the error below it and
    no choices above it. A click opens the list, and typing right away searches it."""
    person = visit(fast).open()
    what_has_the_focus_is_not_behind_the_buttons(person)
    person.unfold()
    choose_broken(person)
    person.press()
    person.phase("failed")
    expect(person.field("1.ckpt_name").locator(".field-error")).to_be_visible()
    box, options = person.entry("1.ckpt_name"), person.page.locator("#form").get_by_role("option")
    expect(box).to_be_focused()
    expect(options).to_have_count(0)
    edge = box.evaluate("box => getComputedStyle(box.closest('.wrap')).borderColor")
    assert edge == "rgb(197, 48, 48)"
    box.evaluate("() => new Promise(done => setTimeout(done, 600))")  # it is led to twice
    expect(options).to_have_count(0)
    box.click()
    expect(options.filter(has_text="demo-landscapes")).to_be_visible()
    person.page.keyboard.press("Escape")
    person.press()
    expect(box).to_be_focused()
    expect(options).to_have_count(0)
    person.page.keyboard.type("water")
    box.evaluate("() => new Promise(done => setTimeout(done, 600))")
    expect(box).to_have_value("water")
    expect(options).to_have_text([re.compile("demo-watercolour")])


def test_a_failed_run_does_not_interrupt_typing(slow: Site, visit: Visit) -> None:
    """The user's typing continues in its field while the run fails. The form marks the field with
    the error."""
    person = visit(slow).open(**{"5.steps": 100})  # runs until the test speeds up the server
    person.unfold()
    person.press()
    person.frames(1)
    choose_broken(person)
    person.press()
    expect(person.waiting()).to_have_count(1)
    person.entry("2.text").fill("the next")
    slow.demo.speed.step = 0
    expect(person.field("1.ckpt_name").locator(".field-error")).to_be_attached()
    expect(person.entry("2.text")).to_be_focused()
    person.page.keyboard.type(" idea")
    expect(person.entry("2.text")).to_have_value("the next idea")
