"""Files that a broken connection cuts on their way."""

from __future__ import annotations

import re

from playwright.sync_api import FilePayload, Route, expect

from tests.browser.batches.test_batches import SPEC, VALUES
from tests.support.batch_dialog import SMALL, finished_batch, open_sheet, values_of_row, vary
from tests.support.link import FaultyLink
from tests.support.samples.media import saved
from tests.support.visitor import Site, Visit, Visitor

FILE = re.compile(r"/files/[^/]+/\d+/(?!thumb|a1111)")
THUMB = re.compile(r"/files/.+/thumb")
SHOWN = "#stage .media > img:not(.live-frame)"
IS_PAINTED = "image => image.complete && image.naturalWidth > 0"
CUT = ("ERR_", "WebSocket", "Failed to fetch")


def cut_at(person: Visitor, link: FaultyLink, address: re.Pattern[str]) -> None:
    """Cut the connection at the next request for such an address."""

    def cut(route: Route) -> None:
        link.refuse()
        link.cut()
        route.continue_()

    person.page.route(address, cut, times=1)


def test_a_result_loads_itself_after_the_connection_returns(fast: Site, visit: Visit) -> None:
    """The stage says meanwhile that it tries again. Its picture and the thumbnails come without a
    reload."""
    with FaultyLink(fast.url) as link:
        person = visit(Site(link.url, fast.demo, fast.app), locale="en-US").open()
        cut_at(person, link, FILE)
        person.press()
        page = person.page
        expect(page.locator("#stage .media")).to_contain_text(
            "The picture didn't arrive. Trying again…"
        )
        link.heal()
        expect(page.locator(SHOWN)).to_be_visible()
        assert page.locator(SHOWN).evaluate(IS_PAINTED)
        expect(page.locator("#stage .media .card")).to_have_count(0)
        expect(page.locator("#stage .made-from")).to_contain_text(" × ")
        tile = page.locator("#history .tile img").first
        page.wait_for_function(IS_PAINTED, arg=tile.element_handle())
        person.forgive(*CUT)
        person.leave()


def test_several_results_load_themselves_after_the_connection_returns(
    fast: Site, visit: Visit
) -> None:
    with FaultyLink(fast.url) as link:
        person = visit(Site(link.url, fast.demo, fast.app)).open(**{"4.batch_size": 2})
        cut_at(person, link, FILE)
        person.press()
        page = person.page
        cells = page.locator("#stage .grid .cell img")
        expect(cells).to_have_count(2)
        link.heal()
        for cell in cells.all():
            page.wait_for_function(IS_PAINTED, arg=cell.element_handle())
        person.forgive(*CUT)
        person.leave()


def test_a_batch_s_thumbnails_load_themselves_after_the_connection_returns(
    fast: Site, visit: Visit
) -> None:
    """Meanwhile no icon takes their place. Only images that can't be shown have one."""
    with FaultyLink(fast.url) as link:
        person = visit(Site(link.url, fast.demo, fast.app)).open(**SMALL)
        finished_batch(person, SPEC, **VALUES)
        page = person.page
        held: list[Route] = []
        page.route(THUMB, lambda route: held.append(route))
        sheet = open_sheet(person)
        images = sheet.locator(".thumb img")
        expect(images).to_have_count(6)
        link.refuse()
        link.cut()
        with page.expect_event("requestfailed", lambda lost: "/health" in lost.url):
            for route in held:
                route.abort("connectionreset")
        expect(images).to_have_count(6)
        page.unroute(THUMB)
        link.heal()
        for image in images.all():
            page.wait_for_function(IS_PAINTED, arg=image.element_handle())
        page.keyboard.press("Escape")
        page.route(THUMB, lambda route: route.fulfill(status=404))
        sheet = open_sheet(person)
        expect(sheet.locator(".thumb .sign")).to_have_count(6)
        person.forgive(*CUT, "404")
        person.leave()


def test_a_cut_upload_starts_again_and_generate_waits_for_it(fast: Site, visit: Visit) -> None:
    """The field shows the picture at once, the progress and the interruption, and keeps the file.
    It asks for no file meanwhile, and neither does Generate. The picture stays until the app's
    copy has arrived."""
    with FaultyLink(fast.url) as link:
        person = visit(Site(link.url, fast.demo, fast.app), locale="en-US").open("upscale")
        page = person.page
        held: list[Route] = []
        page.route("**/gradio_api/upload*", lambda route: held.append(route), times=1)
        field = page.locator("#field-4-image")
        if field.get_by_role("button", name="Change").is_visible():
            person.for_image("4.image", "Remove image")
        person.press()
        expect(page.locator("#of-fields")).to_have_text("Fix the highlighted fields.")
        given: FilePayload = {"name": "photo.png", "mimeType": "image/png", "buffer": saved("PNG")}
        field.locator("input[type=file]").set_input_files(given)
        expect(field).to_contain_text(re.compile(r"Uploading, \d+%"))
        expect(field.locator("canvas")).to_be_visible()
        expect(page.locator(".field-error")).to_have_count(0)
        expect(page.locator("#of-fields")).to_be_empty()
        expect(page.locator("#generate")).to_be_disabled()
        expect(page.locator("#why-off")).to_have_text("Waiting for the upload…")
        link.refuse()
        link.cut()
        held[0].abort("connectionreset")
        expect(field).to_contain_text("Upload interrupted. Trying again…")
        expect(page.locator(".toast-body")).to_have_count(0)
        copies: list[Route] = []
        page.route(re.compile("/gradio_api/file="), lambda route: copies.append(route), times=1)
        with page.expect_request(re.compile("/gradio_api/file=")):
            link.heal()
        expect(page.locator("#generate")).to_be_enabled()
        expect(field.locator(".upload-state")).to_have_count(0)
        expect(field.locator("canvas")).to_be_visible()
        expect(field.locator("img")).to_be_hidden()
        copies[0].continue_()
        expect(field.locator("img")).to_be_visible()
        expect(field.locator("canvas")).to_have_count(0)
        person.forgive(*CUT)
        person.leave()


def test_several_values_start_after_the_connection_returns(fast: Site, visit: Visit) -> None:
    """A press of Start in a cut says so, and leaves the button usable."""
    with FaultyLink(fast.url) as link:
        person = visit(Site(link.url, fast.demo, fast.app)).open(**SMALL)
        dialog = vary(person)
        values_of_row(dialog, "Steps").fill("2, 3")
        start = dialog.locator(".primary")
        expect(start).to_have_text("Start ×2")
        cut_at(person, link, re.compile("/batches/check"))
        start.click()
        expect(dialog.locator(".foot .problem")).to_be_visible()
        link.heal()
        expect(dialog.locator(".foot .problem")).to_have_count(0)
        expect(start).to_have_attribute("aria-disabled", "false")
        person.forgive(*CUT)
        person.leave()
