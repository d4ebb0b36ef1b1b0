"""The page /albums: HTML without data, which its script asks the API for."""

from __future__ import annotations

import html
from functools import cache

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from comfy.base.messages import message
from comfyforms.hooks import PluginApp
from comfyforms.plugins.albums.access import Right
from comfyforms.plugins.albums.store import AlbumNotFound, AlbumStore
from comfyforms.plugins.albums.visits import Asked, Visit, Visits
from ui.accounts.pages.sign_in import SignInPage
from ui.brand import current_brand
from ui.gradio.internals import app_address
from ui.languages.current import html_of
from ui.page.plain.layout import as_page, dead_link_page, plain_page, policy
from ui.page.plain.small_pages import not_found_page
from ui.page.script_files import page_script
from ui.page.style_text import page_styles
from ui.page.theme import accent_variables, variables
from ui.web.access import Access, GuardedRoutes
from ui.web.identity import NOBODY

TITLE = message("Albums")
PATH = "/albums"
# Results look as in the history and on the stage.
_RESULTS = ("history.css", "tile.css", "viewport.css", "parts/albums/review.css")
_AROUND = (
    "bar.css",
    "announcement.css",
    "account.css",
    "plain/frame.css",
    "share.css",
    "overlays.css",
    "dialogs.css",
    "results/sound_player.css",
    "parts/albums/page.css",
)
_SIGN_IN = "sign-in"
_ASK = message("Ask for a new one.")
_LOADING = message("Loading…")
_RELOAD = message("Reload this page")
_NO_SCRIPT = message("ComfyForms needs JavaScript. Turn it on and reload this page.")


def page_routes(app: PluginApp, store: AlbumStore) -> GuardedRoutes:
    """Return `GET /albums`, `/albums/{album}` and, for guests, `/albums/guest/{token}`. The pages
    are the same for everyone: the API decides what their script gets."""
    routes, settings = GuardedRoutes(), app.settings
    sign_in = SignInPage(settings.languages, app.identity.login, settings.root_path)

    visits = Visits(app, store)

    def visit_to(request: Request, album: str) -> Visit | None:
        try:
            return visits.of(Asked(request, album))
        except AlbumNotFound:
            return None

    def page(request: Request, album: str = "") -> HTMLResponse:
        root, owner = app_address(request, settings.root_path), app.identity.owner(request)
        # A new browser gets its cookie with the page, and its script asks again.
        if (album or owner) and (not album or owner == NOBODY or visit_to(request, album)):
            return _page(request, root, album)
        return sign_in(request) if owner is None else not_found_page(root)

    @routes.get(PATH, Access.SIGN_IN_PAGE)
    def albums(request: Request) -> HTMLResponse:
        """Return the page of all albums."""
        return page(request)

    @routes.get(f"{PATH}/{{album}}", Access.SIGN_IN_PAGE)
    def album(album: str, request: Request) -> HTMLResponse:
        """Return an album's page; 404 for an unknown one."""
        return page(request, album)

    @routes.get(f"{PATH}/guest/{{token}}", Access.PUBLIC)
    def guest(token: str, request: Request) -> Response:
        """Return an album's page for the guests who have its link. Signed-in users whom the album
        is shared with come as themselves; the query `sign-in` asks others to sign in."""
        root = app_address(request, settings.root_path)
        visit = visit_to(request, token)
        if visit is None:
            return dead_link_page(root, _ASK, leads_on=False)
        can_sign_in = app.identity.login is not None and app.identity.owner(request) is None
        if can_sign_in and _SIGN_IN in request.query_params:
            return sign_in(request)
        own = visits.of_album(request, visit.album)
        if app.identity.login and Right.ADD in own.rights and Right.CHANGE not in own.rights:
            return RedirectResponse(f"{root}{PATH}/{visit.album.id}", 303)
        about = f' data-guest="{f"?{_SIGN_IN}" if can_sign_in else ""}"'
        return _page(request, root, token, about)

    return routes


def _page(request: Request, root: str, album: str, guest: str = "") -> HTMLResponse:
    """Return the page. Its link helps if the rest of the page was cut. `guest`: an attribute of
    guests' pages, with the query that lets them sign in."""
    style, script = _style(current_brand().accent), page_script("albums.js")
    about = f'data-album="{html.escape(album)}"{guest}'
    body = f"""<main id="albums" {about} aria-busy="true">
<p class="state-card muted">{html_of(_LOADING)}</p>
<p class="late"><a href="{html.escape(request.url.path[1:])}">{html_of(_RELOAD)}</a></p></main>
<noscript><p>{html_of(_NO_SCRIPT)}</p></noscript>
<script type="module">{script}</script>"""
    page = plain_page(root, html_of(TITLE), body, "" if guest else None, style=style)
    return as_page(page, allowed=policy(style, script))


@cache
def _style(accent: str) -> str:
    own = f":root {{ {variables(accent)} {accent_variables(accent)} }}"
    return f"\n{own}\n{page_styles('albums', _RESULTS, _AROUND)}"
