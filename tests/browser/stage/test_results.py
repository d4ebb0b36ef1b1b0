"""Results: the gallery, moving images, texts, and files exactly as the server made them."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import expect

from tests.support.batch_dialog import SMALL, set_images
from tests.support.serving import WORKFLOWS
from tests.support.visitor import Site, Visitor

Visit = Callable[..., Visitor]

SOUND = {  # a result that is heard
    "23": {
        "class_type": "EmptyAudio",
        "inputs": {"duration": 0.5, "sample_rate": 8000, "channels": 1},
    },
    "24": {
        "class_type": "SaveAudio",
        "inputs": {"audio": ["23", 0], "filename_prefix": "sound"},
    },
}


def originals(site: Site, run_id: str) -> dict[str, bytes]:
    """Return the bytes of a run's saved files as they are on the server, by name."""
    folder = site.demo.storage.folder("output")
    assert folder is not None
    run = site.run(run_id)
    return {
        file.filename: (folder / file.subfolder / file.filename).read_bytes()
        for file in run.state.files
    }


def prompt_with(**nodes: Any) -> str:
    """Return the shipped text-to-image prompt with more nodes and one step, for the stand-in's
    model."""
    prompt = json.loads((WORKFLOWS / "text-to-image.json").read_text())
    prompt["1"]["inputs"]["ckpt_name"] = "demo-landscapes.safetensors"
    prompt["5"]["inputs"]["steps"] = 1
    return json.dumps(prompt | nodes)


def is_saved_as_one(person: Visitor, run_id: str) -> None:
    """Check that Download all saves a ZIP with the run's original files."""
    with person.page.expect_download() as info:
        person.page.get_by_role("link", name="Download all").click()
    assert info.value.suggested_filename == "Text-to-image_41_a-cat.zip"
    with zipfile.ZipFile(info.value.path()) as bundle:
        assert bundle.testzip() is None
        assert [bundle.read(name) for name in bundle.namelist()] == list(
            originals(person.site, run_id).values()
        )


def address(site: Site, run_id: str, at: int = 0) -> str:
    """Return the address of a run's file."""
    return f"/files/{run_id}/{at}/{site.run(run_id).state.files[at].filename}"


def test_repeat_and_vary(fast: Site, visit: Visit) -> None:
    """Download saves the image byte for byte, with the server's metadata. The file name has the
    workflow, the seed and the first words. Repeat runs the same prompt and seed again, regardless
    of the form, and the page follows the new run. Vary runs it with another seed. The form shows
    that seed if its seed field is random, and keeps it when the user fixes the seed. Several images
    form a gallery, and the text below each can be copied."""
    several = {"5.steps": 1, "5.seed": 41, "2.text": "a cat", "4.batch_size": 3, **SMALL}
    person = visit(fast, permissions=["clipboard-read", "clipboard-write"]).open(**several)
    several_images(person)
    set_images(person, 1)
    first = person.generate()
    with person.page.expect_download() as info:
        person.page.get_by_role("link", name="Download", exact=True).click()
    (data,) = originals(fast, first).values()
    assert info.value.suggested_filename == "Text-to-image_41_a-cat.png"
    assert Path(info.value.path()).read_bytes() == data
    assert json.loads(Image.open(io.BytesIO(data)).info["prompt"])["2"]["inputs"]["text"] == "a cat"
    person.type("2.text", "typed since then")
    person.more("Run again")
    again = person.done(after=first)
    assert fast.prompt_of(again) == fast.prompt_of(first)
    modes = person.page.locator(".seed-mode")
    modes.locator("input[value=random]").check()
    person.page.get_by_role("button", name="Vary", exact=True).click()
    varied, same = (fast.prompt_of(run) for run in (person.done(after=again), first))
    seeds = [prompt["5"]["inputs"].pop("seed") for prompt in (varied, same)]
    assert seeds[0] != seeds[1]
    assert varied == same
    expect(person.page.locator("#stage .copy[data-part=seed]")).to_have_text(f"Seed {seeds[0]}")
    expect(person.page.locator("#history .tile")).to_have_count(4)
    expect(person.entry("2.text")).to_have_value("typed since then")
    expect(modes.locator("input[value=random]")).to_be_checked()
    expect(person.entry("5.seed")).to_have_value(str(seeds[0]))
    modes.locator("input[value=fixed]").check()
    expect(person.entry("5.seed")).to_have_value(str(seeds[0]))
    a_caption_is_copied(person)


def several_images(person: Visitor) -> None:
    """Check that the images of a batch are side by side on the stage. A click enlarges one, the
    arrow keys show the others, and Esc leads back to all. Clicking the large image opens it over
    the window, where the arrow keys do the same, and the image seen last stays on the stage.
    Download all saves one ZIP with every file of the run as it is on the server."""
    run_id = person.generate()
    page = person.page
    cells = page.locator("#stage .grid .cell")
    expect(cells).to_have_count(3)
    is_saved_as_one(person, run_id)

    def is_large(at: int) -> None:
        expect(page.locator(f'#stage .media > img[src*="{run_id}/{at}/"]')).to_be_visible()

    cells.nth(1).click()
    is_large(1)
    page.keyboard.press("ArrowRight")
    is_large(2)
    page.keyboard.press("Escape")
    expect(cells.nth(2)).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    is_large(1)
    expect(page.locator("#stage .back-to-all")).to_have_text("All results · 2 of 3")
    page.locator("#stage .media > img").click()
    expect(page.locator("#stage .viewport:modal")).to_be_visible()
    for key, at in (("ArrowLeft", 0), ("ArrowRight", 1), ("ArrowRight", 2), ("ArrowRight", 2)):
        page.keyboard.press(key)
        is_large(at)
    expect(page.locator("#stage .foot .words")).to_have_text("3 of 3 · a cat")
    page.keyboard.press("Escape")
    expect(page.locator("#stage .viewport:modal")).to_have_count(0)
    is_large(2)


def a_caption_is_copied(person: Visitor) -> None:
    """Check that a result's size, seed, model and prompt are below it. One press copies each and
    says so. A long prompt takes one line."""
    prompt = "a red kite above a very long beach, " * 8 + "at dawn"
    for key, value in {"2.text": prompt, "4.width": 320}.items():
        person.type(key, value)
    person.keep_seed(12)
    person.generate()
    caption = person.page.locator("#stage .made-from .copy")
    expect(caption).to_have_text(
        ["320 \N{MULTIPLICATION SIGN} 256", "Seed 12", "Steps 1", "demo-landscapes", prompt]
    )
    for at, text in ((1, "12"), (3, "demo-landscapes.safetensors"), (4, prompt)):
        caption.nth(at).click()
        expect(caption.nth(at)).to_have_class(re.compile("done"))
        assert person.page.evaluate("navigator.clipboard.readText()") == text
    box = caption.nth(4).bounding_box()
    assert box
    assert box["height"] < 30
