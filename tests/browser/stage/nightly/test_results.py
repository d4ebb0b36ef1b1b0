"""Results: several images, moving images, texts, and files exactly as the server made them."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Route, expect

from comfyui_standin.nodes.base import AudioSamples
from comfyui_standin.nodes.media import flac_bytes
from tests.browser.nightly.walk.states import SIZES, at_every_size
from tests.browser.stage.test_results import SOUND, Visit, originals, prompt_with
from tests.support.batch_dialog import SMALL, begin_batch, set_images, values_of_row, vary
from tests.support.serving import WORKFLOWS, running_app
from tests.support.visitor import Site, Visitor


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


def several_images(person: Visitor) -> None:
    """Check that the images of a batch are side by side on the stage. A click enlarges one, the
    arrow keys show the others, and Esc leads back to all. Clicking the large image opens it over
    the window, where the arrow keys do the same, and the image seen last stays on the stage.
    Download all saves one ZIP with every file of the run as it is on the server, and Share… and
    Delete name their number."""
    run_id = person.generate()
    page = person.page
    cells = page.locator("#stage .grid .cell")
    expect(cells).to_have_count(3)
    is_saved_as_one(person, run_id)
    page.get_by_role("button", name="Share…").click()
    expect(page.get_by_role("dialog", name="Share 3 results")).to_be_visible()
    page.keyboard.press("Escape")

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
    page.locator("#stage .actions").get_by_role("button", name="More").click()
    expect(page.get_by_role("menuitem", name="Delete all 3")).to_be_visible()
    page.keyboard.press("Escape")


def a_caption_is_copied(person: Visitor) -> None:
    """Check that a result's size, seed, model and prompt are below it. The menu copies prompt and
    seed and says so. A long prompt takes two lines."""
    prompt = "a red kite above a very long beach, " * 8 + "at dawn"
    for key, value in {"2.text": prompt, "4.width": 320}.items():
        person.type(key, value)
    person.keep_seed(12)
    person.generate()
    caption = person.page.locator("#stage .made-from .fact")
    expect(caption).to_have_text(
        [prompt, "320 \N{MULTIPLICATION SIGN} 256", "Steps 1", "demo-landscapes", "Seed 12"]
    )
    for part, text in (("seed", "12"), ("prompt", prompt)):
        person.more(f"Copy {part}")
        expect(person.page.locator("#stage .done-note")).to_have_text("Copied")
        assert person.page.evaluate("navigator.clipboard.readText()") == text
        expect(person.page.locator("#stage .done-note")).to_have_count(0)
    box = caption.first.bounding_box()
    assert box
    assert box["height"] <= 40, "two lines at most"


def write_text_workflow(folder: Path) -> str:
    """Write a workflow `text` whose only result is a long text. Return the text."""
    said = " ".join(["Forty-two boats on a lake in the evening."] * 8)
    only_text = {
        "1": {"class_type": "PrimitiveString", "inputs": {"value": said}},
        "2": {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}},
    }
    (folder / "text.json").write_text(json.dumps(only_text))
    return said


def saved_text(text: list[object]) -> dict[str, object]:
    inputs = {"text": text, "filename_prefix": "t", "format": "txt"}
    return {"class_type": "SaveText", "inputs": inputs}


def test_texts_sound_and_temporary_images(fast: Site, visit: Visit, tmp_path: Path) -> None:
    """The stage shows text outputs as text and plays sound. It separates temporary images from
    saved images, and the user can view, enlarge and save both alike. A workflow without images
    shows its text on the page."""
    evil = "<b>bold</b> & <script>document.title='hacked'</script>"
    (tmp_path / "rest.json").write_text(
        prompt_with(
            **{
                "20": saved_text(["21", 0]),
                "21": {"class_type": "PrimitiveString", "inputs": {"value": evil}},
                "22": {"class_type": "PreviewImage", "inputs": {"images": ["6", 0]}},
                **SOUND,
            }
        )
    )
    said = write_text_workflow(tmp_path)
    with running_app(fast.demo.url, workflows=tmp_path) as app:
        site = Site(app.url, fast.demo, app)
        person = visit(site).open("rest")
        run_id = person.generate()
        expect(person.page.locator("#stage .grid .result-text")).to_have_text(evil)
        expect(person.page.locator("#stage .grid .player")).to_be_visible()
        expect(person.page.locator("#stage .grid .thumbnail")).to_have_count(1)
        person.page.locator("#stage .grid .thumbnail").click()
        person.page.get_by_text("Previews (1)").click()
        made = person.page.locator("#stage .intermediate").get_by_role("button")
        expect(made).to_have_count(1)
        shown = person.page.locator("#stage .media > img")
        saved = str(shown.get_attribute("src"))
        made.click()
        expect(made).to_have_attribute("aria-pressed", "true")
        expect(shown).not_to_have_attribute("src", saved)
        with person.page.expect_download() as info:
            person.page.get_by_role("link", name="Download", exact=True).click()
        assert info.value.path().read_bytes().startswith(b"\x89PNG")
        shown.click()
        expect(person.page.locator("#stage .viewport:modal")).to_be_visible()
        person.page.keyboard.press("Escape")
        assert person.page.title() == "Rest"
        person.turn_to("text").press()
        person.ended(after=run_id)
        expect(person.page.locator("#stage .media .result-text")).to_have_text(said)
        person.leave()


def test_pictures_come_first_and_texts_are_as_high_as_they_need(
    fast: Site, visit: Visit, tmp_path: Path
) -> None:
    """A text beside a picture is below it, with Copy. A text alone is large and as high as its
    content, and a long one scrolls inside the window. Technical texts are in Details."""
    short = {"class_type": "PrimitiveString", "inputs": {"value": "a boat on the sea"}}
    long = {"class_type": "PrimitiveStringMultiline", "inputs": {"value": "a boat\n" * 200}}
    shown = {"class_type": "PreviewAny", "inputs": {"source": ["21", 0]}}
    echo = {"class_type": "PreviewAny", "inputs": {"source": ["31", 0]}}
    count = {"class_type": "PrimitiveInt", "inputs": {"value": 4711}}
    mixed = {"20": saved_text(["21", 0]), "21": short, "30": echo, "31": count}
    (tmp_path / "mixed.json").write_text(prompt_with(**mixed))
    (tmp_path / "short.json").write_text(json.dumps({"20": shown, "21": short}))
    (tmp_path / "long.json").write_text(json.dumps({"20": shown, "21": long}))
    with running_app(fast.demo.url, workflows=tmp_path) as app:
        person = visit(Site(app.url, fast.demo, app)).open("mixed")
        page = person.page
        run = person.generate()
        expect(page.locator("#stage .grid .cell")).to_have_count(2)
        expect(page.locator("#stage .grid").get_by_role("button", name="Copy")).to_be_visible()
        for _ in at_every_size(page):
            picture, text = (one.bounding_box() for one in page.locator("#stage .cell").all())
            assert picture
            assert text
            assert picture["y"] + picture["height"] <= text["y"]
            assert picture["height"] > text["height"]
        page.set_viewport_size({"width": 1440, "height": 900})
        page.locator("#stage .details > summary").click()
        expect(page.locator("#stage .details")).to_contain_text("4711")
        person.turn_to("short").press()
        run = person.ended(after=run)
        words = page.locator("#stage .media .result-text")
        expect(words).to_have_text("a boat on the sea")
        assert words.evaluate("one => parseFloat(getComputedStyle(one).fontSize)") >= 18
        for _ in at_every_size(page):
            box = page.locator("#stage .box").bounding_box()
            assert box
            assert box["height"] < 120
        person.turn_to("long").press()
        person.ended(after=run)
        expect(words).to_contain_text("a boat a boat")
        for size in at_every_size(page):
            box = page.locator("#stage .box").bounding_box()
            assert box
            assert box["height"] < size["height"]
            assert words.evaluate("one => one.scrollHeight > one.clientHeight")
        person.leave()


def test_texts_of_a_batch(fast: Site, visit: Visit, tmp_path: Path) -> None:
    """In a batch's sheet, each text result shows its first words, in every view and in the grid's
    file. Hovering over the text or pressing it shows all the words. The large view has the stage's
    buttons, and their menu opens beside them. A text that the user sends to a form appears there at
    once."""
    said = write_text_workflow(tmp_path)
    (tmp_path / "rest.json").write_text(prompt_with())
    with running_app(fast.demo.url, workflows=tmp_path) as app:
        person = visit(Site(app.url, fast.demo, app)).open("text")
        texts_stand_in_the_sheet(person, said)
        person.leave()


def texts_stand_in_the_sheet(person: Visitor, said: str) -> None:
    """Check that two texts appear in each view of the sheet and in full screen."""
    dialog = vary(person)
    values_of_row(dialog, "Source").fill(f"{said}\nanother text")
    begin_batch(dialog, 2)
    sheet = person.page.locator("dialog.sheet")
    for view in ("Table", "Gallery", "Grid"):
        sheet.get_by_role("button", name=view, exact=True).click()
        shown = sheet.locator(".said-text:visible")  # the other views keep theirs
        expect(shown).to_have_text([said, "another text"])
        assert shown.first.evaluate("text => text.closest('[title]').title").endswith(said)
        box, cut = (one.bounding_box() for one in (shown.first.locator("xpath=.."), shown.first))
        assert box is not None
        assert cut is not None
        assert cut["height"] <= box["height"]
    batch = person.page.locator("#batches .batch").get_attribute("data-batch")
    page = person.page.request.get(f"{person.site.url}/api/v1/batches/{batch}/sheet.html")
    assert "<td><span>another text</span></td>" in page.text()
    shown.first.click()
    large = person.page.locator("dialog.viewport:modal")
    expect(large.locator(".result-text")).to_have_text(said)
    opens, menu = large.get_by_role("button", name="Use in…"), person.page.get_by_role("menu")
    for size in (SIZES["phone"], SIZES["desktop"]):
        person.page.set_viewport_size(size)
        opens.click()
        expect(menu.get_by_role("menuitem").first).to_be_visible()
        expect(menu.locator("strong")).to_have_count(0)  # a single group needs no heading
        pressed, listed = opens.bounding_box(), menu.bounding_box()
        assert pressed is not None
        assert listed is not None
        assert pressed["height"] >= 30
        assert opens.evaluate("button => getComputedStyle(button).borderStyle") == "solid"
        above = pressed["y"] - listed["y"] - listed["height"]
        below = listed["y"] - pressed["y"] - pressed["height"]
        assert 0 <= max(above, below) < 20, (pressed, listed)
        person.page.keyboard.press("Escape")
        expect(menu).to_be_hidden()
    person.page.keyboard.press("Escape")
    expect(large).to_have_count(0)
    shown.last.click()
    opens.click()
    menu.get_by_role("menuitem", name="Rest").click()
    expect(large).to_have_count(0)
    expect(sheet).to_have_count(0)
    expect(person.entry("2.text")).to_have_value("another text")


def test_details(fast: Site, visit: Visit) -> None:
    """Details list a result's settings with the labels of the form. Numbers appear as users type
    them, and files with the names that they had when the user added them."""
    values = {"8.steps": 2, "2.text": "a <cat>", "8.seed": 5}
    person = visit(fast).open("image-to-image", **values)
    field = person.field("4.image")
    person.for_image("4.image", "Remove image")
    photo = (WORKFLOWS.parent / "ui" / "page" / "social_card.png").read_bytes()
    field.locator("input[type=file]").set_input_files(
        {"name": "holiday photo.png", "mimeType": "image/png", "buffer": photo}
    )
    expect(field.locator("img")).to_be_visible()
    person.generate()
    person.page.locator("#stage .details summary").first.click()
    rows = person.page.locator("#stage .details tr")
    said = dict(
        rows.evaluate_all("all => all.map(row => [...row.cells].map(one => one.innerText))")
    )
    assert said["Prompt"] == "a <cat>"
    assert said["Your image"] == "holiday photo.png"
    assert (said["Seed"], said["Guidance scale"], said["Strength"]) == ("5", "7", "0.6")


def test_a_sound_becomes_an_input(fast: Site, visit: Visit, tmp_path: Path) -> None:
    """“Use in…” puts a result into a field of its own kind, and offers only fields that take it."""
    loaded = {
        "20": {"class_type": "LoadAudio", "inputs": {"audio": "missing.flac"}},
        "21": {
            "class_type": "SaveAudio",
            "inputs": {"audio": ["20", 0], "filename_prefix": "used"},
        },
    }
    (tmp_path / "sound.json").write_text(json.dumps(loaded))
    (tmp_path / "picture.json").write_text(prompt_with(**loaded))
    (tmp_path / "picture.toml").write_text('outputs = ["7"]\n')
    sound = flac_bytes(AudioSamples(bytes(range(256)) * 345, 44_100, 1))  # one second
    given = {"name": "a.flac", "mimeType": "audio/flac", "buffer": sound}
    with running_app(fast.demo.url, workflows=tmp_path) as app:
        person = visit(Site(app.url, fast.demo, app)).open("sound")
        field = person.field("20.audio")
        field.locator("input[type=file]").set_input_files(given)
        person.generate()
        person.use_in("Audio")
        shown = field.get_by_role("link", name="Download")
        expect(shown).to_have_attribute("href", re.compile("/used_"))
        person.use_in("Picture")
        expect(field.locator("#waveform")).to_be_attached()
        person.generate()
        person.page.get_by_role("button", name="Use in…").click()
        expect(person.page.get_by_role("menu").get_by_text("No other workflow")).to_be_visible()
        expect(person.page.get_by_role("menuitem")).to_have_count(0)
        person.leave()


def test_a_result_that_loads_slowly_is_announced(fast: Site, visit: Visit) -> None:
    """While the image of a finished run loads, the stage says so on the last preview."""
    person = visit(fast).open(**{"5.steps": 4})
    page = person.page
    held: list[Route] = []
    page.route(re.compile(r"/files/[^/]+/0/[^/]+\.png"), lambda route: held.append(route))
    with fast.demo.hold("progress", after=3):
        person.press()
        expect(page.locator("#stage img.live-frame")).to_be_visible()
    person.phase("done")
    mark = page.locator("#stage .mark.coming")
    expect(mark).to_have_text("Loading the result…")
    expect(mark).to_be_visible()
    expect(page.locator("#stage img.live-frame")).to_be_visible()
    for route in held:
        route.continue_()
    expect(page.locator("#stage .media img:not(.live-frame)")).to_be_visible()
    expect(mark).to_have_count(0)


def test_repeat_and_vary(fast: Site, visit: Visit) -> None:
    """Download saves the image byte for byte, with the server's metadata. The file name has the
    workflow, the seed and the first words. Repeat runs the same prompt and seed again, regardless
    of the form, and the page follows the new run. Vary runs it with another seed. The form shows
    that seed if its seed field is random, and keeps it when the user fixes the seed. Several images
    are shown together, and the text below each can be copied."""
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
    person.unfold()
    modes.locator("input[value=random]").check()
    person.page.get_by_role("button", name="Vary", exact=True).click()
    varied, same = (fast.prompt_of(run) for run in (person.done(after=again), first))
    seeds = [prompt["5"]["inputs"].pop("seed") for prompt in (varied, same)]
    assert seeds[0] != seeds[1]
    assert varied == same
    expect(person.page.locator("#stage .fact[data-part=seed]")).to_have_text(f"Seed {seeds[0]}")
    expect(person.page.locator("#history .tile")).to_have_count(4)
    expect(person.entry("2.text")).to_have_value("typed since then")
    expect(modes.locator("input[value=random]")).to_be_checked()
    expect(person.entry("5.seed")).to_have_value(str(seeds[0]))
    modes.locator("input[value=fixed]").check()
    expect(person.entry("5.seed")).to_have_value(str(seeds[0]))
    a_caption_is_copied(person)
