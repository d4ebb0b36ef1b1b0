"""Sign-in page, shown at the requested URL. A reload after the sign-in opens the requested page."""

from __future__ import annotations

import html
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse

from comfy.base.messages import message
from ui.accounts.login import Login
from ui.gradio.internals import root_address
from ui.languages.catalogs import Languages
from ui.languages.current import html_of
from ui.page.language_files import LANGUAGE, language_menu
from ui.page.plain.inline import sign_in_tag
from ui.page.plain.layout import as_page, head_tags_of, plain_page

OPENID = "/login/openid"  # redirects to the organization's sign-in
_SIGN_IN = message("Sign in")
_USERNAME = message("Username")
_PASSWORD = message("Password")
_NO_PASSWORDS = message(
    "To sign in, use your invitation link or your organization's sign-in page. If you have"
    " neither, ask the administrator."
)
_NO_SCRIPT = message("ComfyForms needs JavaScript. Turn it on and reload this page.")


@dataclass(frozen=True, slots=True)
class SignInPage:
    """Renderer of the page. `login`: None without sign-in. `root_path`: see the web server."""

    languages: Languages
    login: Login | None
    root_path: str

    def __call__(
        self, request: Request, path: str, why: str = "", to: str = "", status: int = 200
    ) -> HTMLResponse:
        """Return the page at this path. `why`: the reason that a sign-in failed. `to`: the
        destination (empty = the page's own URL). The page contains the app's link preview for
        chats, which never sign in."""
        root, login = root_address(request, path, self.root_path), self.login
        by_password = login is None or login.asks_for_passwords
        provider = login.ways.openid.settings.name if login and login.ways.openid else ""
        ways = [_form(why)] if by_password else []
        if provider:
            ways.append(_elsewhere(provider, "" if by_password else why, to))
        body = f"""<main class="card">
<h1>{html_of(_SIGN_IN)}</h1>
{"".join(ways) or f"<p>{html_of(_NO_PASSWORDS)}</p>"}
</main>
<footer>{language_menu(self.languages, html_of(LANGUAGE))}</footer>
{sign_in_tag()}"""
        titles = head_tags_of(html.escape(root), f"{html_of(_SIGN_IN)} · ComfyForms")
        return as_page(plain_page(titles, body, root), status)


def _form(why: str) -> str:
    return f"""<form id="sign-in" method="post" action="login">
<label for="username">{html_of(_USERNAME)}</label>
<input id="username" name="username" autocomplete="username" autocapitalize="none"
  spellcheck="false" required aria-describedby="why">
<label for="password">{html_of(_PASSWORD)}</label>
<input id="password" name="password" type="password" autocomplete="current-password" required
  aria-describedby="why">
<p id="why" role="alert">{html_of(why)}</p>
<button type="submit">{html_of(_SIGN_IN)}</button>
<noscript><p>{html_of(_NO_SCRIPT)}</p></noscript>
</form>"""


def _elsewhere(provider: str, why: str, to: str) -> str:
    """Offer a refused user the provider's other accounts."""
    query = {"to": to, "other_account": "true"} if to else {}
    address = html.escape(f"{OPENID.removeprefix('/')}?{urlencode(query)}")
    label = html_of(message("Sign in with {provider}", provider=provider))
    alert = f'<p id="why" role="alert">{html_of(why)}</p>\n' if why else ""
    return f"""{alert}<p><a id="openid" class="button" href="{address}">{label}</a></p>"""
