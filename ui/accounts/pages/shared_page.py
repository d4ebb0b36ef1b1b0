"""The page behind a link: the shared results, and their settings if their owner shares these."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from fastapi import HTTPException, Request
from fastapi.responses import HTMLResponse

from comfy.base.errors import ComfyError
from comfy.base.files import media_type_of
from comfy.base.messages import message, plural, sentences
from comfy.records.sharing import FoundFile
from comfy.runs.interface import RunRegistry
from ui.accounts.pages.sign_in import SignInPage
from ui.documents.openings import opening
from ui.documents.run_doc import Caption
from ui.files.presenter import Presenter
from ui.files.result_files import shared_file_name
from ui.gradio.internals import app_address
from ui.languages.current import current_language, html_of, translated
from ui.page.plain.layout import (
    as_page,
    dead_link_page,
    plain_page,
    player_style,
    policy,
)
from ui.page.script_files import page_script
from ui.page.social_card import LinkPreview
from ui.web.access import Access, GuardedRoutes
from ui.web.identity import Identity
from ui.web.shares import Work
from ui.web.urls import download_name, shared_file_address, shared_zip_address

_WHY_GONE = message("It isn't shared anymore, or it was deleted.")
_TO_SEE = message("Sign in to see what was shared with you.")
_NEGATIVE = message("Negative prompt")
_DOWNLOAD = message("Download")
_DOWNLOAD_ALL = message("Download all")
_SETTINGS = message("Use these settings")
_ENLARGE = message("Enlarge")
_CLOSE = message("Close")
_SHARED = message("Shared results")
_OF_ALL = message("Same for all results")
_ONLY_WITH_PROMPT = message(
    "This kind of file can't be shared without its prompt. Ask its owner to share the prompt, too."
)
_ABOUT = message("Made with ComfyForms.")

# Chats and social sites show these types of images, up to this size.
_PREVIEWED = ("image/png", "image/jpeg", "image/webp", "image/gif")
_LARGEST_PREVIEW = 5 * 1024 * 1024  # bytes
_LONGEST_ABOUT = 200  # characters


@dataclass(frozen=True, slots=True)
class SharedResult:
    """Result on the page. All its texts are as for HTML, without tags.

    `address`: the file's, empty if it can't be sent; `size`: of an image in pixels, (0, 0) if
    unknown; `wave`: the drawing of a sound, as a data URL; `prompt`, `negative`, `facts`: empty
    unless the owner shares them; `settings`: the address of the app with these settings, empty if
    the visitor can't use them.
    """

    n: int
    run: str
    kind: str
    title: str
    address: str
    saved_as: str
    size: tuple[int, int]
    wave: str
    prompt: str
    negative: str
    facts: str
    settings: str


def shared_page_routes(
    runs: RunRegistry,
    presenter: Presenter,
    identity: Identity,
    sign_in: SignInPage,
    root_path: str,
) -> GuardedRoutes:
    """Return `GET /shared/{token}`, a page for users, who may have to sign in first. `root_path`:
    see the web server."""
    routes = GuardedRoutes()

    def found(token: str) -> Sequence[FoundFile]:
        try:
            return runs.history.shared.find(token)
        except ComfyError as problem:
            raise HTTPException(409, sentences(str(problem), problem.hint)) from problem

    @routes.get("/shared/{token}", Access.SIGN_IN_PAGE, work=Work.CATALOG)
    def page(token: str, request: Request) -> HTMLResponse:
        """Return the page. Results that aren't shared anymore are left out. Without any, it is a
        404 with a message."""
        owner = identity.owner(request)
        if owner is None:
            return sign_in(request, reason=_TO_SEE)
        root = app_address(request, root_path)
        files = found(token)
        if not files:
            return dead_link_page(root, _WHY_GONE)
        shared = [_result(one, token, presenter, owner) for one in files]
        title = _same(one.title for one in shared)
        preview = _preview(files, shared, root, presenter)
        by, newest = identity.name_of(files[0].record.owner), files[-1].record.submitted_at
        heading = html_of(_from(by, shared[0].kind if len(shared) == 1 else "")) if by else ""
        made = html.escape(current_language().date(newest))
        about = f"{title} · {made}" if heading and title else made
        heading = heading or title or html_of(_SHARED)
        body = _body(shared, title, token, f'<h1>{heading}</h1><p class="aside breaks">{about}</p>')
        script = style = ""
        if any(one.kind == "audio" for one in shared):
            script, style = page_script("shared.js"), player_style()
            body += f'\n<script type="module">{script}</script>'
        shown = plain_page(root, heading, body, preview=preview, style=style)
        return as_page(shown, allowed=policy(style, script))

    return routes


def _result(found: FoundFile, token: str, presenter: Presenter, owner: str) -> SharedResult:
    ends, record, shared = presenter.ends, found.record, found.file
    blobs = ends.copies.blobs
    file = record.state.files[shared.place]
    is_told = bool(shared.prompt)
    end = ends.of(record) if is_told else None
    size = blobs.pixels(file.digest) if file.kind == "image" else (0, 0)
    is_sent = is_told or blobs.stripped.of(file.digest) is not None
    address = shared_file_address(token, found.n, download_name(file.name)) if is_sent else ""
    drawing = blobs.thumbnail(file.digest, "audio") if is_sent and file.kind == "audio" else None
    wave = base64.b64encode(drawing.read_bytes()).decode() if drawing else ""
    seeds = tuple(end.seeds.values()) if end else ()
    caption = end.stage.caption if end else Caption()
    can_use = is_told and ends.forms.knows(record.job.workflow, owner)
    return SharedResult(
        found.n,
        record.id,
        file.kind,
        html_of(presenter.title_of(record)),
        html.escape(address.removeprefix("/")),
        html.escape(shared_file_name(found)),
        size,
        wave and f"data:image/webp;base64,{wave}",
        html.escape(shared.prompt),
        html.escape(caption.negative),
        " · ".join(f"<span>{html_of(one)}</span>" for one in _facts(size, seeds, caption))
        if end
        else "",
        f"./?shared={token}/{found.n}" if can_use else "",
    )


def _facts(size: tuple[int, int], seeds: Sequence[str], caption: Caption) -> Iterator[str]:
    """Yield the settings in the order in which the stage shows them."""
    if all(size):
        yield f"{size[0]} × {size[1]}"
    if seeds:
        yield plural("Seed {seeds}", "Seeds {seeds}", count=len(seeds), seeds=", ".join(seeds))
    if caption.steps:
        yield message("Steps {steps}", steps=caption.steps)
    if caption.model:
        name = caption.model.replace("\\", "/").rpartition("/")[2]
        yield name.rpartition(".")[0] or name


def _preview(
    files: Sequence[FoundFile], shared: Sequence[SharedResult], root: str, presenter: Presenter
) -> LinkPreview | None:
    """Return the preview with the first image that other sites can show; None without one. It
    contains nothing that the page doesn't show."""
    for found, one in zip(files, shared, strict=True):
        file = found.record.state.files[found.file.place]
        media_type = media_type_of(file.filename)
        if one.address and media_type in _PREVIEWED and all(one.size):
            if file.size > _LARGEST_PREVIEW:
                continue
            title = translated(presenter.title_of(found.record))
            about = opening(found.file.prompt)[:_LONGEST_ABOUT] or current_language().text(_ABOUT)
            image = f"{html.escape(root)}/{one.address}"
            return LinkPreview(title, about, image, media_type, one.size, title)
    return None


def _same(texts: Iterator[str] | Sequence[str]) -> str:
    """Return the text that all results have; "" if they differ."""
    several = set(texts)
    return several.pop() if len(several) == 1 else ""


def _from(by: str, kind: str) -> str:
    """Return the heading of results from this person. `kind`: of a single result, else ""."""
    match kind:
        case "image":
            return message("Picture from {name}", name=by)
        case "video":
            return message("Video from {name}", name=by)
        case "audio":
            return message("Sound from {name}", name=by)
        case _:
            return message("Results from {name}", name=by)


def _body(shared: Sequence[SharedResult], title: str, token: str, head: str) -> str:
    """Return the page's content: its head with the visitors' actions, the results, and below them
    what they have in common. `title`: of all results; `head`: HTML."""
    prompt, negative, facts = (
        _same([getattr(one, name) for one in shared]) for name in ("prompt", "negative", "facts")
    )
    is_one_run = len({one.run for one in shared}) == 1
    about = [
        f'<p class="prompt">{prompt}</p>' if prompt else "",
        f'<p class="facts aside breaks">{facts}</p>' if facts else "",
        f'<p class="aside breaks"><b>{html_of(_NEGATIVE)}</b>&ensp;{negative}</p>' * bool(negative),
    ]
    figures = []
    for one in shared:
        own = replace(
            one,
            title="" if one.title == title else one.title,
            prompt="" if one.prompt == prompt else one.prompt,
            facts="" if one.facts == facts else one.facts,
            settings="" if is_one_run else one.settings,
        )
        figures.append(_figure(one, _caption(own) if len(shared) > 1 else ""))
    several = " several" if len(shared) > 1 else ""
    if several and any(about):
        about.insert(0, f'<h2 class="smaller">{html_of(_OF_ALL)}</h2>')
    lines = (
        f'<main class="shared{several}">',
        f"<header><div>{head}</div>",
        _buttons(shared, token, shared[0].settings if is_one_run else ""),
        "</header>",
        '<div class="results">',
        *figures,
        "</div>",
        f'<div class="about">{"".join(about)}</div>',
        "</main>",
    )
    return "\n".join(lines)


def _buttons(shared: Sequence[SharedResult], token: str, settings: str) -> str:
    """Return the page's actions: downloading leads."""
    save = ""
    sent = [one for one in shared if one.address]
    if len(sent) > 1:
        address = shared_zip_address(token).removeprefix("/")
        save = (
            f'<a class="button" data-icon="download" href="{address}" download>'
            f"{html_of(_DOWNLOAD_ALL)}</a>"
        )
    elif sent:
        save = _save(sent[0], "button")
    use = _use(settings) if settings else ""
    return f'<p class="links wraps">{save} {use}</p>' if save or use else ""


def _use(settings: str) -> str:
    return f'<a class="button quiet" data-icon="reuse" href="{settings}">{html_of(_SETTINGS)}</a>'


def _save(one: SharedResult, style: str) -> str:
    return (
        f'<a class="{style}" data-icon="download" href="{one.address}" download="{one.saved_as}">'
        f"{html_of(_DOWNLOAD)}</a>"
    )


def _caption(own: SharedResult) -> str:
    """Return the caption of one of several results: what the others don't have in common with it,
    and its links."""
    links = [_save(own, "button quiet")] if own.address else []
    if own.settings:
        links.append(_use(own.settings))
    words = [
        f"<h2>{own.title}</h2>" if own.title else "",
        f'<p class="prompt">{own.prompt}</p>' if own.prompt else "",
        f'<p class="facts aside breaks">{own.facts}</p>' if own.facts else "",
        f'<p class="flow">{"".join(links)}</p>' if links else "",
    ]
    return f"<figcaption>{''.join(words)}</figcaption>"


def _figure(one: SharedResult, caption: str) -> str:
    if not one.address:
        return f"<figure><p>{html_of(_ONLY_WITH_PROMPT)}</p></figure>"
    return f"<figure>{_media(one)}{caption}</figure>"


def _media(one: SharedResult) -> str:
    match one.kind:
        case "image":
            width, height = one.size
            shape = ' class="wide"' if width >= height > 0 else ""
            pixels = f'{shape} width="{width}" height="{height}"' if width else ""
            image = f'<img src="{one.address}" alt="{one.title}"{pixels}>'
            large, close = f"large-{one.n}", html_of(_CLOSE)
            hides = f'type="button" popovertarget="{large}" popovertargetaction="hide"'
            return (
                f'<button type="button" class="picture" popovertarget="{large}"'
                f' title="{html_of(_ENLARGE)}">{image}</button>'
                f'<div id="{large}" class="large" popover>'
                f'<button {hides} class="whole" tabindex="-1">'
                f'<img src="{one.address}" alt="{one.title}" loading="lazy"></button>'
                f"<p>{one.title}</p>"
                f'<button {hides} class="close" aria-label="{close}" autofocus>×</button></div>'
            )
        case "video":
            return f'<video src="{one.address}" aria-label="{one.title}" controls loop></video>'
        case "audio":
            wave = f' data-wave="{one.wave}"' if one.wave else ""
            return f'<audio src="{one.address}" aria-label="{one.title}"{wave} controls></audio>'
        case _:  # other kinds can't be shared
            return ""
