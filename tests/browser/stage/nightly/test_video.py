"""Videos on the stage: frame by frame, speed, loop range, use of a frame, and comparing two. A video
and an animated image of the same frames."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import ImageChops
from playwright.sync_api import expect

from tests.browser.form.test_images import received, shown
from tests.support.serving import WORKFLOWS, running_app
from tests.support.visitor import Site, Visit, Visitor
from tests.support.waiting import eventually

FRAMES, RATE = 8, 8
AT = "() => document.querySelector('#stage video').currentTime"
# Collect what the counter of frames shows.
NOTE_COUNTS = """() => {
    window.shownCounts = [];
    new MutationObserver(() => window.shownCounts.push(
        document.querySelector("#stage .frame-at")?.textContent ?? "")
    ).observe(document.querySelector("#stage"), { childList: true, subtree: true, characterData: true });
}"""


@pytest.fixture
def site(fast: Site, tmp_path: Path) -> Iterator[Site]:
    """Yield a site whose workflows make a short video: alone, with an animated image of the same
    frames, and with a still image. Another one repaints images."""
    prompt = json.loads((WORKFLOWS / "animation.json").read_text())
    prompt["1"]["inputs"]["ckpt_name"] = "demo-landscapes.safetensors"
    prompt["4"]["inputs"] |= {"width": 256, "height": 192}
    prompt["5"]["inputs"]["steps"] = prompt["7"]["inputs"]["steps"] = 1
    prompt["6"]["inputs"]["amount"] = FRAMES
    prompt["10"]["inputs"]["fps"] = RATE
    (tmp_path / "twins.json").write_text(json.dumps(prompt))
    prompt["12"] = {"class_type": "VAEDecode", "inputs": {"samples": ["5", 0], "vae": ["1", 2]}}
    still = prompt.pop("9")
    (tmp_path / "video.json").write_text(json.dumps(prompt))
    still["inputs"]["images"] = ["12", 0]
    (tmp_path / "still.json").write_text(json.dumps(prompt | {"9": still}))
    for file in WORKFLOWS.glob("image-to-image*"):
        shutil.copy(file, tmp_path)
    with running_app(fast.demo.url, workflows=tmp_path) as app:
        yield Site(app.url, fast.demo, app)


def made_video(site: Site, visit: Visit, **options: object) -> Visitor:
    """Return a visitor who looks at a new video whose frame rate is known."""
    person = visit(site, **options).open("video")
    person.page.evaluate(NOTE_COUNTS)
    person.press()
    person.phase("done")
    expect(person.page.locator("#stage .frame-at")).to_have_attribute(
        "title", f"Frame. {RATE} frames per second."
    )
    shown = person.page.evaluate("() => window.shownCounts")
    assert all(one == "" or one.endswith(f"/ {FRAMES}") for one in shown), "nothing until known"
    return person


def test_a_video_is_stepped_slowed_and_looped(site: Site, visit: Visit) -> None:
    """The keys , and . show the previous and the next frame. The user can change the speed and
    repeat a part of the video."""
    person = made_video(site, visit)
    page = person.page
    at = page.locator("#stage .frame-at")
    page.keyboard.press(".")
    first = page.evaluate("() => document.querySelector('#stage video').paused")
    assert first
    for _ in range(FRAMES):
        page.keyboard.press(",")
    expect(at).to_have_text(f"1 / {FRAMES}")
    for frame in range(2, FRAMES + 1):
        page.keyboard.press(".")
        expect(at).to_have_text(f"{frame} / {FRAMES}")
    page.keyboard.press(".")
    expect(at).to_have_text(f"{FRAMES} / {FRAMES}")
    page.keyboard.press("<")
    page.get_by_role("button", name="Full screen").click()
    page.get_by_label("Speed").select_option("0.5")
    assert page.evaluate("() => document.querySelector('#stage video').playbackRate") == 0.5
    for frame in range(FRAMES - 1, 3, -1):
        page.get_by_role("button", name="Previous frame").click()
        expect(at).to_have_text(f"{frame} / {FRAMES}")
    page.get_by_role("button", name="To here").click()
    page.get_by_label("Speed").select_option("2")
    seen: list[float] = page.evaluate(
        """async () => {
            const [video, seen] = [document.querySelector("#stage video"), []];
            await video.play();
            for (let at = 0; at < 40; at += 1) {
                await new Promise((done) => setTimeout(done, 40));
                seen.push(video.currentTime);
            }
            return seen;
        }"""
    )
    assert max(seen) < 5.9 / RATE
    page.get_by_role("button", name="Remove the loop").click()
    eventually(lambda: page.evaluate(AT) > 6 / RATE, "the whole video plays again")
    person.leave()


def test_a_frame_is_used_in_another_workflow(site: Site, visit: Visit) -> None:
    """The current frame becomes an image in full size, as an image field's file. The video's prompt
    comes with it, also to replace one that came before the page was loaded again."""
    person = made_video(site, visit)
    page = person.page
    asked = person.entry("2.text").input_value()
    page.get_by_role("slider", name="Position").press("ArrowRight")
    page.locator("#stage .viewport").focus()
    for _ in range(FRAMES):
        page.keyboard.press(".")
    expect(page.locator("#stage .frame-at")).to_have_text(f"{FRAMES} / {FRAMES}")
    page.get_by_role("button", name="Use this frame in…").click()
    with page.expect_download() as saved:
        page.get_by_role("menuitem", name="Download this frame").click()
    assert saved.value.suggested_filename.endswith(".png")
    page.get_by_role("button", name="Use this frame in…").click()
    page.get_by_role("menuitem", name="Image to image").click()
    shown(person)
    page.wait_for_function(
        "() => document.querySelector('#field-4-image img')?.src.includes('-frame-8')"
    )
    prompt = page.locator("#field-2-text textarea")
    expect(prompt).to_have_value(asked)
    person.type("8.steps", 1)
    run = person.generate()
    last = received(site, run)
    assert last.size == (256, 192)
    assert last.format == "PNG"
    person.find()
    page.get_by_role("combobox", name="Workflow", exact=True).select_option("All workflows")
    page.locator("#history .tile").nth(1).click()
    at = page.locator("#stage .frame-at")
    expect(at).to_be_visible()
    expect(at).to_have_attribute("title", f"Frame. {RATE} frames per second.")
    for _ in range(FRAMES):
        page.keyboard.press(",")
    expect(page.locator("#stage .frame-at")).to_have_text(f"1 / {FRAMES}")
    page.get_by_role("button", name="Use this frame in…").click()
    page.get_by_role("menuitem", name="Your image").click()
    page.wait_for_function(
        "() => document.querySelector('#field-4-image img')?.src.includes('-frame-1')"
    )
    first = received(site, person.generate())
    assert ImageChops.difference(first.convert("RGB"), last.convert("RGB")).getbbox()
    person.open("video", **{"2.text": "embers at dawn"})
    person.generate()
    page.get_by_role("button", name="Use this frame in…").click()
    page.get_by_role("menuitem", name="Image to image").click()
    shown(person)
    expect(prompt).to_have_value("embers at dawn")
    person.leave()


def test_compared_videos_play_together(site: Site, visit: Visit) -> None:
    """Videos of the same length start, stop, seek and step together."""
    person = made_video(site, visit)
    page = person.page
    person.press()
    expect(page.locator("#history .tile")).to_have_count(2)
    for at in range(2):
        page.locator("#history .tile").nth(at).click(modifiers=["Control"])
    page.get_by_role("button", name="Compare").click()
    dialog = page.get_by_role("dialog", name="Compare results")
    bar = dialog.get_by_role("group", name="All videos")
    expect(bar).to_be_visible()
    bar.get_by_role("button", name="Pause").click()

    def videos(name: str) -> list[float]:
        found: list[float] = dialog.locator("video").evaluate_all(
            f"(all) => all.map((video) => Number(video.{name}))"
        )
        assert len(found) == 2
        return found

    eventually(lambda: videos("paused") == [1, 1], "both are paused")
    bar.get_by_label("Position").fill("0.5")
    eventually(lambda: videos("currentTime") == [0.5, 0.5], "both are in the middle")
    page.keyboard.press(".")
    eventually(lambda: len(set(videos("currentTime"))) == 1, "both step")
    assert videos("currentTime")[0] > 0.5
    bar.get_by_label("Speed").select_option("0.25")
    assert videos("playbackRate") == [0.25, 0.25]
    bar.get_by_role("button", name="Play").click()
    eventually(lambda: videos("paused") == [0, 0], "both play")
    page.keyboard.press("Escape")
    person.leave()


def test_the_same_frames_twice_are_one_player(site: Site, visit: Visit) -> None:
    """The stage shows the video, and its menu leads to the animated image, in the same place. Each can
    be downloaded, and both together. The bar below the video plays and pauses it, and so does a click."""
    person = visit(site).open("twins")
    run = person.generate()
    page = person.page
    video = page.locator("#stage .media > video")
    expect(video).to_be_visible()
    expect(page.locator("#stage .grid")).to_have_count(0)
    place = video.bounding_box()
    bar = page.locator("#stage .video-tools")
    bar.get_by_role("button", name="Pause").click()
    expect(video).to_have_js_property("paused", value=True)
    video.click()
    expect(bar.get_by_role("button", name="Pause")).to_be_visible()
    more = page.locator("#stage .actions").get_by_role("button", name="More")
    download = page.get_by_role("link", name="Download", exact=True)
    expect(download).to_have_attribute("download", re.compile(r"\.mp4$"))
    more.click()
    page.get_by_role("menuitem", name="Show “Save animation”").click()
    image = page.locator("#stage .media > img:not([class])")
    expect(image).to_be_visible()
    assert image.bounding_box() == place
    expect(download).to_have_attribute("download", re.compile(r"\.webp$"))
    more.click()
    both = page.get_by_role("menuitem", name="Download all")
    expect(both).to_have_attribute("href", re.compile(f"{run}/all.zip"))
    person.leave()


def test_a_video_and_a_still_image_stand_side_by_side(site: Site, visit: Visit) -> None:
    """A still image of the video's size is another result."""
    person = visit(site).open("still")
    person.generate()
    expect(person.page.locator("#stage .grid .thumbnail")).to_have_count(2)
    person.leave()
