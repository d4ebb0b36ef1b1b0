"""Shared results: the owner makes a link and can revoke it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
import requests
from playwright.sync_api import BrowserContext, Locator, Page, expect

from comfy.records.sharing import SharedFile
from tests.browser.fixtures import NETWORK_NAME
from tests.browser.test_login import log_in
from tests.support.history_tiles import choose, tiles
from tests.support.serving import running_app
from tests.support.visitor import Site, Visit, Visitor
from tests.support.waiting import LONGEST_WAIT
from ui.settings.web_settings import WebSettings

SETTINGS = WebSettings(
    port=0, users=(("anna", "lighthouse"), ("ben", "harbour")), hosts=(NETWORK_NAME,)
)
ONLY_HERE = "This link works on this computer only."
GONE = "This link no longer works"
# Paragraphs whose last line is a single word.
LONELY = """dialog => [...dialog.querySelectorAll("p")].filter((paragraph) => {
    const text = paragraph.firstChild;
    const tops = [...(text?.data ?? "").matchAll(/\\S+/g)].map(({ 0: word, index }) => {
        const range = document.createRange();
        range.setStart(text, index);
        range.setEnd(text, index + word.length);
        return range.getBoundingClientRect().top;
    });
    return tops.length > 2 && tops.at(-1) > tops.at(-2);
}).map((paragraph) => `${paragraph.textContent} ${innerWidth}`)"""


def shown(page: Page) -> bool:
    return bool(
        page.locator("main .picture img").evaluate("image => image.decode().then(() => true)")
    )


@pytest.fixture
def site(fast: Site) -> Iterator[Site]:
    """Yield a site of two users."""
    with running_app(fast.demo.url, settings=SETTINGS) as app:
        yield Site(app.url, fast.demo, app)


@pytest.fixture
def anna(site: Site, visit: Visit) -> Iterator[Visitor]:
    """Yield a user with a result."""
    anna = visit(site)
    anna.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    anna.page.goto(f"{site.url}/?workflow=text-to-image&5.steps=1&2.text=a+lighthouse+keeper")
    log_in(anna.page)
    anna.ready()
    anna.generate()
    yield anna
    anna.page.close()


@pytest.fixture
def ben(anna: Visitor, visit: Visit) -> Iterator[Visitor]:
    """Yield another user of the site, with a phone, who leaves first."""
    ben = visit(anna.site, viewport={"width": 390, "height": 844})
    yield ben
    ben.page.close()


def share(anna: Visitor) -> tuple[Locator, str]:
    """Open the dialog that shares the result, create its link if needed, and return both."""
    anna.act("Share…")
    panel = anna.page.get_by_role("dialog", name="Share this result")
    create = panel.get_by_role("button", name="Create link")
    expect(create.or_(panel.get_by_role("button", name="Stop sharing"))).to_be_visible()
    if create.is_visible():
        create.click()
    expect(panel.get_by_role("textbox", name="Link")).to_have_value(re.compile("/shared/"))
    return panel, panel.get_by_role("textbox", name="Link").input_value()


def follow(ben: Visitor, link: str) -> None:
    """Sign in at a link, and wait for its result."""
    ben.page.goto(link)
    log_in(ben.page, "ben", "harbour")
    expect(ben.page.get_by_role("heading", name=" from anna")).to_be_visible()


def test_nothing_is_shared_before_the_user_agrees(anna: Visitor) -> None:
    """Opening and closing the dialog shares nothing. It says that the link reaches no other
    computer."""
    anna.act("Share…")
    panel = anna.page.get_by_role("dialog", name="Share this result")
    expect(panel).to_contain_text(ONLY_HERE)
    expect(panel.get_by_role("textbox", name="Link")).to_be_hidden()
    expect(panel.locator(".last > *")).to_have_text(["Cancel", "Create link"])
    expect(panel.get_by_role("button", name="Create link")).to_be_focused()
    panel.get_by_role("button", name="Cancel").click()
    (run,) = anna.site.services.runs.known()
    history = anna.site.services.runs.history
    assert history.shared.of(run.owner, [SharedFile(run.id, 0)]) is None


def test_a_user_finds_and_deletes_shared_results(anna: Visitor) -> None:
    """The history lists only these, and a deletion says that their links no longer show them."""
    first = tiles(anna).get_attribute("data-run") or ""
    panel, _ = share(anna)
    anna.page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    anna.generate()
    anna.find()
    which = anna.page.get_by_role("combobox", name="Workflow", exact=True)
    which.select_option("Shared by link")
    expect(tiles(anna)).to_have_count(1)
    choose(anna, first)
    anna.more("Delete")
    expect(anna.page.locator("#undo")).to_contain_text("Shared links no longer show it.")
    expect(anna.page.locator("#history")).to_contain_text("Nothing shared by link.")


def test_the_link_reaches_others_by_a_name_of_the_network(
    anna: Visitor, context_of: Callable[..., BrowserContext]
) -> None:
    """At an address that other computers may know, the dialog says who can open the link, and
    shows the link as a QR code for phones."""
    page = context_of().new_page()
    page.goto(anna.site.url.replace("127.0.0.1", NETWORK_NAME))
    log_in(page)
    page.locator("#history .tile").click()
    page.locator("#stage .actions").get_by_role("button", name="Share…").click()
    panel = page.get_by_role("dialog", name="Share this result")
    expect(panel).to_contain_text("To open it, people sign in with their account here.")
    expect(panel.get_by_role("link", name="Download")).to_have_count(0)
    panel.get_by_role("button", name="Create link").click()
    code = panel.get_by_role("img", name="QR code of the link")
    assert code.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
    page.close()


def test_several_results_share_one_link(anna: Visitor, ben: Visitor) -> None:
    """The link shows all selected results. With the prompts shared, another user can fill in the
    form with a result's settings. Stop sharing ends it for all of them."""
    anna.generate()
    page = anna.page
    anna.find()
    page.locator("#history").get_by_role("button", name="Select").click()
    expect(page.locator("#history .tile")).to_have_count(2)
    for at in (0, 1):
        page.locator("#history .tile").nth(at).click()
    page.locator("#history .selection").get_by_role("button", name="Share").click()
    panel = page.get_by_role("dialog", name="Share 2 results")
    expect(panel).to_contain_text(ONLY_HERE)
    expect(panel).to_contain_text("The files are shared without their metadata.")
    panel.get_by_label("Include the prompt and settings").check()
    panel.get_by_role("button", name="Create link").click()
    expect(panel.get_by_role("button", name="Copied")).to_be_visible()
    link = panel.get_by_role("textbox", name="Link").input_value()
    assert re.fullmatch(rf"{re.escape(anna.site.url)}/shared/[\w-]{{32}}", link)
    follow(ben, link)
    expect(ben.page.locator("main .picture img")).to_have_count(2)
    expect(ben.page.get_by_text("a lighthouse keeper")).to_have_count(1)
    with ben.page.expect_download() as saved:
        ben.page.get_by_role("link", name="Download all").click()
    assert saved.value.suggested_filename == "Text to image.zip"
    assert ben.page.evaluate("document.documentElement.scrollWidth") <= 390
    ben.page.get_by_role("link", name="Use these settings").first.click()
    ben.ready()
    expect(ben.entry("2.text")).to_have_value("a lighthouse keeper")
    expect(ben.entry("5.steps")).to_have_value("1")
    assert "shared=" not in ben.page.url
    example = ben.page.locator("#stage .picture .example")
    caption = example.locator("figcaption")
    expect(caption).to_have_text("Settings from a shared result")
    assert example.locator("img").evaluate("image => image.decode().then(() => true)")
    ben.turn_to("upscale")
    expect(caption).not_to_have_text("Settings from a shared result")
    panel.get_by_role("button", name="Stop sharing").click()
    panel.get_by_role("button", name="Stop sharing").click()
    expect(panel).to_contain_text("Sharing stopped.")
    ben.page.goto(link)
    expect(ben.page.get_by_role("heading", name=GONE)).to_be_visible()
    ben.forgive("404")


def test_sharing_copies_a_link(anna: Visitor) -> None:
    """The dialog says who can see the result, and what the file carries."""
    panel, link = share(anna)
    expect(panel).to_contain_text(ONLY_HERE)
    expect(panel.get_by_role("button", name="Copied")).to_be_visible()
    expect(panel).not_to_contain_text("already shared")
    expect(panel.get_by_role("img")).to_have_count(0)
    expect(panel).to_contain_text("The file is shared without its metadata.")
    assert anna.page.evaluate("navigator.clipboard.readText()") == link
    assert re.fullmatch(rf"{re.escape(anna.site.url)}/shared/[\w-]{{32,}}", link)


def test_a_link_shows_another_user_the_result(anna: Visitor, ben: Visitor) -> None:
    """The other user can sign in at the link and see the result on a phone, but not its prompt."""
    _, link = share(anna)
    follow(ben, link)
    expect(ben.page).to_have_title("Picture from anna · ComfyForms")
    assert ben.page.url == link
    assert shown(ben.page)
    wide = "image => [image.clientWidth, document.documentElement.scrollWidth]"
    assert ben.page.locator("main .picture img").evaluate(wide) == [366, 390]
    assert "lighthouse keeper" not in ben.page.content()
    with ben.page.expect_download() as saved:
        ben.page.get_by_role("link", name="Download").click()
    assert saved.value.suggested_filename.endswith(".png")
    ben.page.get_by_title("Enlarge").click()
    large = ben.page.locator(".large img")
    expect(large).to_be_in_viewport()
    assert large.evaluate("image => image.clientHeight") > 780
    expect(ben.page.locator(".large").get_by_text("Text to image")).to_be_in_viewport()
    close = ben.page.get_by_role("button", name="Close", exact=True)
    expect(close).to_be_focused()
    ben.page.keyboard.press("Escape")
    expect(large).to_be_hidden()
    ben.page.get_by_title("Enlarge").click()
    close.click()
    expect(large).to_be_hidden()
    to_app = ben.page.get_by_role("link", name="Create", exact=True)
    assert to_app.evaluate("link => link.href") == f"{ben.site.url}/"


def test_a_link_shows_the_prompt_if_its_owner_agrees(anna: Visitor, ben: Visitor) -> None:
    """The tick counts for later visits, and the dialog keeps it."""
    panel, link = share(anna)
    follow(ben, link)
    panel.get_by_label("Include the prompt and settings").check()
    expect(panel).to_contain_text("The file contains its workflow: prompt, settings")
    expect(ben.page.get_by_text("a lighthouse keeper")).to_have_count(0)
    anna.page.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    share(anna)
    expect(panel.get_by_label("Include the prompt and settings")).to_be_checked()
    ben.page.reload()
    expect(ben.page.get_by_text("a lighthouse keeper")).to_be_visible()
    expect(ben.page.locator(".facts")).to_have_text(
        re.compile(r"^512 × 512 · Seed \d+ · Steps 1 · demo-landscapes$")
    )


def test_sharing_again_shows_the_same_link(anna: Visitor) -> None:
    """The dialog says that the result is already shared. No word of it stands alone on a line."""
    panel, link = share(anna)
    panel.get_by_label("Include the prompt and settings").check()
    expect(panel).to_contain_text("The file contains its workflow: prompt, settings")
    anna.page.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    panel, again = share(anna)
    assert again == link
    expect(panel).to_contain_text("This result is already shared with this link.")
    for width in range(320, 480, 20):
        anna.page.set_viewport_size({"width": width, "height": 844})
        assert panel.evaluate(LONELY) == []


def test_a_link_ends_when_sharing_stops(anna: Visitor, ben: Visitor) -> None:
    """Stop sharing asks first. Afterwards the link and its file lead nowhere, but the other user
    can still open the app."""
    panel, link = share(anna)
    follow(ben, link)
    panel.get_by_role("button", name="Stop sharing").click()
    expect(panel).to_contain_text("The link will stop working.")
    panel.get_by_role("button", name="Cancel").click()
    ben.page.reload()
    assert shown(ben.page)
    panel, again = share(anna)
    assert again == link
    panel.get_by_role("button", name="Stop sharing").click()
    panel.get_by_role("button", name="Stop sharing").click()
    expect(panel).to_contain_text("Sharing stopped. The link no longer works.")
    file = ben.page.locator("main .picture img").evaluate("image => image.src")
    ben.page.reload()
    expect(ben.page.get_by_role("heading", name=GONE)).to_be_visible()
    assert ben.page.request.get(file).status == 404
    ben.page.get_by_role("link", name="Open ComfyForms").click()
    ben.ready()
    ben.forgive("404")


def test_shares_a_damaged_file_with_its_prompt_only(fast: Site, visit: Visit) -> None:
    """If a file's metadata can't be removed, the dialog says so and makes no link until the user
    ticks the prompt. The prompt then stays ticked."""
    anna = visit(fast).open("text-to-image", **{"5.steps": 1, "2.text": "a keeper of secrets"})
    run = fast.run(anna.generate())
    kept = fast.app.services.copies.blobs.path(run.state.files[0].digest)
    assert kept is not None
    kept.write_bytes(kept.read_bytes()[:-12])
    anna.forgive("404")  # it has no thumbnail
    anna.act("Share…")
    panel = anna.page.get_by_role("dialog", name="Share this result")
    expect(panel).to_contain_text("This kind of file can't be shared without its prompt.")
    expect(panel.get_by_role("textbox", name="Link")).to_be_hidden()
    expect(panel.get_by_role("button", name="Stop sharing")).to_have_count(0)
    tick = panel.get_by_label("Include the prompt and settings")
    expect(tick).to_be_focused()
    tick.check()
    panel.get_by_role("button", name="Create link").click()
    expect(panel.get_by_role("textbox", name="Link")).to_have_value(
        re.compile(rf"{re.escape(fast.url)}/shared/.+")
    )
    expect(panel).to_contain_text("The file contains its workflow")
    expect(tick).to_be_disabled()
    anna.page.keyboard.press("Escape")


def test_a_shared_link_ends_with_its_result(
    fast: Site, visit: Visit, context_of: Callable[..., BrowserContext]
) -> None:
    """A video plays from its link. After its owner deletes the result, the link says that it no
    longer works. If the app needs no sign-in, any browser can follow the link."""
    person = visit(fast).open(
        "animation", **{"5.steps": 1, "7.steps": 1, "6.amount": 3, "4.width": 256, "4.height": 256}
    )
    person.generate()
    expect(person.page.locator("#stage .media video")).to_be_visible()
    person.act("Share…")
    person.page.get_by_role("button", name="Create link").click()
    field = person.page.get_by_label("Link", exact=True)
    expect(field).to_have_value(re.compile("/shared/"))
    link = field.input_value()
    other = context_of().new_page()
    other.goto(link)
    other.locator("main video").evaluate("video => { video.muted = true; return video.play(); }")
    other.wait_for_function("document.querySelector('main video').currentTime > 0")
    person.page.keyboard.press("Escape")
    person.more("Delete")
    expect(person.page.locator("#undo")).not_to_be_empty()
    other.reload()
    expect(other.get_by_role("heading", name=GONE)).to_be_visible()
    assert requests.get(link, timeout=LONGEST_WAIT).status_code == 404
    other.close()
