"""Every text on the page is in the reader's language. A walk uses a pseudo-language that marks each
message."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from comfy.base.messages import message
from tests.browser.nightly.walk.states import SCRIPT, SIZES, at_every_size
from tests.browser.nightly.walk.words import Reader
from tests.browser.opening.nightly.test_choosing import lacking
from tests.browser.opening.test_opening import DRAG_OVER
from tests.support.brought import give
from tests.support.languages.pseudo_language import TAG, pseudo, pseudo_languages
from tests.support.leaks import closing
from tests.support.serving import running_app
from tests.support.visitor import Site, Visit, Visitor
from ui.languages.catalogs import Languages
from ui.settings.web_settings import WebSettings

MASKED = "inpaint"  # has each kind of field that the shipped forms have
AIR = """() => {
    const [button, word] = [document.querySelector("#generate"), document.createRange()];
    word.selectNodeContents(button);
    return word.getBoundingClientRect().left - button.getBoundingClientRect().left;
}"""


@pytest.fixture(scope="module")
def languages(tmp_path_factory: pytest.TempPathFactory) -> Languages:
    return pseudo_languages(tmp_path_factory.mktemp("languages"))


@pytest.fixture(scope="module")
def pseudo_site(walk_site: Site, languages: Languages) -> Iterator[Site]:
    """Yield a site with the shipped workflows in both languages."""
    with running_app(
        walk_site.demo.url, settings=WebSettings(port=0, languages=languages), may_keep=True
    ) as app:
        closing.append(app.close_idle)
        yield Site(app.url, walk_site.demo, app)


@pytest.fixture
def reader(pseudo_site: Site, visit: Visit, nothing_left_behind: None) -> Iterator[Reader]:
    reader = Reader(visit(pseudo_site, locale=TAG))
    services = pseudo_site.services
    workflows, entries = services.folder.entries(), services.library.all_entries()
    reader.knows_authors(pseudo_site, [one.name for one in workflows])
    reader.knows(*(one.folder for one in entries))
    yield reader
    pseudo_site.rest()


def press(page: Page, english: str) -> None:
    """Press the button with this English name."""
    page.get_by_role("button", name=pseudo(english)).first.click()


def test_forms_and_their_menus(reader: Reader) -> None:
    """Every text is translated in the shipped forms, the list of workflows, the keys, the presets
    and the errors. This also holds while a file is held over the page."""
    person = reader.person
    person.open()
    reader.read("text-to-image")
    others = [one.name for one in person.site.services.library.all_entries()]
    for name in (*others, "text-to-image"):
        person.turn_to(name)
        reader.read(name)
    page = person.page
    page.locator("#form .section button.label-wrap").click()
    expect(page.locator("#form .section [id^=field-]").first).to_be_visible()
    reader.read("advanced")
    page.keyboard.press("Control+k")
    expect(page.locator("#picker [role=option]").first).to_be_visible()
    reader.read("the list of workflows")
    page.keyboard.press("Escape")
    page.locator(".colophon summary").click()
    reader.read("the footer")
    press(page, "Shortcuts")
    reader.read("keys")
    page.keyboard.press("Escape")
    press(page, "Form actions")
    reader.read("the form's menu")
    page.get_by_role("menuitem", name=pseudo("Save or apply presets…")).click()
    page.locator("#presets input[type=text]").fill("Night")
    page.keyboard.press("Enter")
    expect(page.locator("#presets .use > .breaks")).to_have_text("Night")
    reader.knows("Night")
    reader.read("presets")
    page.keyboard.press("Escape")
    person.type("4.width", 7)
    person.press()
    expect(page.locator(".field-error")).to_be_visible()
    reader.read("an error")
    page.evaluate(DRAG_OVER)
    expect(page.locator("#drop-zones")).to_be_visible()
    reader.read("a file held over")
    reader.all_well()


def test_results_and_the_history(reader: Reader) -> None:
    """Every text is translated for a result, its uses, sharing and full screen. This also holds for
    selected and compared results and for a failed run. An English user sees the failure in English.
    """
    person = reader.person.open(**{"5.steps": 1, "2.text": "boats at sea"})
    page = person.page
    reader.knows("boats at sea", "Today")  # Intl lacks the pseudo language
    person.generate()
    person.generate()
    files = (file.filename for run in person.site.app.runs.known() for file in run.state.files)
    reader.knows("demo-landscapes", *files)
    expect(page.locator("#history .tile")).to_have_count(2)
    reader.read("a result")
    press(page, "Use in…")
    expect(page.get_by_role("menuitem").first).to_be_visible()
    reader.read("where to use it")
    page.keyboard.press("Escape")
    page.locator("#stage .actions .more").click()
    expect(page.get_by_role("menuitem").first).to_be_visible()
    reader.read("more actions")
    page.keyboard.press("Escape")
    press(page, "Share…")
    expect(page.get_by_role("button", name=pseudo("Create link"))).to_be_visible()
    reader.read("what to share")
    press(page, "Create link")
    expect(page.locator("#share").get_by_role("textbox")).to_be_visible()
    reader.read("share")
    page.keyboard.press("Escape")
    page.locator("#stage .details summary").click()
    reader.read("details")
    page.locator("#stage .viewport").hover()
    press(page, "Full screen")
    reader.read("full screen")
    page.keyboard.press("Escape")
    person.find()
    press(page, "Select")
    for at in (0, 1):
        page.locator("#history .tile").nth(at).click()
    reader.read("selected")
    press(page, "Compare")
    expect(page.locator(".side-by-side")).to_be_visible()
    names = page.locator("dialog img").evaluate_all("all => all.map((one) => one.alt)")
    reader.knows(*names)
    reader.read("compared")
    reader.knows("models/checkpoints")  # the folder of a missing model
    what_goes_wrong(reader)
    reader.all_well()


def what_goes_wrong(reader: Reader) -> None:
    """Check the texts of a failed run and of the user's own workflow that can't run here."""
    person, page = reader.person, reader.person.page
    page.keyboard.press("Escape")
    page.locator("#form .section button.label-wrap").click()
    person.type("7.filename_prefix", "../outside")
    reader.knows("../outside")
    person.press()
    person.phase("failed")
    reader.read("a run that failed")
    is_told_in_the_language_of_now(person)
    give(page, json.dumps(lacking()).encode(), "lacking.json")
    page.locator("#missing .missing > button").click()
    reader.knows("lacking", "Lacking", "gone.safetensors", "NodeOfAPack", "demo-landscapes")
    reader.read("what is missing")
    page.keyboard.press("Escape")


def is_told_in_the_language_of_now(person: Visitor) -> None:
    """Check the failed run's message after the user picks another language in the footer, and after
    the user switches back."""
    page = person.page
    headline, choice = page.locator("#stage .headline"), page.locator(".colophon select")
    expect(headline).to_contain_text("⟦")
    person.find()
    press(page, "Show stopped and failed")
    for tag, generate, told in (
        ("en", "Generate", re.compile("^[^⟦]+$")),
        (TAG, pseudo("Generate"), re.compile("⟦")),
    ):
        page.locator(".colophon summary").click()
        choice.select_option(tag)
        expect(page.locator("#generate")).to_have_text(generate)
        expect(choice).to_have_value(tag)
        page.locator("#history .tile").first.click()
        person.phase("failed")
        expect(headline).to_have_text(told)


def test_a_shipped_language_has_room_on_a_phone(site: Site, visit: Visit) -> None:
    """In each language, nothing is cut off, overlapping or too small for a finger unless it is in
    English, too, like an author's long words. Gradio's own words follow the chosen language, not
    the browser's. Long content opens at its beginning and leaves the corner for the full screen
    button."""
    person = visit(site, viewport=SIZES["phone"])
    page = person.page
    person.before_load(SCRIPT / "geometry.js")
    in_english = crowded(person.open())
    person.turn_to("upscale")
    image = page.locator("#form .of-image, #form .takes-files").first
    person.for_image("4.image", "Remove image")
    expect(image).to_contain_text("Drop Image Here")
    languages = Languages().all
    for tag in sorted(languages.keys() - {"en"}):
        language = languages[tag]
        choose_language(page, tag)
        expect(page.locator("html")).to_have_attribute("data-language", tag)
        person.ready()
        assert page.evaluate("navigator.language") == tag
        label = re.escape(language.text(message("Your image")))
        expect(image).to_have_text(re.compile(rf"{label}\s+\S"))
        expect(image).not_to_contain_text("Drop Image Here")
        page.evaluate("localStorage.clear(), sessionStorage.clear()")  # prompts in another language
        assert crowded(person.turn_to("text-to-image")) - in_english == set(), tag
        person.turn_to("upscale")
        image.locator(".edit-image").click()
        image.get_by_role("menuitem", name=language.text(message("Remove image"))).click()


def choose_language(page: Page, tag: str) -> None:
    """Choose a language in a phone's menu."""
    page.locator("#header-menu button").click()
    page.locator("select.language").select_option(tag)


def crowded(person: Visitor) -> set[str]:
    """Return the layout problems in a form with its menus and with a result. Check the result on a
    tablet, too, where the history's header has a single row."""
    page = person.page
    person.type("5.steps", 2)
    wrong: set[str] = set()

    def look() -> None:
        wrong.update(page.evaluate("geometry.wrong", {"focus": False}))

    look()
    page.keyboard.press("Control+k")
    expect(page.locator("#picker [role=option]").first).to_be_visible()
    look()
    page.keyboard.press("Escape")
    page.locator("#form-menu button").first.click()
    look()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.locator("#keys h2")).to_be_in_viewport(ratio=1)
    look()
    page.keyboard.press("Escape")
    person.generate()
    expect(page.locator("#history .tile").first).to_be_visible()
    for _ in at_every_size(page, (SIZES["tablet"], SIZES["phone"])):
        look()
    assert page.evaluate(AIR) >= 8
    page.locator("#stage .media img").click()
    corner = page.locator("#stage .viewport:modal .full").bounding_box()
    assert corner
    assert (corner["x"] + corner["width"], corner["y"]) == (SIZES["phone"]["width"] - 10, 10)
    page.keyboard.press("Escape")
    return wrong


def test_pages_without_gradio(reader: Reader, languages: Languages, visit: Visit) -> None:
    """Every text is translated on the sign-in page, in its error for a wrong password and on the
    page for an invalid link."""
    demo = reader.person.site.demo
    settings = WebSettings(port=0, users=(("anna", "lighthouse"),), languages=languages)
    with running_app(demo.url, settings=settings) as app:
        page = reader.person.page
        reader.knows("anna")
        page.goto(app.url)
        expect(page.get_by_label(pseudo("Username"))).to_be_focused()
        reader.read("the login")
        page.keyboard.type("anna")
        page.locator("#password").fill("a guess")
        page.keyboard.press("Enter")
        expect(page.locator("#why")).to_have_text(pseudo("Wrong username or password."))
        reader.person.forgive("400")
        page.locator(".language").select_option("en")
        expect(page.locator("#sign-in [type=submit]")).to_have_text("Sign in")
        page.locator(".language").select_option(TAG)
        expect(page.locator("#sign-in [type=submit]")).to_have_text(pseudo("Sign in"))
        page.locator("#username").fill("anna")
        page.locator("#password").fill("lighthouse")
        page.keyboard.press("Enter")
        expect(page.locator("#generate")).to_have_text(pseudo("Generate"))
        page.goto(f"{app.url}/shared/none")
        reader.read("a link that is none")
        reader.person.forgive("404")
        page.goto("about:blank")
    reader.all_well()
