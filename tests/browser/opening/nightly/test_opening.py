"""Workflows that users open on the page, and a workflow folder that changes while the page is
open."""

from __future__ import annotations

import io
import itertools
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Route, ViewportSize, expect

from comfy.library.permissions import Permissions
from tests.browser.opening.test_opening import DRAG_OVER, Visit
from tests.support.brought import give, image_with, of_badge, own_graph, own_prompt
from tests.support.serving import WORKFLOWS, running_demo_app
from tests.support.visitor import Site, Visitor

# File contents that hold a prompt, by file name.
FILES: dict[str, Callable[[dict[str, Any]], bytes]] = {
    "brought.json": lambda prompt: json.dumps(prompt).encode(),
    "wrapped.json": lambda prompt: json.dumps({"prompt": prompt}).encode(),
    "image.png": lambda prompt: image_with(prompt=prompt),
}


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


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of the shipped workflows that a test may change."""
    return Path(shutil.copytree(WORKFLOWS, tmp_path / "workflows"))


@pytest.fixture
def keeping(folder: Path, nothing_left_behind: None) -> Iterator[Site]:
    """Yield a site that serves this folder and accepts new workflows."""
    with running_demo_app(step_seconds=0, workflows=folder, may_keep=True) as (demo, app):
        yield Site(app.url, demo, app)


@pytest.fixture
def closed(nothing_left_behind: None) -> Iterator[Site]:
    with running_demo_app(step_seconds=0, permissions=Permissions(open=lambda _: False)) as (
        demo,
        app,
    ):
        yield Site(app.url, demo, app)


def test_opening_is_not_offered_where_it_is_not_allowed(closed: Site, visit: Visit) -> None:
    """The page has no button and no frame for a drop. If the user drops a workflow anyway, the app
    refuses it in words, and the form stays."""
    person = visit(closed).open()
    expect(person.page.get_by_role("button", name="Open a workflow")).to_have_count(0)
    person.page.evaluate(DRAG_OVER)
    expect(person.page.locator("#drop-zones")).to_have_count(0)
    give(person.page, json.dumps(own_prompt()).encode(), "mine.json")
    expect(person.page.locator("#stage .headline")).to_contain_text(
        "Opening your own workflows is turned off"
    )
    expect(person.page.locator("#heading h1")).to_have_text("Text to image")
    person.forgive("422")  # a refused request is written to every browser's console
    person.page.goto(f"{closed.url}/?workflow=~0123456789abcdef")
    expect(person.page.locator("#no-form")).to_contain_text(
        "Opening your own workflows is turned off"
    )
    person.turn_to("upscale")
    expect(person.page.locator("#heading h1")).to_have_text("Upscale")


def test_a_changed_workflow_is_drawn_again(keeping: Site, visit: Visit, folder: Path) -> None:
    """Open pages show an edited, added or removed workflow by themselves. Typed text and an added
    image stay. The user can keep an opened workflow."""
    person = visit(keeping).open()
    person.type("2.text", "typed before")
    toml = folder / "text-to-image.toml"
    toml.write_text(toml.read_text().replace('title = "Text to image"', 'title = "Another name"'))
    expect(person.page.locator("#heading h1")).to_have_text("Another name")
    expect(person.entry("2.text")).to_have_value("typed before")
    shutil.copy(folder / "text-to-image.json", folder / "brand-new.json")
    (folder / "upscale.json").unlink()
    options = person.page.locator("#picker [role=option]")

    def offered() -> list[str]:
        person.workflows().click()
        names = [name.strip() for name in options.all_inner_texts()]
        person.page.keyboard.press("Escape")
        return names

    for _ in range(20):
        names = " ".join(offered())
        if "Brand new" in names and "Upscale" not in names:
            break
        person.page.locator("#heading").click()
    else:
        pytest.fail(f"the list still is {names}")
    a_image_outlives_another_drawing(person, folder)
    an_opened_workflow_can_be_kept(person, folder)


def a_image_outlives_another_drawing(person: Visitor, folder: Path) -> None:
    """Check that the form keeps and sends the user's image after it is drawn again."""
    person.turn_to("image-to-image")
    mine = io.BytesIO()
    Image.new("RGB", (40, 24), "#ff8800").save(mine, "PNG")
    person.field("4.image").locator("input[type=file]").set_input_files(
        {"name": "mine.png", "mimeType": "image/png", "buffer": mine.getvalue()}
    )
    expect(person.field("4.image").locator("img")).to_have_attribute("src", re.compile("mine"))
    toml = folder / "image-to-image.toml"
    toml.write_text(toml.read_text().replace('title = "Image to image"', 'title = "A third name"'))
    expect(person.page.locator("#heading h1")).to_have_text("A third name")
    expect(person.field("4.image").locator("img")).to_have_attribute("src", re.compile("mine"))


def an_opened_workflow_can_be_kept(person: Visitor, folder: Path) -> None:
    """Check that a user can add an opened workflow to the folder for all users, where the app
    allows it. It keeps its title, the user's results and the typed values. The user who added it
    can remove it there, and can also remove a private workflow. The page asks first, and then shows
    the previous form."""
    give(person.page, json.dumps(own_prompt("kept")).encode(), "my lamp.app.json")
    expect(person.page.locator("#heading h1")).to_have_text("My lamp")
    person.press()
    person.phase("done")
    expect(person.page.locator("#history .tile")).to_have_count(1)
    person.type("2.text", "a lamp")
    of_badge(person.page, "Add to shared workflows").click()
    person.page.get_by_role("button", name="Add", exact=True).click()
    expect(person.page.locator("#opened-here")).to_have_count(0)
    assert "workflow=my-lamp" in person.page.url
    expect(person.page.locator("#heading h1")).to_have_text("My lamp")
    expect(person.entry("2.text")).to_have_value("a lamp")
    expect(person.page.locator("#history .tile")).to_have_count(1)
    expect(person.page.locator("#stage")).not_to_contain_text("Workflow:")
    assert (folder / "my-lamp.json").is_file()
    person.workflows().click()
    listed = person.page.locator("#picker").get_by_role("option", name="My lamp")
    expect(listed).to_have_count(1)
    person.page.keyboard.press("Escape")
    _, form = person.site.services.forms.form("my-lamp", "somebody else")
    assert {field.key: field.default for field in form.fields}["2.text"] == "kept"
    of_badge(person.page, "Remove…").click()
    asked = person.page.get_by_role("dialog", name="Remove “My lamp” for everyone?")
    expect(asked.get_by_role("button", name="Cancel")).to_be_focused()
    person.page.keyboard.press("Enter")
    expect(asked).to_be_hidden()
    assert (folder / "my-lamp.json").is_file()
    is_removed(person, "Shared", "Remove “My lamp” for everyone?")
    assert not list(folder.glob("my-lamp.*"))
    give(person.page, json.dumps(own_prompt("mine")).encode(), "my desk.json")
    expect(person.page.locator("#heading h1")).to_have_text("My desk")
    is_removed(person, "Private", "Remove “My desk”?")
    person.workflows().click()
    offered = person.page.locator("#picker")
    expect(offered.get_by_role("option", name="A third name")).to_have_count(1)
    expect(offered.get_by_role("option", name=re.compile("My (lamp|desk)"))).to_have_count(0)
    person.page.keyboard.press("Escape")


def is_removed(person: Visitor, badge: str, asked: str) -> None:
    expect(person.page.locator("#heading [aria-haspopup=menu]")).to_have_text(re.compile(badge))
    of_badge(person.page, "Remove…").click()
    dialog = person.page.get_by_role("dialog", name=asked)
    dialog.get_by_role("button", name="Remove").click()
    expect(person.page.locator("#heading h1")).to_have_text("A third name")
    expect(person.page.locator("#heading h1")).to_be_focused()
    expect(person.page).to_have_url(re.compile("workflow=image-to-image"))
    expect(person.page.locator("#heading [aria-haspopup=menu]")).to_have_count(0)


def partly_refused() -> dict[str, Any]:
    """Return a workflow whose second image needs a model that the server doesn't have."""
    made = own_prompt()
    made["5"]["inputs"]["steps"] = 2
    for node in ("1", "5", "6", "7"):
        made[f"3{node}"] = json.loads(json.dumps(made[node]))
    made["31"]["inputs"]["ckpt_name"] = "gone.safetensors"
    for node, name, source in (
        ("35", "model", "31"),
        ("36", "samples", "35"),
        ("37", "images", "36"),
    ):
        made[node]["inputs"][name] = [source, 0]
    return made


LEFT_OUT = "The server skipped part of the workflow. Model (Save image): This isn't on the server."


def test_a_refused_part_stays_in_view(fast: Site, visit: Visit) -> None:
    """A run that is done except for a refused part reports that part beside its result. The page
    doesn't scroll away from it, on a desktop and a phone, and marks the field."""
    person = visit(fast).open(**{"5.steps": 1})
    for width, height in ((1440, 500), (390, 844)):
        what_an_opened_file_lacks_is_in_view(person, ViewportSize(width=width, height=height))
    for width, height in ((1440, 900), (390, 844)):
        person.page.set_viewport_size({"width": width, "height": height})
        person.generate()
        expect(person.page.locator("#stage .advice")).to_contain_text(LEFT_OUT)
        expect(person.page.locator("#form .field-error")).to_contain_text("isn't on the server")
        person.page.evaluate("() => new Promise((done) => setTimeout(done, 600))")
        expect(person.page.locator("#stage .advice")).to_be_in_viewport(ratio=1)
        expect(person.page.locator("#stage .media")).to_be_in_viewport(ratio=1)
        said, actions = (
            person.page.locator(f"#stage .{part}").bounding_box() for part in ("status", "actions")
        )
        assert said
        assert actions
        assert said["y"] + said["height"] <= actions["y"]


def what_an_opened_file_lacks_is_in_view(person: Visitor, size: ViewportSize) -> None:
    """Check that a user who opens a file sees the top of its form, wherever the page was scrolled
    to. The top lists what the server lacks."""
    person.page.set_viewport_size(size)
    person.turn_to("text-to-image")
    person.generate()
    person.unfold()
    person.page.locator("#about").scroll_into_view_if_needed()
    give(person.page, json.dumps(partly_refused()).encode(), "partly.json")
    lacks = person.page.locator("#form .notice", has_text="gone.safetensors").last
    expect(lacks).to_be_in_viewport(ratio=1)


def test_a_refused_part_is_shown_until_dismissed(slow: Site, visit: Visit) -> None:
    """If the stage already shows the next run, the list shows the refused part until the user
    dismisses it."""
    person = visit(slow).open()
    give(person.page, json.dumps(partly_refused()).encode(), "partly.json")
    expect(person.page.locator("#form .notice").last).to_contain_text("gone.safetensors")
    person.type("5.steps", 60)
    person.press()
    person.frames(1)
    person.press()
    expect(person.waiting()).to_have_count(1)
    slow.demo.speed.step = 0
    line = person.page.locator("#queue li.trouble")
    expect(line).to_contain_text(LEFT_OUT)
    person.page.reload()
    person.ready()
    expect(line).to_contain_text("The server skipped part of the workflow.")
    line.get_by_role("button", name="Dismiss").click()
    expect(line).to_have_count(0)


PASTE_TEXT = """(text) => {
    const transfer = new DataTransfer();
    transfer.setData("text/plain", text);
    document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true }));
}"""
NO_WORKFLOWS = (
    (image_with(), "No workflow found in"),
    (b"\0\1\2", "isn't supported"),
    (b"", "is empty"),
)
TWO_WISHES = """async () => {
    const { load } = await import(document.querySelector('link[href*="/page.js"]').href);
    const { redraw } = await load("form/form.js");
    redraw();
    setTimeout(() => { history.pushState({}, "", "?workflow=upscale"); redraw(); }, 3);
}"""


def test_opening_replaces_the_form_only_with_a_valid_workflow(fast: Site, visit: Visit) -> None:
    """The app refuses a file without a workflow in a sentence, and the form stays. If the user
    requests two forms in a row, the page ends with the last. A workflow copied as text opens when
    the user pastes it outside a field. A file that the user chooses opens, too. A graph with App
    mode opens as the App, with its single field under the author's title. While a form loads
    slowly, the page says this and can't run the form in its place. Users who may not add shared
    workflows see no offer to add them."""
    person = visit(fast).open()
    page = person.page
    for data, says in NO_WORKFLOWS:
        give(page, data, "holiday.png")
        expect(page.locator("#stage .headline")).to_contain_text(says)
        expect(page.locator("#heading h1")).to_have_text("Text to image")
    person.forgive("422")  # a refused request is written to every browser's console
    page.evaluate(TWO_WISHES)
    expect(page.locator('#heading [data-workflow="upscale"]')).to_be_visible()
    held: list[Route] = []
    page.route("**/gradio_api/run/**", lambda one: held.append(one))
    page.evaluate(PASTE_TEXT, json.dumps(own_prompt("pasted")))
    form = page.locator("#form")
    expect(form).to_have_attribute("aria-busy", "true")
    expect(page.locator("#why-off")).to_have_text("Loading the form…")
    expect(page.locator("#generate")).to_be_disabled()
    page.route("**/gradio_api/run/**", lambda one: one.continue_())
    for one in held:
        one.continue_()
    expect(person.entry("2.text")).to_have_value("pasted")
    expect(form).to_have_attribute("aria-busy", "false")
    expect(page.locator("#generate")).to_be_enabled()
    expect(page.locator("#opened-here")).to_be_visible()
    expect(of_badge(page, "Add to shared workflows")).to_have_count(0)
    page.keyboard.press("Escape")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Open a workflow").click()
    chosen = {"name": "a.json", "mimeType": "application/json"}
    chooser.value.set_files({**chosen, "buffer": json.dumps(own_prompt()).encode()})  # type: ignore[typeddict-item]
    expect(person.entry("2.text")).to_have_value("a brought text")
    give(page, json.dumps(own_graph()).encode(), "words.app.json")
    expect(person.entry("1.value")).to_have_value("hello")
    expect(page.locator("#form [id^=field-]")).to_have_count(1)


def test_a_file_opens_its_form(fast: Site, visit: Visit) -> None:
    r"""Dropping or pasting a file beside the fields opens its workflow, which then runs.

    A pasted image goes into an image field if there is one. Earlier results of another workflow
    leave the stage, and a reload doesn't bring them back. The app doesn't offer to undo the reset
    of another form. A result of this app opens with its own settings.
    """
    person = visit(fast).open("upscale")
    undo = person.page.locator("#replaced button", has_text="Undo")
    empty = person.page.locator("#stage .empty")
    ways = ("drop", "paste")
    for number, (name, how) in enumerate(itertools.product(FILES, ways)):
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
        person.type("2.text", "typed since then")
        person.for_form("Reset")
        expect(undo).to_be_visible()
    a_result_opens_as_it_was_made(fast, person)
