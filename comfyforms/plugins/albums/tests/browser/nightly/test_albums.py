"""Settings of shared results, guests of an album, and barriers on both their pages."""

from __future__ import annotations

import contextlib
import re
import threading
from typing import Any

import requests
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, Route, expect

from tests.browser.nightly.walk.axe import is_installed, violations
from tests.support.history_tiles import ONE, make
from tests.support.serving import running_app
from tests.support.visitor import Site, Visit, Visitor
from tests.support.waiting import eventually
from ui.settings.web_settings import WebSettings

POST = """([path, body]) => fetch(`api/v1/albums${path}`, {
  method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" },
}).then((answer) => answer.json())"""


def _barriers(page: Page) -> object:
    """Return what axe finds, nothing where it isn't installed."""
    return is_installed() and violations(page)


def _post(person: Visitor, path: str, body: object) -> dict[str, Any]:
    return dict(person.page.evaluate(POST, [path, body]))


def _album(person: Visitor, *words: str) -> str:
    """Return a new album with results of these prompts."""
    runs = [make(person, one) for one in words]
    album = str(_post(person, "", {"title": "Summer", "access": "shared"})["id"])
    _post(person, f"/{album}/items", {"runs": runs, "settings": True})
    return album


def test_settings_of_shared_results_are_used(fast: Site, visit: Visit) -> None:
    """One result's settings fill in the form. The values of several become a batch."""
    anna = visit(fast).open(**ONE)
    album = _album(anna, "a lighthouse", "a harbor")
    page = anna.page
    page.goto(f"{fast.url}/albums/{album}")
    page.locator("#albums .tile").last.click()
    page.get_by_role("button", name="Use these settings").click()
    anna.ready()
    expect(anna.entry("2.text")).to_have_value("a lighthouse")
    page.goto(f"{fast.url}/albums/{album}")
    expect(page.locator("#albums .tile")).to_have_count(2)
    page.get_by_role("button", name="Select").click()
    for tile in page.locator("#albums .tile").all():
        tile.click()
    page.get_by_role("button", name="Generate more like these").click()
    dialog = page.get_by_role("dialog", name="Try several values")
    expect(dialog.get_by_role("textbox").first).to_have_value("a harbor\na lighthouse")
    expect(dialog.get_by_label("Pair in order")).to_be_checked()


def test_a_guest_reviews_with_a_name_until_the_link_ends(fast: Site, visit: Visit) -> None:
    """The page asks for the name before it stores a verdict and moves on. The owner sees the guest's
    verdict. At the end, the guest's page says so at once."""
    anna = visit(fast).open(**ONE)
    album = _album(anna, "a lighthouse", "a harbor")
    page = anna.page
    page.goto(f"{fast.url}/albums/{album}")
    token = _post(anna, f"/{album}/link", {"days": 7, "comments": True})["token"]
    guest = visit(fast)
    guest.page.goto(f"{fast.url}/albums/guest/{token}")
    expect(guest.page.get_by_role("navigation")).to_have_count(0)
    expect(guest.page.get_by_text("would like your opinion")).to_be_visible()
    guest.page.locator("#albums .tile").first.click()
    expect(guest.page.locator(".media img")).to_be_visible()
    assert not _barriers(page), "the owner's page"
    assert not _barriers(guest.page), "the guest's review"
    keep = guest.page.get_by_role("button", name="Keep")
    caption = guest.page.locator(".caption")
    keep.click()
    expect(guest.page.get_by_text("The team sees it beside your votes")).to_be_visible()
    expect(caption).to_contain_text("1 / 2 · you kept 0")
    guest.page.get_by_role("button", name="Cancel").click()
    expect(caption).to_contain_text("1 / 2 · you kept 0")
    keep.click()
    guest.page.get_by_role("textbox", name="Name").fill("Gus")
    guest.page.keyboard.press("Enter")
    expect(caption).to_contain_text("2 / 2 · you kept 1")
    guest.page.keyboard.press("ArrowLeft")
    expect(keep).to_have_attribute("aria-pressed", "true")
    page.locator("#albums .tile").first.click()
    expect(page.locator(".others")).to_be_hidden()  # before an own vote
    page.keyboard.press("4")
    expect(page.locator(".others")).to_contain_text("Gus")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Invite…").click()
    expect(page.get_by_role("textbox", name="Link")).to_have_value(re.compile(f"/guest/{token}$"))
    expect(page.get_by_text("This link works on this computer only.")).to_be_visible()
    page.get_by_role("button", name="End the link").click()
    page.get_by_role("dialog", name="End the link?").get_by_text("End the link", exact=True).click()
    expect(page.get_by_text("The link no longer works.")).to_be_visible()
    expect(guest.page.get_by_role("heading")).to_have_text("This link no longer works")
    guest.forgive("404")


def test_a_second_guest_of_the_same_name_is_another_one(fast: Site, visit: Visit) -> None:
    """Both votes of the two browsers count."""
    anna = visit(fast).open(**ONE)
    album = _album(anna, "a lighthouse")
    token = _post(anna, f"/{album}/link", {"days": 7, "comments": True})["token"]
    for key in ("Keep", "Reject"):
        guest = visit(fast)
        guest.page.goto(f"{fast.url}/albums/guest/{token}")
        guest.page.locator("#albums .tile").first.click()
        guest.page.get_by_role("button", name=key).click()
        guest.page.get_by_role("textbox", name="Name").fill("Gus")
        guest.page.keyboard.press("Enter")
        expect(guest.page.get_by_text("You have reviewed all results.")).to_be_visible()
        guest.page.close()
    anna.page.goto(f"{fast.url}/albums/{album}")
    expect(anna.page.locator("#albums .tile")).to_have_accessible_name(re.compile("Disputed"))


def _shared_images(person: Visitor, count: int) -> str:
    """Return a new album with the images of one run."""
    person.open(**ONE | {"4.batch_size": count})
    run = make(person, "a lighthouse")
    album = str(_post(person, "", {"title": "Summer", "access": "shared"})["id"])
    _post(person, f"/{album}/items", {"runs": [run], "settings": True})
    return album


def test_keys_count_while_images_are_on_their_way(fast: Site, visit: Visit) -> None:
    """A burst of keys over a slow link gives each result the verdict that was pressed for it, by
    the thumbnail in its place."""
    anna = visit(fast)
    album = _shared_images(anna, 6)
    page, held, is_slow = anna.page, list[Route](), threading.Event()

    def hold(route: Route) -> None:
        held.append(route) if is_slow.is_set() else route.continue_()

    page.goto(f"{fast.url}/albums/{album}")
    is_slow.set()
    page.route("**/items/*/file/*", hold)
    page.get_by_role("button", name="Review 6 results").click()
    image = page.locator(".review .media img")
    expect(image).to_have_css("background-image", re.compile("/thumb"))
    for key in "kxxkk3":
        page.keyboard.press(key)
    expect(page.locator(".review .caption")).to_contain_text("6 / 6 · you kept 3")

    def stored() -> list[tuple[str, int]]:
        told = page.request.get(f"{fast.url}/api/v1/albums/{album}/items").json()
        return [(one["verdict"], one["stars"]) for one in told["items"]]

    verdicts = ["keep", "reject", "reject", "keep", "keep", ""]
    wanted = [(verdict, 3 if at == 5 else 0) for at, verdict in enumerate(verdicts)]
    eventually(lambda: stored() == wanted, "all verdicts are stored")
    is_slow.clear()
    for route in held:
        with contextlib.suppress(PlaywrightError):  # the page no longer wants most of them
            route.continue_()
    expect(image).not_to_have_css("background-image", re.compile("/thumb"))


def test_votes_outlive_the_tab(fast: Site, visit: Visit) -> None:
    """A tab that closes before the app has answered the first of many votes loses none of them."""
    anna, ben = visit(fast), visit(fast)
    album = _shared_images(anna, 6)
    page = ben.page
    page.goto(f"{fast.url}/albums/{album}")
    page.get_by_role("button", name="Review 6 results").click()
    expect(page.locator(".caption")).to_contain_text("1 / 6")
    page.evaluate("""() => {
      const press = (key) => document.querySelector(".review").dispatchEvent(
        new KeyboardEvent("keydown", { key }));
      for (const key of "kxkxk") press(key);
    }""")
    page.close(run_before_unload=True)

    def stored() -> list[str]:
        told = anna.page.request.get(f"{fast.url}/api/v1/albums/{album}/items").json()
        return [one["reviews"][0]["verdict"] if one["reviews"] else "" for one in told["items"]]

    wanted = ["keep", "reject", "keep", "reject", "keep", ""]
    eventually(lambda: stored() == wanted, "all votes are stored")


def test_a_second_reviewer_begins_with_the_rest(fast: Site, visit: Visit) -> None:
    """The page counts what this person hasn't reviewed and where people disagree, says whose
    verdict counts, and shows both verdicts at a result."""
    anna, ben = visit(fast), visit(fast).page
    album = _shared_images(anna, 4)
    for person in (anna.page, ben):
        person.goto(f"{fast.url}/albums/{album}")
    anna.page.get_by_role("button", name="Review 4 results").click()
    expect(anna.page.locator(".caption")).to_contain_text("1 / 4")
    for press in (anna.page.keyboard.down, anna.page.keyboard.down, anna.page.keyboard.up):
        press("k")  # held, it judges only one
    expect(anna.page.locator(".caption")).to_contain_text("2 / 4 · you kept 1")
    anna.page.keyboard.press("x")
    anna.page.keyboard.press("Escape")
    verdicts = ben.get_by_role("group", name="Verdict").get_by_role("button")
    expect(verdicts.filter(has_text="Rejected")).to_be_hidden()
    expect(ben.get_by_text("others' votes for a result")).to_be_visible()
    ben.get_by_role("button", name="Review 4 results").click()
    expect(ben.locator(".caption")).to_contain_text("1 / 4")
    ben.keyboard.press("x")
    ben.keyboard.press("Escape")
    tiles = ben.locator("#albums li[data-run]")
    expect(tiles).to_have_count(3)
    left = verdicts.filter(has_text="For me to review")
    expect(left).to_have_attribute("aria-pressed", "true")
    expect(left).to_have_attribute("data-count", "3")
    ben.get_by_role("combobox", name="Order").select_option("Most votes first")
    verdicts.first.click()
    expect(tiles).to_have_count(4)
    expect(tiles.last).to_have_attribute("data-verdict", "")  # until ben's own vote
    ben.get_by_role("button", name="Review 3 results").click()
    for number, key in enumerate("kkx", 1):
        expect(ben.locator(".caption")).to_contain_text(f"{number} / 3")
        ben.keyboard.press(key)
    expect(ben.get_by_text("You have reviewed all results.")).to_be_visible()
    ben.keyboard.press("z")
    expect(ben.locator(".caption")).to_contain_text("1 / 1 · you kept 2")
    ben.keyboard.press("x")
    expect(ben.get_by_role("button", name="Undo")).to_be_visible()
    disagreed = verdicts.filter(has_text="Disputed")
    expect(disagreed).to_have_attribute("data-count", "1")
    disagreed.click()
    expect(tiles).to_have_count(1)
    expect(tiles).to_have_attribute("data-verdict", "disagreed")
    expect(tiles.locator(".vote")).to_have_count(2)
    expect(tiles.locator(".tile")).to_have_attribute(
        "title", re.compile("Kept.*Rejected|Rejected.*Kept")
    )
    expect(ben.get_by_text("counts as kept once no one rejects it")).to_be_visible()
    verdicts.filter(has_text="Rejected").click()
    expect(tiles).to_have_count(1)
    expect(tiles.last).to_have_attribute("data-verdict", "reject")
    dimmed = tiles.last.locator(".tile")
    expect(dimmed).to_have_css("background-color", "rgb(133, 133, 140)")  # darker than the page


def test_an_album_fits_a_phone(fast: Site, visit: Visit) -> None:
    """The filters are in one row, downloads are in the menu, and a verdict can be given while the
    comments are open."""
    anna = visit(fast)
    album, page = _shared_images(anna, 3), anna.page
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{fast.url}/albums/{album}")
    page.locator("#albums .tile").first.click()
    page.get_by_role("button", name="Comments").click()
    panel = page.get_by_role("complementary").bounding_box()
    assert panel is not None
    assert panel["height"] <= 0.45 * 844 + 1
    keep = page.get_by_role("button", name="Keep")
    assert keep.inner_text().startswith("Keep")
    keep.click()
    expect(keep).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Next", exact=True).click()
    expect(page.locator(".others")).to_be_hidden()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    verdicts = page.get_by_role("group", name="Verdict").bounding_box()
    assert verdicts is not None
    assert verdicts["height"] < 60
    expect(page.get_by_role("link", name=re.compile("Download . kept"))).to_be_hidden()
    page.get_by_role("button", name="More", exact=True).click()
    assert not _barriers(page), "menu"
    with page.expect_download():
        page.get_by_role("menuitem", name=re.compile("Download . kept")).click()


def test_a_sound_is_played_and_kept(fast: Site, visit: Visit) -> None:
    """In the review, no arrow covers the player, and keys still judge after Play was clicked."""
    anna = visit(fast).open("text-to-sound", **{"5.seconds": 2, "6.steps": 1})
    run, page = anna.generate(), anna.page
    album = _post(anna, "", {"title": "Sounds"})["id"]
    _post(anna, f"/{album}/items", {"runs": [run]})
    page.goto(f"{fast.url}/albums/{album}")
    page.locator("#albums .tile").click()
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.keyboard.press("k")
    expect(page.get_by_text("You have reviewed all results.")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("Download . kept"))).to_be_visible()


def test_verdicts_of_a_selection_are_undone(fast: Site, visit: Visit) -> None:
    """Undo brings back each result's own verdict. A comparison shows others' votes after the user's
    own."""
    anna, ben = visit(fast), visit(fast).page
    album, page = _shared_images(anna, 3), anna.page
    for person in (page, ben):
        person.goto(f"{fast.url}/albums/{album}")
    ben.locator("#albums .tile").first.press("k")
    tiles = page.locator("#albums li[data-run]")
    tiles.last.locator(".tile").press("x")
    kept = page.locator("#albums li[data-verdict=keep]")
    for words, count in (("Keep", 3), ("Undo", 1)):
        if words == "Keep":
            page.get_by_role("button", name="Select").click()
            page.get_by_role("button", name="Select all").click()
        page.get_by_role("button", name=words, exact=True).click()
        expect(kept).to_have_count(count)
    expect(tiles.last).to_have_attribute("data-verdict", "reject")
    page.get_by_role("button", name="Select").click()
    page.get_by_role("button", name="Select all").click()
    page.get_by_role("button", name="Compare").click()
    first = page.get_by_role("dialog", name="Compare").locator("figure").first
    expect(first.locator(".others")).to_be_hidden()
    first.hover()
    for key in "x4":
        page.keyboard.press(key)
    expect(first.get_by_role("button", name="Reject")).to_have_attribute("aria-pressed", "true")
    expect(first.locator(".star[aria-pressed=true]")).to_have_count(4)
    expect(first.locator(".others .vote")).to_be_visible()


def test_what_leaves_the_list_leaves_the_selection(fast: Site, visit: Visit) -> None:
    """A result that is rejected in a comparison isn't selected any more among the kept ones."""
    anna = visit(fast)
    album, page = _shared_images(anna, 3), anna.page
    page.goto(f"{fast.url}/albums/{album}")
    tiles = page.locator("#albums .tile")
    expect(tiles).to_have_count(3)
    for tile in tiles.all()[:2]:
        tile.press("k")
    verdicts = page.get_by_role("group", name="Verdict").get_by_role("button")
    verdicts.filter(has_text="Kept").click()
    page.get_by_role("button", name="Select").click()
    page.get_by_role("button", name="Select all").click()
    page.get_by_role("button", name="Compare").click()
    first = page.get_by_role("dialog", name="Compare").locator("figure").first
    first.get_by_role("button", name="Reject").click()
    page.keyboard.press("Escape")
    expect(page.get_by_text("1 selected")).to_be_visible()


def test_the_page_says_who_sees_a_private_album(fast: Site, visit: Visit) -> None:
    """With a link for guests, it isn't called private. The dialog also shares it with users."""
    anna = visit(fast)
    page = anna.page
    page.goto(f"{fast.url}/albums")
    album = _post(anna, "", {"title": "Own"})["id"]
    page.goto(f"{fast.url}/albums/{album}")
    about = page.locator(".album-head .about")
    expect(about).to_contain_text("Private: only you")
    page.get_by_role("button", name="Invite…").click()
    page.get_by_role("button", name="Create link").click()
    expect(about).to_contain_text("Guest link until")
    expect(about).not_to_contain_text("Private")
    page.get_by_role("button", name="Share with everyone signed in").click()
    expect(page.get_by_text("People with an account use the same link")).to_be_visible()
    expect(about).to_contain_text("Shared: everyone signed in · Guest link until")
    assert not _barriers(page), "link"


def test_a_new_round_leads_everyone_to_its_results(fast: Site, visit: Visit) -> None:
    """Its owner sees first who has reviewed. An open review closes, so that a key pressed at that
    moment reaches no other result. The owner stands at the kept ones, with nothing selected. A tile shows the average of the stars. No dialog has barriers."""
    anna, ben = visit(fast), visit(fast).page
    album = _shared_images(anna, 4)
    page = anna.page
    for person in (page, ben):
        person.goto(f"{fast.url}/albums/{album}")
    page.get_by_role("button", name="Review 4 results").click()
    expect(page.locator(".caption")).to_contain_text("1 / 4")
    for key in "xxkk":
        page.keyboard.press(key)
    expect(page.locator(".review")).to_have_count(0)
    verdicts = page.get_by_role("group", name="Verdict").get_by_role("button")
    verdicts.filter(has_text="Kept").click()
    tiles = page.locator("#albums li[data-run]")
    expect(tiles).to_have_count(2)
    page.get_by_role("button", name="Select").click()
    tiles.first.locator(".tile").click()
    ben.get_by_role("button", name="Review 4 results").click()
    expect(ben.locator(".caption")).to_contain_text("1 / 4")
    page.get_by_role("button", name="Next round").click()
    expect(page.get_by_text("reviewed 4 of 4. The others haven't")).to_be_visible()
    assert not _barriers(page), "next round"
    page.get_by_role("button", name="Start", exact=True).click()
    expect(ben.get_by_text("A new round began.")).to_be_visible()
    expect(ben.locator(".review")).to_have_count(0)
    ben.keyboard.press("x")
    ben.get_by_role("button", name="Review 2 results").click()
    expect(ben.locator(".caption")).to_contain_text("#3 · 1 / 2")
    ben.keyboard.press("k")
    expect(ben.locator(".caption")).to_contain_text("#4 · 2 / 2 · you kept 1")
    expect(tiles).to_have_count(2)
    expect(verdicts.filter(has_text="For me to review")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("group", name="Selected results")).to_be_hidden()
    expect(page.get_by_text("Round 2")).to_be_visible()
    expect(verdicts.filter(has_text="Earlier rounds")).to_have_attribute("data-count", "2")
    ben.keyboard.press("2")
    tiles.last.locator(".tile").focus()
    page.keyboard.press("3")
    page.get_by_role("combobox", name="Order").select_option("Most stars first")
    expect(tiles.first.locator(".stars")).to_have_text("2.5")
    assert not _barriers(page), "order"
    page.get_by_role("button", name="Select").click()
    for tile in tiles.all():
        tile.locator(".tile").click()
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("dialog", name="Compare").locator("figure")).to_have_count(2)
    assert not _barriers(page), "compare"
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Move or copy").click()
    expect(page.get_by_text("The results get new numbers there.")).to_be_visible()
    assert not _barriers(page), "move"
    page.keyboard.press("Escape")
    verdicts.filter(has_text="Earlier rounds").click()
    expect(tiles.first.locator(".facts")).to_contain_text("#1")
    tiles.first.locator(".tile").click()
    page.get_by_role("button", name="Keep").click()
    expect(page.get_by_text("Back in this round")).to_be_visible()
    expect(page.get_by_role("group", name="Selected results")).to_be_hidden()


def test_a_press_as_a_round_begins_reaches_no_result(fast: Site, visit: Visit) -> None:
    """The page says that a late vote isn't counted. While the results of the new round are on their
    way, the review is closed, and a press on a tile opens none."""
    anna, ben = visit(fast), visit(fast)
    album = _shared_images(anna, 3)
    page, late, held = anna.page, ben.page, list[Route]()
    ben.forgive("409")
    for person in (page, late):
        person.goto(f"{fast.url}/albums/{album}")
    page.get_by_role("button", name="Review 3 results").click()
    expect(page.locator(".caption")).to_contain_text("1 / 3")
    for key in "kxk":
        page.keyboard.press(key)
    expect(page.get_by_text("You have reviewed all results.")).to_be_visible()
    late.get_by_role("button", name="Review 3 results").click()
    expect(late.locator(".caption")).to_contain_text("1 / 3")
    late.route(re.compile(r"/items\?"), lambda route: held.append(route))
    with late.expect_request(re.compile(r"since=")):
        page.locator("header").get_by_role("button", name="Next round").click()
        page.get_by_role("button", name="Start", exact=True).click()
    late.keyboard.press("k")
    expect(late.get_by_text("Your last vote wasn't counted.")).to_be_visible()
    held.pop().continue_()
    expect(late.locator(".review")).to_have_count(0)
    late.locator("#albums .tile").first.dispatch_event("click")
    expect(late.locator(".review")).to_have_count(0)
    late.unroute_all()  # sends the held requests
    late.get_by_role("button", name="Review 2 results").click()
    expect(late.locator(".caption")).to_contain_text("1 / 2 · you kept 0")


def test_a_review_of_disputed_results_ends_with_the_last(fast: Site, visit: Visit) -> None:
    """The page says how to settle them. Then it leads to what comes next, without an empty list."""
    anna, ben = visit(fast), visit(fast).page
    album, page = _shared_images(anna, 2), anna.page
    for person, keys in ((page, "kk"), (ben, "xx")):
        person.goto(f"{fast.url}/albums/{album}")
        person.get_by_role("button", name="Review 2 results").click()
        expect(person.locator(".caption")).to_contain_text("1 / 2")
        for key in keys:
            person.keyboard.press(key)
        expect(person.get_by_text("You have reviewed all results.")).to_be_visible()
    page.get_by_role("button", name="Show disputed").click()
    expect(page.get_by_text("Talk it over and change your vote")).to_be_visible()
    page.locator("#albums .tile").first.click()
    expect(page.locator(".caption")).to_contain_text("1 / 2")
    for key in "xx":
        page.keyboard.press(key)
    expect(page.get_by_text("You have reviewed all results.")).to_be_visible()
    expect(page.locator(".review")).to_have_count(0)
    expect(page.get_by_text("Talk it over")).to_be_hidden()


def test_a_review_shows_every_page_of_comments(fast: Site, visit: Visit) -> None:
    """The app sends 50 comments at a time. Below the title, the owner sees who wrote them."""
    anna = visit(fast).open(**ONE)
    album = _album(anna, "a lighthouse")
    page = anna.page
    page.goto(f"{fast.url}/albums/{album}")
    told = page.request.get(f"{fast.url}/api/v1/albums/{album}/items").json()
    comments = f"/items/{told['items'][0]['id']}/comments"
    token = _post(anna, f"/{album}/link", {"days": 7, "comments": True})["token"]
    for place in (f"/{album}{comments}", f"/{token}{comments}?guest=Gus"):
        for number in range(26):
            _post(anna, place, {"text": f"Comment {number}"})
    page.locator("#albums .tile").click()
    page.keyboard.press("c")
    expect(page.locator(".comments li")).to_have_count(52)
    page.reload()
    expect(page.locator(".album-head")).to_contain_text("26 comments by Gus (guest).")


def test_a_public_album_leads_no_visitor_to_the_sign_in(fast: Site, visit: Visit) -> None:
    """Visitors without an account can't list albums, so their page has no link to the list."""
    settings = WebSettings(port=0, users=(("anna", "lighthouse"),))
    with running_app(fast.demo.url, settings=settings) as app, requests.Session() as anna:
        anna.headers["origin"] = app.url
        anna.post(f"{app.url}/login", {"username": "anna", "password": "lighthouse"})
        new = {"title": "Postcards", "access": "public"}
        album = anna.post(f"{app.url}/api/v1/albums", json=new).json()["id"]
        person = visit(Site(app.url, fast.demo, app))
        person.page.goto(f"{app.url}/albums/{album}")
        expect(person.page.get_by_role("heading", name="Postcards")).to_be_visible()
        expect(person.page.get_by_label("Albums above")).to_have_count(0)
        person.leave()
