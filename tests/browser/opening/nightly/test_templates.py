"""The dialog of templates."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Route, expect

from comfy.library.permissions import Permissions
from comfyui_standin import DemoServer, Templates
from tests.support.brought import of_badge
from tests.support.samples.forms import node
from tests.support.serving import WORKFLOWS, running_app
from tests.support.visitor import Site, Visit, Visitor
from tests.templates.template_server import image, some_templates


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Serve an app whose users may start from templates and add workflows."""
    folder = shutil.copytree(WORKFLOWS, tmp_path_factory.mktemp("app") / "workflows")
    shutil.copy(folder / "text-to-image.json", folder / "bare.json")  # without a cover and ideas
    permissions = Permissions(templates=lambda _: True, keep=lambda _: True)
    with (
        DemoServer(step_seconds=0, load_seconds=0, templates=some_templates()) as demo,
        running_app(demo.url, workflows=folder, permissions=permissions) as app,
    ):
        yield Site(app.url, demo, app)


def open_dialog(person: Visitor) -> Locator:
    """Open the dialog from the list of workflows."""
    person.workflows().click()
    workflows = person.page.get_by_role("dialog", name="Workflows")
    workflows.get_by_role("button", name="Start from a template…").click()
    return person.page.get_by_role("dialog", name="Start from a template")


def opened_dialog(person: Visitor) -> Locator:
    """Open the dialog and wait until all templates are checked."""
    dialog = open_dialog(person)
    expect(dialog.get_by_role("status")).to_have_text("7 templates")
    return dialog


def titles(dialog: Locator) -> list[str]:
    return dialog.locator(".card strong").all_text_contents()


def test_three_clicks_lead_from_an_empty_page_to_an_image(site: Site, visit: Visit) -> None:
    """Open the dialog, press a card, press Generate."""
    person = visit(site).open("bare")
    person.page.locator("#stage").get_by_role("button", name="Start from a template…").click()
    dialog = person.page.get_by_role("dialog", name="Start from a template")
    dialog.get_by_role("button", name="Runs here").click()
    expect(dialog).to_have_count(0)
    expect(person.page.locator("#heading h1")).to_have_text("Runs here")
    person.ready()
    person.generate()
    of_badge(person.page, "Add to shared workflows").click()
    person.page.get_by_role("button", name="Add", exact=True).click()
    expect(person.page).to_have_url(f"{site.url}/?workflow=runs_here")
    person.leave()


def test_cards_say_what_they_need(site: Site, visit: Visit) -> None:
    """Templates that run come first, then those with the smallest downloads."""
    person = visit(site).open()
    dialog = opened_dialog(person)
    expect(dialog.locator("h3")).to_have_text(
        ["Runs here", "Closest to running (21\u00a0GB)", "More templates"]
    )
    assert titles(dialog)[:4] == ["Takes photo", "Runs here", "My first", "Lacks model"]
    for title, badge in (
        ("Runs here", "Runs now"),
        ("Lacks model", "Needs models (21\u00a0GB)"),
        ("Lacks pack", "Needs nodes: fancy-pack"),
        ("Needs newer", "Needs ComfyUI 0.99.0 or newer"),
        ("Broken", "Can't run here"),
    ):
        card = dialog.locator(".card").filter(has=person.page.get_by_text(title, exact=True))
        expect(card.locator(".badge")).to_have_text(badge)
    dialog.get_by_role("button", name="Close").click()
    person.leave()


def test_no_card_moves_while_the_templates_are_checked(site: Site, visit: Visit) -> None:
    """Cards keep their order under the mouse, also when the check ends. A button then sorts them."""
    person = visit(site).open()
    page = person.page
    held: list[Route] = []
    released: list[bool] = []

    def hold(route: Route) -> None:
        if released:
            route.continue_()
        else:
            held.append(route)

    page.route("**/templates/readiness", hold)
    with page.expect_request("**/templates/readiness"):
        dialog = open_dialog(person)
    expect(dialog.locator(".card")).to_have_count(7)
    before = titles(dialog)
    assert before[0] == "Lacks model"
    dialog.locator(".card").nth(1).hover()
    dialog.locator(".card").first.hover()
    released.append(True)
    for route in held:
        route.continue_()
    expect(dialog.get_by_role("status")).to_have_text("7 templates")
    assert titles(dialog) == before
    dialog.get_by_role("button", name="Show what runs first").click()
    expect(dialog.locator(".card strong").first).to_have_text("Takes photo")
    page.unroute("**/templates/readiness")
    person.leave()


def test_an_opened_template_has_its_picture_as_the_example(visit: Visit) -> None:
    """Below it, one sentence says that the example files aren't there. After a reload, the picture
    is still there."""
    offered = some_templates()
    load, save = node("LoadImage", image="gone.png"), node("SaveImage", images=["1", 0])
    graph = json.dumps({"1": load, "2": save}).encode()
    files = {**offered.files, "takes_photo.json": graph, "takes_photo-1.webp": image()}
    with (
        DemoServer(templates=Templates(files, offered.packs)) as demo,
        running_app(demo.url, permissions=Permissions(templates=lambda _: True)) as app,
    ):
        person = visit(Site(app.url, demo, app)).open()
        dialog = opened_dialog(person)
        dialog.get_by_role("button", name="Takes photo").click()
        expect(person.page.locator("#heading h1")).to_have_text("Takes photo")
        empty = person.page.locator("#stage .empty")
        picture = empty.locator(".example > img")
        expect(picture).to_have_attribute("src", re.compile("/templates/takes_photo/thumb"))
        note = empty.locator(".noted")
        expect(note).to_have_text("Example files aren't on this server. Add your own.")
        expect(person.page.locator("#stage .headline")).to_be_empty()
        person.page.reload()
        expect(picture).to_have_attribute("src", re.compile("/templates/takes_photo/thumb"))
        person.leave()


def test_filters_narrow_the_list(site: Site, visit: Visit) -> None:
    """By words, kind of input, and whether it runs."""
    person = visit(site).open()
    dialog = opened_dialog(person)
    dialog.get_by_role("searchbox").fill("boats 1")
    expect(dialog.locator(".card strong")).to_have_text("Runs here")
    dialog.get_by_role("searchbox").fill("nothing like this")
    expect(dialog.get_by_role("status")).to_have_text("No results.")
    dialog.get_by_role("searchbox").fill("")
    dialog.get_by_role("checkbox", name="Runs now").check()
    expect(dialog.locator(".card")).to_have_count(3)
    person.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    person.leave()


def test_the_keyboard_walks_through_the_cards(site: Site, visit: Visit) -> None:
    """Arrow keys move the focus, Enter opens, and the chooser leads here, too."""
    person = visit(site).open()
    page = person.page
    dialog = opened_dialog(person)
    expect(dialog.get_by_role("searchbox")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(dialog.get_by_role("button", name="Takes photo")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(dialog.get_by_role("button", name="Runs here")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect(page.locator("#heading h1")).to_have_text("Takes photo")
    example = page.locator("#form img").first
    expect(example).to_have_attribute("src", re.compile("boat.png"))
    person.leave()


def test_a_template_that_cannot_be_opened_says_why(site: Site, visit: Visit) -> None:
    """The dialog stays open."""
    person = visit(site).open()
    person.forgive("422")
    dialog = opened_dialog(person)
    dialog.get_by_role("button", name="Broken").click()
    expect(dialog.get_by_role("alert")).not_to_be_empty()
    dialog.get_by_role("button", name="Close").click()
    person.leave()


def test_users_without_permission_see_no_templates(fast: Site, visit: Visit) -> None:
    """Neither the empty stage nor the list of workflows offers them."""
    with running_app(fast.demo.url, permissions=Permissions(templates=lambda _: False)) as app:
        person = visit(Site(app.url, fast.demo, app)).open()
        person.page.keyboard.press("Control+k")
        expect(person.page.get_by_role("dialog", name="Workflows")).to_be_visible()
        expect(person.page.get_by_text("Start from a template")).to_have_count(0)
        person.leave()
