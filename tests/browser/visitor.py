"""What a person does on the page, and what a test knows about the site behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from playwright.sync_api import ConsoleMessage, Locator, Page, Request, WebSocket, expect
from serving import let_go
from waiting import eventually

from comfy.demo import DemoServer
from ui.backend import Backend

WAIT = 15.0  # seconds; bound of every wait here


@dataclass(frozen=True)
class Site:
    """An app at `url`, the server it sends prompts to, and the app's own parts."""

    url: str
    demo: DemoServer
    backend: Backend

    def prompt_of(self, run_id: str) -> dict[str, Any]:
        """The prompt of a finished run as the server received it."""
        return dict(self.demo.queue.history_of(run_id)[run_id]["prompt"][2])

    def idle(self) -> bool:
        """Whether the server has nothing to do and nobody is connected to it."""
        return self.demo.queue.remaining() == 0 and self.demo.sockets.open == 0

    def rest(self) -> None:
        """Wait until the last run has left the server; give back the connections kept for the next one."""
        eventually(self.idle, "the server has no runs and no sockets")
        let_go(self.backend)


class Visitor:
    """A person with one browser tab, at `site`."""

    def __init__(self, page: Page, site: Site) -> None:
        self.page = page
        self.site = site
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._asked)
        page.on("websocket", self._connected)

    @property
    def outside(self) -> list[str]:
        """Requests that left this machine."""
        here = ("127.0.0.1", None)
        return [address for address in self.requests if urlsplit(address).hostname not in here]

    def _said(self, message: ConsoleMessage) -> None:
        source = message.location.get("url", "")
        # Browsers look for this at the host's root, whatever the page says; behind a proxy that is not the app's.
        if message.type == "error" and urlsplit(source).path != "/favicon.ico":
            self.complaints.append(f"{message.text} {source}")

    def _asked(self, request: Request) -> None:
        self.requests.append(request.url)

    def _connected(self, socket: WebSocket) -> None:
        self.requests.append(socket.url)

    def forgive(self, *words: str) -> None:
        """Forget complaints with any of these words in them: the test has brought them about."""
        self.complaints[:] = [one for one in self.complaints if not any(part in one for part in words)]

    def another_tab(self, workflow: str = "text-to-image", **values: object) -> Visitor:
        """One more tab of the same browser."""
        return Visitor(self.page.context.new_page(), self.site).open(workflow, **values)

    def waiting(self) -> Locator:
        """The lines of the runs that wait."""
        return self.page.locator("#stage .queue li:not(.trouble)")

    def open(self, workflow: str = "text-to-image", **values: object) -> Visitor:
        """Open a workflow's own address, with values in it (`**{"2.text": "a cat"}`), and wait for the form."""
        self.page.goto(f"{self.site.url}/?{urlencode({'workflow': workflow, **values})}")
        self.ready()
        return self

    def ready(self) -> None:
        """Wait until the form is there and the page listens."""
        expect(self.page.locator("#heading h1")).to_be_visible(timeout=WAIT * 1000)
        expect(self.page.locator("#stage .headline")).not_to_be_empty()

    def field(self, key: str) -> Locator:
        """A field by its key."""
        return self.page.locator("#field-" + key.replace(".", "-").replace("_", "-"))

    def entry(self, key: str) -> Locator:
        """Where a field's text or number is typed."""
        return self.field(key).locator("textarea, input:not([type=range])").first

    def unfold(self) -> None:
        """Open the Advanced section."""
        section = self.page.locator("#form .section", has_text="Advanced")
        section.locator("button.label-wrap").click()
        expect(section.locator("[id^=field-]").first).to_be_visible()

    def type(self, key: str, value: object) -> None:
        """Type into a field and leave it."""
        self.entry(key).fill(str(value))
        self.entry(key).blur()

    def keep_seed(self, seed: object, key: str = "5.seed") -> None:
        """Type a seed and see that it is no longer random."""
        # Gradio loads each kind of component when it is first needed: the box may come after the text.
        expect(self.page.locator(".seed-mode input[value=random]").first).to_be_visible()
        self.entry(key).fill(str(seed))
        expect(self.page.locator(".seed-mode input[value=random]").first).not_to_be_checked()

    def press(self) -> None:
        """Press Generate."""
        self.page.locator("#generate").click()

    def phase(self, phase: str) -> None:
        """Wait until the page shows this phase of a run."""
        expect(self.page.locator(f'#stage .stage[data-phase="{phase}"]')).to_be_visible(timeout=WAIT * 1000)

    def frames(self, least: int = 1) -> None:
        """Wait until so many live frames have been painted since the page was opened."""
        self.page.wait_for_function(
            "least => Number(document.querySelector('#picture')?.dataset.frames ?? 0) >= least", arg=least
        )

    def done(self, after: str = "") -> str:
        """Wait until the results of another run than `after` are on the page; the run's id."""
        other = f':not([data-run=""]):not([data-run="{after}"])'
        expect(self.page.locator(f'#stage .stage[data-phase="done"]{other}')).to_be_visible(timeout=WAIT * 1000)
        run_id = str(self.page.evaluate("document.querySelector('#stage .stage').dataset.run"))
        shown = f'#picture img:not(.live-frame)[src*="{run_id}"], #moving video[src*="{run_id}"]'
        expect(self.page.locator(shown)).to_be_visible(timeout=WAIT * 1000)
        expect(self.page.locator("img.live-frame")).to_have_count(0)
        return run_id

    def generate(self) -> str:
        """Press Generate and wait for the results; the run's id."""
        before = self.page.locator("#stage .stage").get_attribute("data-run")
        self.press()
        return self.done(after=before or "")

    def errors(self) -> dict[str, str]:
        """The sentences on the fields, by the fields' ids."""
        notes = self.page.locator(".field-error")
        return dict(notes.evaluate_all("all => all.map(note => [note.parentElement.id, note.textContent])"))
