"""The page that asks for a login. It stands at the address that was asked for, so whoever signs in
gets there by loading it again."""

from __future__ import annotations

import html

from fastapi.responses import HTMLResponse

from ui.page.plain.layout import as_page, head_tags_of, plain_page
from ui.page.script_files import module_address

_TITLE = "Sign in · ComfyForms"


def sign_in_page(root: str) -> HTMLResponse:
    """The page, of an app at this address; the form's POST goes to Gradio's login. What is told of
    the app to chats that show a link is told here too, as these never sign in."""
    module = module_address("pages/sign_in.js")
    body = f"""<main>
<form id="sign-in" class="card" method="post" action="login">
<h1>Sign in</h1>
<label for="username">Username</label>
<input id="username" name="username" autocomplete="username" autocapitalize="none"
  spellcheck="false" required aria-describedby="why">
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required
  aria-describedby="why">
<p id="why" role="alert"></p>
<button type="submit">Sign in</button>
<noscript><p>ComfyForms needs JavaScript. Turn it on and reload this page.</p></noscript>
</form>
</main>
<script type="module" src="{module}"></script>"""
    return as_page(plain_page(head_tags_of(html.escape(root), _TITLE), body, root))
