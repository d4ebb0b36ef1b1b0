"""First view of the page as HTML: the header and the form that the page opens with. It stands until
Gradio has drawn the fields."""

from __future__ import annotations

import html
import logging
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import unquote

from starlette.requests import Request

from comfy.base.errors import ComfyError
from comfy.base.messages import message
from ui.languages.current import html_of
from ui.page.first_view.form_html import chain_html, form_html
from ui.page.form.sources import FormSources
from ui.page.form_editor.edit_button import may_edit
from ui.page.opening import Opening
from ui.page.plain.layout import icon_address
from ui.page.theme import color_variables
from ui.web.identity import Identity
from ui.web.responses import in_short

log = logging.getLogger(__name__)

_HERE = Path(__file__).parent
_WAIT = 0.3  # seconds for the first visitor, whose page needs the ComfyUI server's answer
_COVER = '<p class="cover"></p>'  # place of the example, which is above the form in one column
_LAST = "comfyforms-last"  # cookie with the name of a workflow; see `form/form.js`
_LOADING = message("Loading the form…")
_AGAIN = message("A part of the page couldn't be loaded. Trying again…")
_GIVEN_UP = message("A part of the page couldn't be loaded. Reload the page.")


@dataclass(frozen=True, slots=True)
class FirstView:
    """First view for each request for the page."""

    sources: FormSources
    identity: Identity

    def html(self, request: Request) -> str:
        """Return the view, without a form if it doesn't exist yet or can't be drawn. The page
        doesn't wait for a ComfyUI server, except for a moment until the first answer."""
        name, form = "", ""
        try:
            name = self._name(request)
            form = self._form(name, request) if name else ""
        except ComfyError:
            pass  # the page itself says why
        except Exception as problem:  # noqa: BLE001 - the page works without it
            log.warning("The first view failed: %s", in_short(problem))
        user = self.identity.shown_name(request) if self.identity.login else ""
        return f"""<div id="first-view" data-workflow="{html.escape(name if form else "")}"
data-user="{html.escape(user or "")}" aria-busy="true">
<style>{_style()}</style>
<div class="bar"><p class="brand"><img src="{icon_address()}" alt=""><b>ComfyForms</b></p><p
class="box"></p></div>
<div class="columns"><div class="side"><div class="first-form">{form}</div>
<p class="state" role="status" data-again="{html_of(_AGAIN)}" data-given-up="{html_of(_GIVEN_UP)}">{
            html_of(_LOADING)
        }</p>
<div class="actions"><button type="button" disabled>{html_of(message("Generate"))}</button><button
type="button" disabled>{html_of(message("Stop"))}</button></div></div></div>
<script>{_script()}</script></div>"""

    def _name(self, request: Request) -> str:
        """Return the workflow that the page opens: the one in the URL, or the one that the browser
        used last; "" for the overview."""
        named = request.query_params.get("workflow")
        last = unquote(request.cookies.get(_LAST, ""))
        opening = Opening.of(self.sources.library, self.identity.owner(request) or "")
        if opening.starts(maybe_gone=named is None):
            return ""
        return opening.name(last if named is None else named, maybe_gone=named is None)

    def _form(self, name: str, request: Request) -> str:
        library, person = self.sources.library, self.identity.owner(request) or ""
        given = {key: value for key, value in request.query_params.items() if "." in key}
        library.forms.catalog.within(_WAIT)
        if library.is_chain(name):
            place = _COVER if library.cover(name) else ""
            return place + chain_html(library.chain_forms.form(name, person, given), given)
        workflow, form = library.forms.form(name, person, given, offline=True)
        place = _COVER if workflow.cover else ""
        return place + form_html(form, given, edits=may_edit(library, name, person))


@cache
def _style() -> str:
    style = (_HERE / "first_view.css").read_text(encoding="utf-8")
    return f"#first-view {{ {color_variables()} }}\n{style}"


@cache
def _script() -> str:
    return (_HERE / "loading.js").read_text(encoding="utf-8")
