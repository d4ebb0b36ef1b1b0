"""Layout of the small pages: the product's name and look in light and dark, their scripts and the
policy that allows no others, and the app's icons."""

from __future__ import annotations

import base64
import html
from functools import cache
from pathlib import Path
from urllib.parse import quote, urlsplit

from fastapi.responses import HTMLResponse, Response

from comfy.base.messages import message
from ui.brand import ACCENT, Brand, current_brand
from ui.languages.current import html_of, offered_languages
from ui.page.icons import icon_styles
from ui.page.language_files import LANGUAGE, html_attributes, language_menu
from ui.page.script_files import page_script
from ui.page.social_card import LinkPreview, tags_for_other_sites
from ui.page.style_text import layered, styles
from ui.page.theme import BACKGROUND, accent_variables, variables
from ui.page.typeface import FONTS, font_face
from ui.web.access import Access, GuardedRoutes
from ui.web.identity import current_notice, current_pages, current_path, current_user
from ui.web.responses import KEEP_A_DAY, KEEP_FOREVER, NO_STORE, AsciiJSON
from ui.web.security_headers import strict_policy

_HERE = Path(__file__).parent
_STYLES = (
    "bar.css",
    "announcement.css",
    "account.css",
    "plain/frame.css",
    "plain/pages.css",
    "plain/administration.css",
)
_BRANDS = 'class="brand-notice" data-key="closed_brand_notice"'
_ANNOUNCEMENT = (
    'class="announcement in-line apart" role="status" data-key="closed_notice" data-news="notice"'
)
_DRAWN = ("close", "download", "moon", "reuse", "sun")
_PLAYER = "results/sound_player.css"
_OF_PLAYER = ("muted", "pause", "play", "sound")
_SIGN_IN = "sign_in.js"
_MODULES = (
    "brand_notice.js",
    "copying.js",
    "header.js",
    "refreshing.js",
    "retrying.js",
    "tables.js",
)
# Runs before the first paint, with the theme stored by the light/dark button (`storage.js`).
_SHADE = """try {
  document.documentElement.dataset.isDark = localStorage.getItem("comfyforms.shade") ?? "";
} catch {}"""
# Drawn by tools/app_icons.py: size in pixels by file name. A maskable icon fills its square.
ICONS = {f"{kind}-{size}.png": size for kind in ("any", "maskable") for size in (192, 512)}
ICONS_FOLDER = Path(__file__).with_name("icons")
_OWN_ICONS = [
    {
        "src": f"icons/{name}",
        "sizes": f"{size}x{size}",
        "type": "image/png",
        "purpose": name.partition("-")[0],
    }
    for name, size in ICONS.items()
]
# The logo is a file of the administrator's: opened as a page, it can load and run nothing.
_LOGO_HEADERS = KEEP_FOREVER | {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
}
# Files that the installed app takes from other apps, and opens from the system's file manager.
_OPENED = {
    "application/json": [".json"],
    "image/png": [".png"],
    "image/jpeg": [".jpg", ".jpeg"],
    "image/webp": [".webp"],
    "video/mp4": [".mp4"],
    "video/webm": [".webm"],
    "audio/flac": [".flac"],
    "audio/mpeg": [".mp3"],
}
# The service worker answers this request, see service_worker.js.
_SHARE_TARGET = {
    "action": "./share-target",
    "method": "POST",
    "enctype": "multipart/form-data",
    "params": {"files": [{"name": "file", "accept": [*_OPENED, "image/*", "video/*", "audio/*"]}]},
}
ICON = Path(__file__).parents[1] / "icon.svg"
SUMMARY = message("Make pictures, sound and video with a form.")
_OPEN, _HREF = message("Open ComfyForms"), ' href="./"'
_CREATE, _ADMINISTRATION = message("Create"), message("Administration")
_DEAD = message("This link no longer works")
_DISMISS = message("Dismiss")
SILENT, _TRY_AGAIN = message("Can't reach ComfyForms."), message("Try again.")
_MOST = 99  # in a count of the header, like `MOST` in page_socket.js
_SHADES = message("Light theme"), message("Dark theme")
_LIGHT, _DARK = BACKGROUND


def style_tags(style: str = "") -> str:
    """Return the common head of all pages: the style sheet, and the script that applies the chosen
    theme. `style`: a page's own sheet in place of the common one."""
    style = style or _style(current_brand().accent)
    return f"<style>{style}</style>\n<script>{_SHADE}</script>"


def module_tag(name: str) -> str:
    """Return one of the scripts in `_MODULES` as a tag."""
    return f'<script type="module">{_text(name)}</script>'


def sign_in_tag() -> str:
    """Return the tag that loads the sign-in page's script."""
    return f'<script type="module">{page_script(_SIGN_IN)}</script>'


@cache
def sign_in_image() -> str:
    """Return the sign-in page's picture, an example of the shipped workflows. It is in the page,
    because its visitors can't load files yet."""
    data = base64.b64encode((_HERE / "sign_in.webp").read_bytes()).decode()
    return f'<img src="data:image/webp;base64,{data}" alt="" width="512" height="512">'


def policy(style: str = "", script: str = "") -> str:
    """Return the content security policy of all these pages. `style`, `script`: a page's own."""
    return _policy(style or _style(current_brand().accent), script or page_script(_SIGN_IN))


@cache
def _policy(style: str, script: str) -> str:
    return strict_policy((_SHADE, script, *map(_text, _MODULES)), (style,))


def player_style() -> str:
    """Return the common style sheet with the player of sounds."""
    return _style(current_brand().accent, _OF_PLAYER, (_PLAYER,))


@cache
def _style(accent: str, icons: tuple[str, ...] = (), sheets: tuple[str, ...] = ()) -> str:
    fonts = f"{font_face('')} body {{ --font: {FONTS}; }}"
    own = f":root {{ {variables(accent)} {accent_variables(accent)} }}"
    drawn, sheet = icon_styles(*_DRAWN, *icons), styles(*sheets, *_STYLES)
    return "\n".join(("", own, layered(), fonts, drawn, sheet))


@cache
def _text(name: str) -> str:
    if name not in _MODULES:  # the policy would block it
        raise KeyError(name)
    return (_HERE / name).read_text(encoding="utf-8")


def _manifest(brand: Brand) -> dict[str, object]:
    logo = brand.logo
    icons = [{"src": logo.address, "sizes": "any", "type": f"image/{logo.kind}"}] if logo else []
    return {
        "name": brand.name,
        "short_name": brand.name,
        "description": SUMMARY,
        "start_url": "./",
        "scope": "./",
        "display": "standalone",
        "background_color": _LIGHT,
        "theme_color": brand.accent,
        "icons": icons or _OWN_ICONS,
        "share_target": _SHARE_TARGET,
        "file_handlers": [{"action": "./", "accept": _OPENED}],
        "launch_handler": {"client_mode": ["focus-existing", "auto"]},
    }


def _tags_for_installing(root: str) -> str:
    """Return the tags for the head of a page, for an app at this URL."""
    logo = current_brand().logo
    touch_icon = logo.address if logo else "icons/maskable-192.png"
    return f"""<link rel="manifest" href="{root}/manifest.json" crossorigin="use-credentials" />
        <link rel="apple-touch-icon" href="{root}/{touch_icon}" />
        <meta name="theme-color" content="{_LIGHT}" media="(prefers-color-scheme: light)" />
        <meta name="theme-color" content="{_DARK}" media="(prefers-color-scheme: dark)" />"""


def install_routes() -> GuardedRoutes:
    """Return `GET /manifest.json` and `/icons/{name}`, which are public like the page that links to
    them."""
    routes = GuardedRoutes()

    @routes.get("/manifest.json", Access.PUBLIC, is_constant=True)
    def manifest() -> AsciiJSON:
        """Return the manifest, which replaces Gradio's. Its URLs are relative to its own."""
        return AsciiJSON(_manifest(current_brand()), media_type="application/manifest+json")

    @routes.get("/icons/{name}", Access.PUBLIC, is_constant=True)
    def icon(name: str) -> Response:
        """Return one of the icons, or the logo; 404 for any other name."""
        logo = current_brand().logo
        if logo and logo.address == f"icons/{name}":
            return Response(logo.content, media_type=f"image/{logo.kind}", headers=_LOGO_HEADERS)
        if name not in ICONS:
            return Response(status_code=404)
        icon = (ICONS_FOLDER / name).read_bytes()
        return Response(icon, media_type="image/png", headers=KEEP_A_DAY)

    return routes


def as_page(page: str, status: int = 200, allowed: str = "") -> HTMLResponse:
    """Return a page as a response that browsers don't store. Its policy allows only its own
    scripts. `allowed`: the policy of a page with its own style sheet."""
    headers = NO_STORE | {"content-security-policy": allowed or policy()}
    return HTMLResponse(page, status, headers=headers)


def head_tags_of(root: str, page: str = "", preview: LinkPreview | None = None) -> str:
    """Return the tags that describe a page of the app at this URL to chats and to systems that
    install it. `page`: the page's title, "" for the app itself. `root` and `page` are inserted
    unescaped."""
    name = html.escape(current_brand().name)
    title = f"{page} · {name}" if page else name
    return f"{tags_for_other_sites(root, title, preview)}\n        {_tags_for_installing(root)}"


def plain_page(
    root: str,
    title: str,
    body: str,
    top: str | None = None,
    preview: LinkPreview | None = None,
    style: str = "",
) -> str:
    """Return a whole page. `root`: the app's URL, to which all other URLs in it are relative;
    `title`, `body`: HTML; `top`: HTML in the header in place of the links to the app; `preview`:
    its own link preview; `style`: its own style sheet in place of the common one."""
    base = html.escape(f"{urlsplit(root).path.rstrip('/')}/")
    brand = current_brand()
    notice = _notice_bar(_BRANDS, brand.notice, brand.notice) if brand.notice else ""
    announced = current_notice()
    above = _notice_bar(_ANNOUNCEMENT, announced.id, announced.text) if announced else ""
    own = footer_html(brand)
    footer = f"<footer>{own}</footer>\n" if own else ""
    return f"""<!doctype html>
<html {html_attributes()}>
<head>
<meta charset="utf-8">
<base href="{base}">
{head_tags_of(html.escape(root), title, preview)}
{_head(style)}
</head>
<body>
{above}<header class="bar"><a class="brand"{_HREF if top is None else ""}>{logo_tag(32)}<span>{
        html.escape(brand.name)
    }</span></a>
<div class="top">{_links() if top is None else top}{_user_menu()}</div></header>
{notice}{body}
{footer}{module_tag("header.js")}
</body>
</html>
"""


def _notice_bar(attributes: str, id_: str, text: str) -> str:
    """Return a bar that users can close. `attributes`: where the browser keeps the `id_` of the
    closed one, and the socket with changes."""
    return f"""<aside {attributes} data-id="{html.escape(id_)}"{"" if text else " hidden"}>
<p>{html.escape(text)}</p>
<button type="button" title="{html_of(_DISMISS)}" aria-label="{html_of(_DISMISS)}"
 data-icon="close" hidden></button>
<script>{_text("brand_notice.js")}</script></aside>
"""


def _links() -> str:
    user = current_user()
    pages = ((address[1:], label, count) for address, label, count in current_pages())
    links = [("./", _CREATE, 0), *pages]
    if user is not None and user.operates:
        links.append(("operator", _ADMINISTRATION, 0))
    return "".join(
        f'<a class="quiet" href="{html.escape(address)}"{_current(address)}>{html_of(label)}'
        f"{_number(count)}</a>"
        for address, label, count in links
    )


def _number(count: int) -> str:
    """Return how many things wait on a page, as forms show it; "" for nothing."""
    shown = str(count) if count <= _MOST else f"{_MOST}+"
    return f'<b class="digits">{shown}</b>' if count else ""


def _current(address: str) -> str:
    """Return the attribute that marks the link to the open page, or to the pages that it is one
    of; "" for other links."""
    is_here = f"{current_path()}/".startswith(f"/{address}/")
    return ' aria-current="page"' if is_here else ""


def _user_menu() -> str:
    """Return the menu of the signed-in user; the theme switch without one."""
    user, (light, dark) = current_user(), map(html_of, _SHADES)
    words = f'id="shade" data-light-theme="{light}" data-dark-theme="{dark}"'
    if user is None:
        return f'<button type="button" {words} class="bare" data-icon="moon" hidden></button>'
    name, language = html.escape(user.name), html_of(LANGUAGE)
    links = [("account", message("Your account"))]
    if user.operates:
        links.append(("operator", _ADMINISTRATION))
    ends = [("logout", message("Sign out")), ("logout/everywhere", message("Sign out everywhere"))]
    choices = (
        *(
            f'<a href="{address}"{_current(address)}>{html_of(label)}</a>'
            for address, label in links
        ),
        f'<button type="button" {words} class="divides" hidden></button>',
        f'<label class="of-language" hidden><span>{language}</span>'
        f"{language_menu(offered_languages(), language)}</label>",
        *(
            f'<button type="button" data-ends="{address}" hidden>{html_of(label)}</button>'
            for address, label in ends
            if user.may_sign_out
        ),
    )
    return f"""<button type="button" class="quiet" popovertarget="user-menu" title="{name}"><span
 class="name">{name}</span></button>
<div id="user-menu" class="account-menu" popover>
<p>{html_of(message("Signed in as {name}", name=user.name))}</p>{"".join(choices)}
<p role="alert" hidden>{html_of(SILENT)} {html_of(_TRY_AGAIN)}</p></div>"""


def notice_page(
    root: str, heading: str, why: str, *, status: int, leads_on: bool = True
) -> HTMLResponse:
    """Return a page that explains why the requested page isn't available, with a link to the app if
    it `leads_on`. `root`: the app's URL."""
    link = f'<p><a class="button" href="./">{html_of(_OPEN)}</a></p>\n' if leads_on else ""
    body = f"""<main class="card">
<h1>{html_of(heading)}</h1>
<p>{html_of(why)}</p>
{link}</main>"""
    return as_page(plain_page(root, html_of(heading), body, ""), status)


def dead_link_page(root: str, why: str, *, leads_on: bool = True) -> HTMLResponse:
    """Return the page for an expired link. Otherwise like `notice_page`."""
    return notice_page(root, _DEAD, why, status=404, leads_on=leads_on)


def footer_html(brand: Brand) -> str:
    """Return the brand's text for the end of a page, with its link."""
    text, link = map(html.escape, (brand.footer or brand.footer_link, brand.footer_link))
    return f'<a class="link" href="{link}">{text}</a>' if link else text


def logo_tag(height: int) -> str:
    """Return the logo, or our icon, as an image of this height."""
    logo = current_brand().logo
    width = round(height * logo.ratio) if logo else height
    return f'<img src="{icon_address()}" alt="" width="{width}" height="{height}">'


def icon_address() -> str:
    """Return the URL of the logo, or our icon as a data URL: /favicon.ico at the host's root may
    belong to another app."""
    brand = current_brand()
    return brand.logo.address if brand.logo else _own_icon(brand.accent)


@cache
def _own_icon(accent: str) -> str:
    icon = ICON.read_text(encoding="utf-8").replace(ACCENT, accent)
    return f"data:image/svg+xml,{quote(icon)}"


def _head(style: str) -> str:
    return f"""<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="{icon_address()}">
{style_tags(style)}"""
