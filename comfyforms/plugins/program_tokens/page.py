"""Part of the account page on which users create addresses for their programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Form, Request
from fastapi.responses import RedirectResponse, Response

from comfy.base.errors import ComfyError
from comfy.base.messages import message, sentences
from comfyforms.hooks import Access, GuardedRoutes
from comfyforms.plugins.program_tokens.carried import PREFIX
from ui.accounts.login import PREVIEWS, PROGRAMS, SignedIn
from ui.accounts.pages.account import ShownOnce, asking
from ui.gradio.internals import app_address
from ui.languages.current import html_of
from ui.page.plain.questions import check_box, new_secret
from ui.web.identity import Identity
from ui.web.limits import BodyLimit

_PATH = "/account/programs"
_HEADING = message("Programs for ComfyUI")
_ABOUT = sentences(
    message("Give a program its own address in place of a ComfyUI server's."),
    message("The address contains a token that opens ComfyUI's API as you, and nothing else."),
)
_NAME = message("Name of the program")
_WITH_PREVIEWS = message("Always send previews of runs. Turn this on if the program shows none.")
_CREATE = message("Create an address")
_SHOWN_ONCE = message("Copy this address now. You won't see it again.")
_COPY = message("Copy address for a program")


@dataclass(frozen=True, slots=True)
class ProgramPage:
    """Handlers of the part. `root_path`: see the web server. `new`: addresses, and reasons why none
    was created, that the page hasn't shown yet."""

    identity: Identity
    root_path: str
    new: ShownOnce

    routes = GuardedRoutes()

    @routes.post(_PATH, Access.SIGNED_IN, body=BodyLimit.LOGIN_FORM)
    def create(
        self, request: Request, label: Annotated[str, Form()], previews: Annotated[str, Form()] = ""
    ) -> Response:
        """Create a token, and redirect to the page, which shows its address once."""
        login, who = asking(self.identity, request)
        root, address, why = app_address(request, self.root_path), "", ""
        try:
            scope = f"{PROGRAMS} {PREVIEWS}" if previews else PROGRAMS
            address = f"{root}{PREFIX}/{login.new_token(who, label, scope)}"
        except ComfyError as problem:
            why = sentences(str(problem), problem.hint)
        self.new.put(who, address, login.clock(), why)
        return RedirectResponse(f"{root}/account#programs", 303)

    def section(self, who: SignedIn) -> str:
        """Return the part as HTML, with a new address, or the reason why it wasn't created."""
        login = self.identity.login
        address, why = self.new.take(who, login.clock()) if login else ("", "")
        words = f"<strong>{html_of(_SHOWN_ONCE)}</strong>"
        return f"""<section aria-labelledby="programs">
<hgroup><h2 id="programs">{html_of(_HEADING)}</h2>
<p>{html_of(_ABOUT)}</p></hgroup>
{new_secret(words, address, copy=_COPY) if address else ""}
<form method="post" action="{_PATH[1:]}">
<label for="program">{html_of(_NAME)}</label>
<input id="program" name="label" maxlength="100" autocomplete="off" required
 aria-describedby="program-why">
<p id="program-why" class="why" role="alert">{html_of(why)}</p>
{check_box("previews", "true", html_of(_WITH_PREVIEWS), "previews")}
<button type="submit" class="quiet">{html_of(_CREATE)}</button>
</form>
</section>"""
