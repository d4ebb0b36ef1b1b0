"""The app's page that leads to the editor."""

from __future__ import annotations

import html
from dataclasses import dataclass

from fastapi import HTTPException, Request
from fastapi.responses import HTMLResponse

from comfy.base.messages import message
from comfyforms.hooks import Access, GuardedRoutes
from comfyforms.plugins.comfyui_editor.frontend import FrontEnd
from comfyforms.plugins.comfyui_editor.host import ENTRY, PAGE, EditorSite
from ui.gradio.internals import app_address
from ui.languages.current import html_of
from ui.page.plain.layout import as_page, plain_page, policy

TITLE = message("ComfyUI's editor")
_OPEN = message("Open the editor")
# Browsers keep the fragment, which has the form's values, through the redirect.
_SUBMIT = "document.forms[0].action += location.hash; document.forms[0].submit();"
# Without a click only for the app's own links and typed addresses: other sites may link here.
_OWN = ("same-origin", "none")


@dataclass(frozen=True, slots=True)
class EditorPage:
    """Handler of the page. `root_path`: see the web server."""

    site: EditorSite
    front_end: FrontEnd
    root_path: str

    routes = GuardedRoutes()

    @routes.get(PAGE, Access.SIGNED_IN)
    def lead(self, request: Request, workflow: str = "") -> HTMLResponse:
        """Return a form with a code, which opens the editor at its own host name."""
        root = app_address(request, self.root_path)
        code = self.site.code_for(request, root, workflow[:200])
        if code is None or not self.front_end.is_there():
            raise HTTPException(404)
        origin = self.site.origin_for(request)
        is_own = request.headers.get("sec-fetch-site") in _OWN
        script = _SUBMIT if is_own else ""
        body = f"""<main class="card">
<h1>{html_of(TITLE)}</h1>
<form method="post" action="{html.escape(origin)}{ENTRY}">
<input type="hidden" name="code" value="{html.escape(code)}">
<button type="submit">{html_of(_OPEN)}</button>
</form>
</main>
{f"<script>{script}</script>" if script else ""}"""
        allowed = policy(script=script).replace("form-action 'self'", f"form-action {origin}")
        answer = as_page(plain_page(root, html_of(TITLE), body), allowed=allowed)
        answer.headers["referrer-policy"] = "strict-origin"  # others would hide the form's origin
        return answer
