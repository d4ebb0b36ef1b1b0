"""A result behind a link, which its owner makes and can take back."""

from __future__ import annotations

import re
from collections.abc import Callable

import requests
from playwright.sync_api import BrowserContext, expect

from tests.browser.stage.test_shared import GONE, Visit
from tests.support.visitor import Site
from tests.support.waiting import LONGEST_WAIT


def test_shares_a_damaged_file_with_its_prompt_only(fast: Site, visit: Visit) -> None:
    """Where a file's metadata can't be removed, the dialog says so and makes no link before the
    prompt is ticked, which stays so."""
    anna = visit(fast).open("text-to-image", **{"5.steps": 1, "2.text": "a keeper of secrets"})
    run = fast.run(anna.generate())
    kept = fast.app.services.copies.blobs.path(run.state.files[0].digest)
    assert kept is not None
    kept.write_bytes(kept.read_bytes()[:-12])
    anna.page.get_by_role("button", name="Share…").click()
    panel = anna.page.get_by_role("dialog", name="Share this result")
    expect(panel).to_contain_text("This kind of file can't be shared without its prompt.")
    expect(panel.get_by_label("Link")).to_be_hidden()
    expect(panel.get_by_role("button", name="Stop sharing")).to_have_count(0)
    tick = panel.get_by_label("Show the prompt, too")
    expect(tick).to_be_focused()
    tick.check()
    expect(panel.get_by_label("Link")).to_have_value(
        re.compile(rf"{re.escape(fast.url)}/shared/.+")
    )
    expect(panel).to_contain_text("The file carries its workflow")
    expect(tick).to_be_disabled()
    anna.page.keyboard.press("Escape")


def test_a_link_ends_with_its_result(
    fast: Site, visit: Visit, context_of: Callable[..., BrowserContext]
) -> None:
    """A video is played from its link; once the result is deleted, the link says that it no longer
    works. Where nobody has to sign in, any browser may follow it."""
    person = visit(fast).open(
        "animation", **{"5.steps": 1, "7.steps": 1, "6.amount": 3, "4.width": 256, "4.height": 256}
    )
    run_id = person.generate()
    kinds = [file.kind for file in fast.run(run_id).state.files]
    person.page.locator("#stage .thumbnail").nth(kinds.index("video")).click()
    expect(person.page.locator("#stage .media video")).to_be_visible()
    person.page.get_by_role("button", name="Share…").click()
    link = person.page.get_by_label("Link", exact=True).input_value()
    other = context_of().new_page()
    other.goto(link)
    other.locator("main video").evaluate("video => { video.muted = true; return video.play(); }")
    other.wait_for_function("document.querySelector('main video').currentTime > 0")
    person.page.keyboard.press("Escape")
    person.page.locator("#stage .actions").get_by_role("button", name="Delete").click()
    expect(person.page.locator("#undo")).not_to_be_empty()
    other.reload()
    expect(other.get_by_role("heading", name=GONE)).to_be_visible()
    assert requests.get(link, timeout=LONGEST_WAIT).status_code == 404
    other.close()
