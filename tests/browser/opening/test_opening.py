"""Workflows that users open on the page, and a workflow folder that changes while the page is
open."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from tests.support.brought import give, image_with, own_prompt
from tests.support.visitor import Site, Visitor

Visit = Callable[..., Visitor]

DRAG_OVER = """() => {
    const transfer = new DataTransfer();
    transfer.items.add(new File(["{}"], "a.json", { type: "application/json" }));
    const options = { dataTransfer: transfer, bubbles: true, cancelable: true };
    document.querySelector("#heading").dispatchEvent(new DragEvent("dragover", options));
}"""


# File contents that hold a prompt, by file name.
FILES: dict[str, Callable[[dict[str, Any]], bytes]] = {
    "brought.json": lambda prompt: json.dumps(prompt).encode(),
    "wrapped.json": lambda prompt: json.dumps({"prompt": prompt}).encode(),
    "image.png": lambda prompt: image_with(prompt=prompt),
}


def test_a_file_opens_its_form(fast: Site, visit: Visit, nightly: bool) -> None:
    r"""Dropping or pasting a file beside the fields opens its workflow, which then runs.

    A pasted image goes into an image field if there is one. Earlier results of another workflow
    leave the stage, and a reload doesn't bring them back. The app doesn't offer to undo the reset
    of another form. A result of this app opens with its own settings.
    """
    person = visit(fast).open("upscale")
    undo = person.page.locator("#replaced button", has_text="Undo reset")
    empty = person.page.locator("#stage .empty")
    ways = ("drop", "paste")
    tried = itertools.product(FILES, ways) if nightly else zip(FILES, itertools.cycle(ways))
    for number, (name, how) in enumerate(tried):
        words = f"brought text {number}"
        prompt = own_prompt(words)
        prompt["5"]["inputs"]["steps"] = 1
        give(person.page, FILES[name](prompt), name, how)
        expect(person.entry("2.text")).to_have_value(words)
        expect(person.page.locator("#opened-here")).to_be_visible()
        expect(undo).to_be_hidden()
        expect(empty).to_be_visible()
        expect(person.page.locator("#stage .media > *")).to_have_count(0)
        assert json.loads(person.page.evaluate("sessionStorage['comfyforms.read']")) == []
        if how == "drop":
            assert fast.prompt_of(person.generate())["2"]["inputs"]["text"] == words
        person.page.get_by_role("button", name="Reset", exact=True).click()
        expect(undo).to_be_visible()
    a_result_opens_as_it_was_made(fast, person)


def a_result_opens_as_it_was_made(site: Site, person: Visitor) -> None:
    person.turn_to("text-to-image")
    person.type("2.text", "a fox")
    run = person.generate()
    (file,) = site.run(run).state.files
    path = site.services.copies.blobs.path(file.digest)
    assert path is not None
    person.type("2.text", "something else")
    give(person.page, path.read_bytes(), "Text-to-image_1_a-fox.png")
    expect(person.entry("2.text")).to_have_value("a fox")
    expect(person.page.locator("#heading [data-workflow=text-to-image]")).to_be_visible()
    seed = site.prompt_of(run)["5"]["inputs"]["seed"]
    expect(person.entry("5.seed")).to_have_value(str(seed))
