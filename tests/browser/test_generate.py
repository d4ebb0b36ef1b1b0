"""From a shared address to an image: the form, the live previews, the result, Stop, the queue and
errors."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.support.visitor import Site, Visit, Visitor
from tests.support.waiting import eventually

# True if the preview and the headline's text are still the nodes of the first call.
KEPT = """() => {
    const image = document.querySelector('#stage img.live-frame');
    const nodes = [image, document.querySelector('#stage .headline').firstChild];
    window.kept ??= nodes;
    return nodes.every((node, at) => node === window.kept[at]);
}"""


def test_a_text_becomes_an_image(slow: Site, visit: Visit) -> None:
    """The stage paints frames during the run, then the image replaces them. A frame changes no
    elements, because the styles of the whole stage depend on them. The script of what users open,
    half of all script, isn't loaded for it."""
    person = visit(slow).open(**{"5.steps": 8})
    person.type("2.text", "a red lighthouse at dusk")
    person.press()
    expect(person.page.locator("#stage .headline")).to_contain_text("Sampling, step")
    person.frames(1)
    assert person.page.evaluate(KEPT)
    person.frames(3)
    assert person.page.evaluate(KEPT)
    expect(person.page.locator("#stage img.live-frame")).to_be_visible()
    run_id = person.done()
    assert slow.prompt_of(run_id)["2"]["inputs"]["text"] == "a red lighthouse at dusk"
    expect(person.page.locator("#history .tile img")).to_have_count(1)
    expect(person.page.locator("#stage .headline")).to_contain_text("Done")
    loaded = person.page.evaluate("performance.getEntriesByType('resource').map(({name}) => name)")
    assert [name for name in loaded if name.endswith("/later.js")]
    assert not [name for name in loaded if name.endswith("/opened.js")]


def test_a_failed_run_shows_the_cause(fast: Site, visit: Visit) -> None:
    """When a run fails on the server, the page says what happened and folds the details. It unfolds
    and marks the field of the failed node, and the form works again."""
    person = visit(fast).open(**{"5.steps": 2, "7.filename_prefix": "../outside"})
    expect(person.field("7.filename_prefix")).not_to_be_visible()
    person.press()
    person.phase("failed")
    expect(person.field("7.filename_prefix").locator(".field-error")).to_be_visible()
    assert set(person.errors()) == {"field-7-filename-prefix"}
    expect(person.page.locator("#stage .headline")).to_contain_text("Save image")
    expect(person.page.locator("#stage .advice")).not_to_be_empty()
    expect(person.page.locator("#stage details.detail")).to_be_visible()
    expect(person.page.locator("#stage details.detail pre")).not_to_be_visible()
    expect(person.page.locator("#stop")).to_be_disabled()
    person.type("7.filename_prefix", "inside")
    person.generate()


def stopped(slow: Site, visit: Visit) -> Visitor:
    """Start and stop a run, and check where the focus goes."""
    person = visit(slow).open()
    expect(person.page.locator("#stop")).to_be_disabled()
    person.press()
    person.frames(1)
    person.page.locator("#stop").press("Enter")
    person.phase("stopped")
    expect(person.page.locator("#generate")).to_be_focused()
    eventually(slow.idle, "the server is idle")
    return person


def test_stop_ends_the_run_on_the_server(slow: Site, visit: Visit) -> None:
    """The last preview stays, marked as stopped, and the focus goes to Generate."""
    person = stopped(slow, visit)
    expect(person.page.locator("#stage .headline")).to_have_text("Stopped")
    expect(person.page.get_by_role("img", name="Last preview")).to_be_visible()
