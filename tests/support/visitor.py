"""A user's actions on the page, and the test's view of the site behind it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from playwright.sync_api import ConsoleMessage, Locator, Page, Request, WebSocket, expect
from playwright.sync_api import Error as PlaywrightError

from comfy.comfyui.client.client import Client
from comfy.runs.interface import Run
from comfyui_standin import DemoServer
from tests.support.serving import RunningApp
from tests.support.waiting import LONGEST_WAIT, eventually
from ui.services import Services

WAIT = LONGEST_WAIT * 1000  # milliseconds
# Asked for at the host's root: by browsers, wherever the page is. Behind a proxy that
# is not the app's; `tests/security/test_routes.py` says what the app answers.
OF_THE_HOST = ("/favicon.ico",)
# The page of an app that has ended asks for its news again.
REFUSED = re.compile(r"status of (?:4\d\d|50[237]) .*/api/v1/")  # Chromium says so in the console
APP_ENDED = "/news' failed: Error in connection establishment: net::ERR_CONNECTION_REFUSED"
# A page keeps running for a moment after the visitor leaves. The next visitor would find anything
# it stored in that time.
FORGET = "() => { sessionStorage.clear(); Storage.prototype.setItem = () => {}; }"


@dataclass(frozen=True, slots=True)
class Site:
    """An app at the address `url` that browsers use, and the ComfyUI server that it sends prompts
    to."""

    url: str
    demo: DemoServer
    app: RunningApp

    @property
    def services(self) -> Services:
        return self.app.services

    @property
    def client(self) -> Client:
        """Return the app's client for the ComfyUI server."""
        return self.app.client

    def prompt_of(self, run_id: str) -> dict[str, Any]:
        """Return the prompt of a finished run, as the server received it."""
        known = {run.id: run.state.prompt_id for run in self.app.runs.known()}
        prompt_id = known.get(run_id, run_id)  # only runs of batches and chains are missing here
        return dict(self.demo.queue.history_of(prompt_id)[prompt_id]["prompt"][2])

    def run(self, run_id: str) -> Run:
        """Return a known run, regardless of its owner."""
        return next(run for run in self.app.runs.known() if run.id == run_id)

    def unfinished(self) -> list[Run]:
        """Return the unfinished runs of all users."""
        return [run for run in self.app.runs.known() if not run.state.phase.finished]

    def idle(self) -> bool:
        """Return whether the server has no runs and no open sockets."""
        return self.demo.queue.remaining() == 0 and self.demo.sockets.open == 0

    def rest(self) -> None:
        """Wait until the last run has left the server."""
        eventually(self.idle, "the server has no runs and no sockets")


class Visitor:
    """A user with one browser tab at `site`."""

    def __init__(self, page: Page, site: Site) -> None:
        self.page = page
        self.site = site
        self._heard: list[str] = []
        self._forgiven: tuple[str, ...] = (APP_ENDED,)
        self.requests: list[str] = []  # all of them once it is `recording`; until then the sockets
        self.failed: list[str] = []
        self.visited: list[str] = []
        self.has_scripts = False  # of the test's own, which a page keeps for good
        self._listens: dict[str, Callable[..., None]] = {
            "console": self._said,
            "pageerror": lambda error: self._heard.append(str(error)),
            "requestfailed": lambda request: self.failed.append(request.url),
            "framenavigated": lambda frame: self.visited.append(frame.url),
            "websocket": self._connected,
        }
        for event, listener in self._listens.items():
            page.on(event, listener)  # type: ignore[call-overload]

    @property
    def complaints(self) -> list[str]:
        """Return the errors in the page's console, except for requests that the API refused."""
        heard = [one for one in self._heard if not REFUSED.search(one)]
        return [one for one in heard if not any(part in one for part in self._forgiven)]

    @property
    def outside(self) -> list[str]:
        """Return the addresses of requests for other machines. They all fail, because the tests'
        browsers only reach this machine."""
        here = ("127.0.0.1", None, urlsplit(self.site.url).hostname)
        asked = [*self.requests, *self.failed]
        return [address for address in asked if urlsplit(address).hostname not in here]

    @property
    def origins(self) -> set[str]:
        """Return the origins of the visited pages, as `http://host:port`."""
        parts = [urlsplit(address) for address in self.visited]
        return {f"{one.scheme}://{one.netloc}" for one in parts if one.scheme in ("http", "https")}

    @property
    def is_as_before(self) -> bool:
        """Return whether the tab can be reused. It can if the test added no scripts and the tab
        holds storage of at most one site."""
        return not self.has_scripts and len(self.origins) <= 1

    def _said(self, message: ConsoleMessage) -> None:
        said = f"{message.text} {message.location.get('url', '')}"
        if message.type == "error" and not any(path in said for path in OF_THE_HOST):
            self._heard.append(said)

    def recording(self) -> Visitor:
        """Record each later request in `requests`. Listening to every request adds a tenth to a
        page's processor time, so it is off by default."""
        self._listens["request"] = self._asked
        self.page.on("request", self._asked)
        return self

    def before_load(self, script: str | Path) -> None:
        """Run this script, or the script in this file, before every later page load."""
        self.has_scripts = True
        text = script.read_text(encoding="utf-8") if isinstance(script, Path) else script
        self.page.add_init_script(text)

    def leave(self) -> None:
        """Leave the site and clear the tab's storage, so that nothing of the site stays open."""
        with contextlib.suppress(PlaywrightError):  # it is just going to another address
            self.page.evaluate(FORGET)
        self.page.goto("about:blank")

    def end(self) -> None:
        """Leave the site and remove all listeners, so that another visitor can use the tab like a
        new one."""
        self.leave()
        self.page.unroute_all()
        self.page.mouse.move(0, 0)
        for event, listener in self._listens.items():
            self.page.remove_listener(event, listener)

    def _asked(self, request: Request) -> None:
        self.requests.append(request.url)

    def _connected(self, socket: WebSocket) -> None:
        self.requests.append(socket.url)

    def forgive(self, *words: str) -> None:
        """Ignore console errors that contain any of these words, because the test causes them. A
        browser reports some of them late."""
        self._forgiven += words

    def another_tab(self, workflow: str = "text-to-image", **values: object) -> Visitor:
        """Open another tab in the same browser."""
        return Visitor(self.page.context.new_page(), self.site).open(workflow, **values)

    def waiting(self) -> Locator:
        """Return the queue's entries for waiting runs."""
        return self.page.locator('#queue li[data-phase="waiting"]')

    def open(self, workflow: str = "text-to-image", **values: object) -> Visitor:
        """Open a workflow's page with values in its address (`**{'2.text': 'a cat'}`), and wait for
        the form."""
        self.page.goto(f"{self.site.url}/?{urlencode({'workflow': workflow, **values})}")
        self.ready()
        return self._has_fields_of(workflow, values)

    def turn_to(self, workflow: str) -> Visitor:
        """Choose a workflow from the list by its name and wait for its form. It takes half as long
        as `open`."""
        self.workflows().click()
        self.page.locator(f'#picker [data-name="{workflow}"]').click()
        self.page.locator(f'#heading [data-workflow="{workflow}"]').wait_for()
        return self._has_fields_of(workflow, {})

    def _has_fields_of(self, workflow: str, values: dict[str, object]) -> Visitor:
        chains = self.site.services.chain_forms
        if workflow in chains.folder:
            form = chains.form(workflow, "", values).form
        else:
            _, form = self.site.services.forms.form(workflow, "", values, offline=True)
        # Gradio loads each kind of component when it is first needed: one may come long after
        # another.
        fields = {_id_of(field.key) for field in form.fields if field.group == "main"}
        expect(self.page.locator(", ".join(fields) or "#none")).to_have_count(len(fields))
        return self

    def ready(self) -> None:
        """Wait until the page shows the form and accepts input."""
        self.page.locator("#heading h1").wait_for()
        self.page.locator("#stage .headline").wait_for(state="attached")

    def choose(self, title: str) -> None:
        """Choose a workflow from the list by its title."""
        self.workflows().click()
        self.page.locator("#picker").get_by_role("option", name=title).click()

    def workflows(self) -> Locator:
        """Return the button that opens the workflow list. It shows the title of the open
        workflow."""
        return self.page.locator("#picker .chosen")

    def field(self, key: str) -> Locator:
        """Return a field by its key."""
        return self.page.locator(_id_of(key))

    def entry(self, key: str) -> Locator:
        """Return the box for a field's text or number."""
        return self.field(key).locator("textarea, input:not([type=range])").first

    def unfold(self) -> None:
        """Open the Advanced section, which stays open in the next form."""
        self._show_form()
        section = self.page.locator("#form .section", has_text="Advanced")
        first = section.locator("[id^=field-]").filter(visible=True).first
        if not first.is_visible():
            section.locator("button.label-wrap").click()
        expect(first).to_be_visible()

    def _show_form(self) -> None:
        """Turn to the tab with the form, in one column after a run."""
        form = self.page.locator("#tabs").get_by_role("button", name="Form", pressed=False)
        if form.is_visible():
            form.click()

    def type(self, key: str, value: object) -> None:
        """Type into a field and leave it."""
        self._show_form()
        self.unfold_field(key)
        self.entry(key).fill(str(value))
        self.entry(key).blur()

    def unfold_field(self, key: str) -> None:
        """Show a field that is folded by a button of its own, in a section, or both."""
        own = f"[id^=fold-]:has({_id_of(key)}) :is(.fold, .opens)[aria-expanded=false]"
        section = f"#form .section:has({_id_of(key)}) .label-wrap:not(.open)"
        for folded in (section, own):
            for fold in self.page.locator(folded).all():
                fold.click()

    def keep_preset(self, name: str) -> None:
        """Open the presets and save the form's values under a name."""
        self.for_form("Save or apply presets…")
        presets = self.page.locator("#presets")
        presets.locator("input[type=text]").fill(name)
        self.page.keyboard.press("Enter")
        expect(presets.get_by_role("button", name=f"Apply: {name}", exact=True)).to_be_visible()

    def keep_seed(self, seed: object, key: str = "5.seed") -> None:
        """Type a seed and check that the seed is no longer random."""
        # Gradio loads each kind of component when it is first needed: the box may come after the
        # text.
        self.unfold_field(key)
        expect(self.page.locator(".seed-mode input[value=random]").first).to_be_visible()
        self.entry(key).fill(str(seed))
        expect(self.page.locator(".seed-mode input[value=random]").first).not_to_be_checked()

    def turn_tab(self, name: str) -> None:
        """Show the form or the result on a narrow page."""
        tab = self.page.locator("#tabs").get_by_role("button", name=name)
        tab.click()
        expect(tab).to_have_attribute("aria-pressed", "true")

    def press(self) -> None:
        """Press Generate."""
        self.page.locator("#generate").click()

    def press_keys(self) -> None:
        """Start a run with the keyboard. While the page draws a form, its button can move away from
        the pointer."""
        self.page.keyboard.press("Control+Enter")

    def phase(self, phase: str) -> None:
        """Wait until the page shows this phase of a run."""
        self.page.locator(f'#stage .stage[data-phase="{phase}"]').wait_for()

    def frames(self, least: int = 1) -> None:
        """Wait until the page has painted this many live frames since it was opened."""
        self.page.wait_for_function(
            "least => Number(document.querySelector('#stage .stage')?.dataset.frames ?? 0) >="
            " least",
            arg=least,
        )

    def ended(self, after: str = "") -> str:
        """Wait until a run other than `after` has finished with any outcome, and return its id."""
        other = f':not([data-run=""]):not([data-run="{after}"])'
        self.page.locator(f'#stage .stage[data-phase="done"]{other}').wait_for()
        return str(self.page.evaluate("document.querySelector('#stage .stage').dataset.run"))

    def done(self, after: str = "") -> str:
        """Wait until the page shows the results of a run other than `after`, and return its id."""
        run_id = self.ended(after)
        shown = (
            f'#stage .media img:not(.live-frame)[src*="{run_id}"], #stage .media'
            f' :is(video[src*="{run_id}"], .player:has([src*="{run_id}"]))'
        )
        self.page.locator(shown).first.wait_for()
        expect(self.page.locator("img.live-frame")).to_have_count(0)
        return run_id

    def generate(self) -> str:
        """Press Generate, wait for the results and return the run's id."""
        before = self.page.locator("#stage .stage").get_attribute("data-run")
        self.press()
        return self.done(after=before or "")

    def use_in(self, where: str) -> None:
        """Use the current result in a field of the form, or in another workflow."""
        self.act("Use in…")
        self.page.get_by_role("menuitem", name=where, exact=True).click()

    def act(self, action: str) -> None:
        """Press a button in the row of the result on the stage, or on a phone in its menu."""
        actions = self.page.locator("#stage .actions")
        actions.get_by_role("button", name="More").wait_for()
        button = actions.get_by_role("button", name=action, exact=True)
        if button.count():
            button.click()
        else:
            self.more(action)

    def for_form(self, action: str) -> None:
        """Choose an action from the form's menu."""
        self._show_form()
        expect(self.page.locator("#form[aria-busy=true]")).to_have_count(0)  # it has another menu
        self.page.get_by_role("button", name="Form actions").click()
        self.page.get_by_role("menuitem", name=action, exact=True).click()

    def for_image(self, key: str, action: str) -> None:
        """Choose an action from the menu of the image in the field with this key."""
        self.field(key).get_by_role("button", name="Change").click()
        self.page.get_by_role("menuitem", name=action, exact=True).click()

    def find(self) -> None:
        """Unfold the history's search, filters and selection, which stay so in this browser."""
        if self.page.locator("#history .finds").count():
            self.page.locator("#history .finds").click()

    def more(self, action: str) -> None:
        """Choose an action from the menu of the result on the stage."""
        self.page.locator("#stage .actions").get_by_role("button", name="More").click()
        self.page.get_by_role("menuitem", name=action, exact=True).click()

    def errors(self) -> dict[str, str]:
        """Return the error messages on fields by the fields' ids."""
        notes = self.page.locator(".field-error")
        return dict(
            notes.evaluate_all("all => all.map(note => [note.parentElement.id, note.textContent])")
        )


Visit = Callable[..., Visitor]  # opens a page; a fixture of the browser tests


def _id_of(key: str) -> str:
    """Return the CSS selector of the field with this key."""
    return "#field-" + re.sub(r"[._:]", "-", key)
