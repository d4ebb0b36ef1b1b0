"""Files that are too large or of the wrong kind: the user sees an error on the field."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import STEP
from tests.browser.form.test_images import shown, without_image
from tests.browser.form.test_limits import Visit
from tests.support.serving import running_demo_app
from tests.support.visitor import Site
from ui.web.limits import WebLimits


def test_finding_10_a_page_with_a_discarded_form_works(
    visit: Visit, nothing_left_behind: None
) -> None:
    """Generate and the list of workflows work in a tab whose form the app discarded to make room
    for another tab's."""
    with running_demo_app(step_seconds=0, limits=WebLimits(person_pages=1)) as (demo, app):
        site = Site(app.url, demo, app)
        person = visit(site).open("text-to-image")
        person.type("2.text", "a lighthouse in the fog")
        person.another_tab("upscale").page.close()
        run_id = person.generate()
        assert site.prompt_of(run_id)["2"]["inputs"]["text"] == "a lighthouse in the fog"
        person.turn_to("upscale")
        person.leave()
        site.rest()


def test_a_refused_file_is_still_explained_at_generate(fast: Site, visit: Visit) -> None:
    """Without another file, Generate repeats why the field refused the last one."""
    person = visit(fast).open("image-to-image")
    field = person.field("4.image")
    shown(person)
    without_image(person)
    wrong = {"name": "song.flac", "mimeType": "audio/flac", "buffer": b"fLaC"}
    field.locator("input[type=file]").first.set_input_files(wrong)  # type: ignore[arg-type]
    error = field.locator(".field-error")
    expect(error).to_contain_text("song.flac")
    person.press()
    expect(person.page.locator("#stage")).to_contain_text("Fix the highlighted fields.")
    expect(error).to_contain_text("song.flac")
    person.leave()


def test_a_refused_request_shows_the_reason(visit: Visit, nothing_left_behind: None) -> None:
    """If the app refuses a request, its sentence replaces “Sending…” or appears beside the current
    run."""
    with running_demo_app(step_seconds=STEP, limits=WebLimits(body=20_000)) as (
        demo,
        app,
    ):
        site = Site(app.url, demo, app)
        person = visit(site).open(**{"5.steps": 60})
        for place in ("#stage .headline", "#stage .objection"):
            person.type("2.text", "fog " * 10_000)
            person.press()
            said = person.page.locator(place)
            expect(said).to_contain_text("ComfyForms couldn't process this request.")
            expect(person.page.locator("#generate")).to_be_enabled()
            person.type("2.text", "a lighthouse in the fog")
            person.press()
            expect(said).not_to_contain_text("couldn't process")
            person.phase("running")
        demo.speed.step = 0
        person.forgive("413")
        person.leave()
        site.rest()
