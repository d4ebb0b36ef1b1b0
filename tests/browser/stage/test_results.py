"""Results: several images, moving images, texts, and files exactly as the server made them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from tests.support.batch_dialog import SMALL
from tests.support.serving import WORKFLOWS
from tests.support.visitor import Site, Visit

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


def prompt_with(**nodes: Any) -> str:
    """Return the shipped text-to-image prompt with more nodes and one step, for the stand-in's
    model."""
    prompt = json.loads((WORKFLOWS / "text-to-image.json").read_text())
    prompt["1"]["inputs"]["ckpt_name"] = "demo-landscapes.safetensors"
    prompt["5"]["inputs"]["steps"] = 1
    return json.dumps(prompt | nodes)


def originals(site: Site, run_id: str) -> dict[str, bytes]:
    """Return the bytes of a run's saved files as they are on the server, by name."""
    folder = site.demo.storage.folder("output")
    assert folder is not None
    run = site.run(run_id)
    return {
        file.filename: (folder / file.subfolder / file.filename).read_bytes()
        for file in run.state.files
    }


TYPES_IN_CLIPBOARD = (
    "navigator.clipboard.read().then((items) => items.flatMap(({ types }) => types))"
)


def test_an_image_is_downloaded_copied_and_varied(fast: Site, visit: Visit) -> None:
    """Download saves the image byte for byte. Copy image puts it into the clipboard. Vary runs the
    same prompt with another seed."""
    person = visit(fast).open(**{"5.steps": 1, "5.seed": 41, "2.text": "a cat", **SMALL})
    first = person.generate()
    with person.page.expect_download() as info:
        person.page.get_by_role("link", name="Download", exact=True).click()
    (data,) = originals(fast, first).values()
    assert info.value.suggested_filename == "Text-to-image_41_a-cat.png"
    assert Path(info.value.path()).read_bytes() == data
    person.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    person.page.locator("#stage .actions").get_by_role("button", name="More").click()
    person.page.get_by_role("menuitem", name="Copy image").click()
    expect(person.page.locator(".done-note")).to_have_text("Copied")
    assert person.page.evaluate(TYPES_IN_CLIPBOARD) == ["image/png"]
    person.page.get_by_role("button", name="Vary", exact=True).click()
    varied, same = (fast.prompt_of(run) for run in (person.done(after=first), first))
    seeds = [prompt["5"]["inputs"].pop("seed") for prompt in (varied, same)]
    assert seeds[0] != seeds[1]
    assert varied == same
    expect(person.page.locator("#stage .fact[data-part=seed]")).to_have_text(f"Seed {seeds[0]}")
