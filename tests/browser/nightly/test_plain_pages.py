"""S14: pages without Gradio work under a policy that lets no other code run."""

from __future__ import annotations

from collections.abc import Callable

import requests
from playwright.sync_api import Page, expect

from comfy.library.permissions import Permissions
from tests.attacks.people import a_run
from tests.browser.test_login import log_in
from tests.support.serving import RunningApp, running_app
from tests.support.visitor import Site, Visitor
from tests.support.waiting import LONGEST_WAIT
from ui.settings.web_settings import WebSettings

SETTINGS = WebSettings(port=0, users=(("anna", "lighthouse"),))
# Insert the markup that an attacker could try. Resolves to whether a script ran, and the CSP
# directives that blocked the rest.
ATTACK = """async () => {
  const blocked = [];
  addEventListener("securitypolicyviolation", (event) => blocked.push(event.violatedDirective));
  const parts = {
    handler: '<img src="data:," onerror="window.ran = 1">',
    script: "<script>window.ran = 1<" + "/script>",
    style: '<p style="color: red">',
    sheet: "<style>body { color: red }</style>",
    image: '<img src="https://evil.example/pixel.png">',
    frame: '<iframe src="https://evil.example/"></iframe>',
  };
  for (const markup of Object.values(parts))
    document.body.append(document.createRange().createContextualFragment(markup));
  for (let i = 0; i < 200 && blocked.length < 6; i++) await new Promise((go) => setTimeout(go, 20));
  return [window.ran ?? 0, [...new Set(blocked)].sort()];
}"""
BLOCKED = ["frame-src", "img-src", "script-src-attr", "script-src-elem", "style-src-attr"]
# Return the number of lines of an element's text.
LINES = """(element) => {
  const text = document.createRange();
  text.selectNodeContents(element);
  return text.getClientRects().length;
}"""
# Return the header's bottom, the logo's place, and the left edge of the page's title.
HEADER = """() => {
  const box = (name) => document.querySelector(name).getBoundingClientRect();
  const { left, top, width } = box(".brand img");
  return [box("#topbar, .bar").bottom, [left, top, width].join(" "), box("h1").left];
}"""
PLAYS = """async ([tag, address]) => {
  const media = document.createElement(tag);
  const blocked = new Promise((go) => addEventListener("securitypolicyviolation", () => go(true)));
  const loaded = new Promise((go) => {
    for (const event of ["error", "loadedmetadata"]) media.addEventListener(event, () => go(false));
  });
  media.src = address;
  document.body.append(media);
  return !(await Promise.race([blocked, loaded]));
}"""


def test_plain_pages_work_under_their_content_security_policy(
    fast: Site, visit: Callable[..., Visitor]
) -> None:
    """The pages for sign-in, tokens, administration, shared results and errors do their jobs. No
    page runs code from markup. The console stays empty except for messages that the test forgives.
    """
    operators = Permissions(operates=lambda owner: owner == "user:anna")
    with running_app(fast.demo.url, settings=SETTINGS, permissions=operators) as app:
        person = visit(Site(app.url, fast.demo, app))
        page = person.page
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.goto(f"{app.url}/account")
        log_in(page, password="a guess")
        expect(page.get_by_text("Wrong username or password.")).to_be_visible()
        log_in(page)
        makes_and_revokes_tokens(page, app)
        page.goto(f"{app.url}/operator")
        page.get_by_role("button", name="Pause").click()
        page.get_by_role("button", name="Resume").click()
        actions_keep_their_words_whole(page, app)
        page.goto(shared_by(app, cookie_of(page)))
        expect(page.get_by_role("heading", name="Picture from anna")).to_be_visible()
        image = page.locator("main img").first
        assert image.evaluate("image => image.decode().then(() => true)")
        for tag in ("video", "audio"):
            assert page.evaluate(PLAYS, [tag, image.get_attribute("src")])
        for path in ("/shared/nothing", "/nothing"):
            page.goto(app.url + path)
            expect(page.get_by_role("link", name="Open ComfyForms").first).to_be_visible()
        page.goto(f"{app.url}/api/v1/docs")
        expect(page.locator(".opblock").first).to_be_visible()
        person.forgive("(Not Found)", "400 (Bad Request)")
        assert not person.complaints, person.complaints
        for path in ("/account", "/operator", "/operator/tokens", "/nothing", "/api/v1/docs"):
            page.goto(app.url + path)
            ran, blocked = page.evaluate(ATTACK)
            assert (ran, set(BLOCKED) <= set(blocked)) == (0, True), (path, blocked)
        person.forgive("Content Security Policy", "violates the following")
        person.failed.clear()


def test_every_page_has_the_form_s_header(fast: Site, visit: Callable[..., Visitor]) -> None:
    """The header's height, the logo's place, the content's edge and the user's menu are the same on
    all pages and in windows of any width. Signing out in the menu shows the sign-in page."""
    operators = Permissions(operates=lambda owner: owner == "user:anna")
    with running_app(fast.demo.url, settings=SETTINGS, permissions=operators) as app:
        person = visit(Site(app.url, fast.demo, app), viewport={"width": 1440, "height": 900})
        page = person.page
        page.goto(f"{app.url}/account")
        signed_out = page.evaluate(HEADER)
        log_in(page)
        expect(page.get_by_role("button", name="anna")).to_be_visible()
        shared = shared_by(app, cookie_of(page))
        page.goto(app.url)
        person.ready()
        wide = page.evaluate(HEADER)
        page.set_viewport_size({"width": 390, "height": 844})
        narrow = page.evaluate(HEADER)
        assert signed_out[:2] == wide[:2]
        for path in ("/account", "/operator", "/nothing", shared.removeprefix(app.url)):
            page.goto(app.url + path)
            expect(page.locator("h1")).to_be_visible()
            edge = slice(2 if "/nothing" in path or "/shared/" in path else 3)  # in the middle
            assert page.evaluate(HEADER)[edge] == narrow[edge], path
            page.set_viewport_size({"width": 1440, "height": 900})
            assert page.evaluate(HEADER)[edge] == wide[edge], path
            page.get_by_role("button", name="anna").click()
            menu = page.locator("#user-menu")
            expect(menu.get_by_role("link", name="Administration")).to_be_visible()
            page.set_viewport_size({"width": 390, "height": 844})
        signs_out = page.get_by_role("button", name="Sign out", exact=True)
        page.context.set_offline(True)
        signs_out.click()
        expect(page.get_by_role("alert")).to_have_text("Can't reach ComfyForms. Try again.")
        page.context.set_offline(False)
        signs_out.click()
        expect(page.get_by_label("Username")).to_be_visible()
        page.goto(shared)
        expect(page.get_by_text("Sign in to see what was shared with you.")).to_be_visible()
        person.forgive("(Not Found)", "401", "ERR_INTERNET_DISCONNECTED")


def makes_and_revokes_tokens(page: Page, app: RunningApp) -> None:
    """Make two tokens, copy one, and revoke one on each of the two pages."""
    for name in ("nightly", "weekly"):
        page.get_by_label("Name of the script").fill(name)
        page.get_by_role("button", name="Create a token").click()
        expect(page.get_by_text("Copy this token now")).to_be_visible()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").startswith("comfyforms_")
    for path, name in (("/account", "nightly"), ("/operator/tokens", "weekly")):
        page.goto(app.url + path)
        page.get_by_role("button", name=f"Revoke {name}").click()
        question = page.get_by_role("dialog")
        question.get_by_role("button", name="Revoke").click()
        expect(page.get_by_text(name)).to_have_count(0)
        assert page.url == app.url + path


def actions_keep_their_words_whole(page: Page, app: RunningApp) -> None:
    """Open the list of activity, in which a long text leaves little room for actions."""
    app.services.runs.history.audit.add("user:anna", "administer", "A long text. " * 30)
    page.set_viewport_size({"width": 820, "height": 900})
    page.goto(f"{app.url}/operator/activity")
    action = page.get_by_role("cell", name="Administration").first
    assert action.evaluate(LINES) == 1


def cookie_of(page: Page) -> str:
    """Return this browser's cookies as a header value."""
    return "; ".join(f"{one['name']}={one['value']}" for one in page.context.cookies())


def shared_by(app: RunningApp, cookie: str) -> str:
    """Share a result of this user and return its address."""
    link = f"{app.url}/api/v1/link?file={a_run(app, cookie)}/0"
    told = requests.post(link, headers={"Cookie": cookie}, timeout=LONGEST_WAIT).json()
    return app.url + str(told["address"])
