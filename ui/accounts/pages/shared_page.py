"""The page of a shared result: the file, its workflow, and the prompt if its owner chose to share
it."""

from __future__ import annotations

import html

from fastapi import HTTPException, Request
from fastapi.responses import HTMLResponse

from comfy.base.errors import ComfyError
from comfy.base.messages import message, sentences
from comfy.comfyui.protocol.result_types import FileKind
from comfy.library.forms import Forms
from comfy.records.blobs import BlobStore
from comfy.records.record import Record
from comfy.records.sharing.results import SharedResult
from comfy.runs.interface import RunRegistry
from ui.accounts.pages.sign_in import SignInPage
from ui.documents.result_names import shared_name
from ui.gradio.internals import root_address
from ui.languages.current import html_of
from ui.page.plain.layout import as_page, dead_link_page, head_tags_of, link_to_app, plain_page
from ui.web.access import Access, GuardedRoutes
from ui.web.identity import Identity
from ui.web.urls import download_name, link_address, shared_file_address

_WHY_GONE = message("Its owner stopped sharing it or deleted the result.")
_PROMPT = message("Prompt")
_DOWNLOAD = message("Download")
_SETTINGS = message("Use these settings")
_SHARED = message("Shared results")
_ONLY_WITH_PROMPT = message(
    "This kind of file can't be shared without its prompt. Ask its owner to share the prompt, too."
)

Shared = tuple[SharedResult, Record]
_SEVERAL = "."  # between the tokens of a link to several results
_MOST_SHARED = 24  # results of a link


def shared_page_routes(
    runs: RunRegistry,
    blobs: BlobStore,
    forms: Forms,
    identity: Identity,
    sign_in: SignInPage,
    root_path: str,
) -> GuardedRoutes:
    """Return `GET /shared/{token}`, a page for users, who may have to sign in first. Several
    tokens, joined by dots, show several results. `root_path`: see the web server."""
    routes = GuardedRoutes()

    def found(tokens: str) -> list[Shared]:
        history = runs.history
        if history is None:
            return []
        names = list(dict.fromkeys(tokens.split(_SEVERAL)))[:_MOST_SHARED]
        try:
            return [one for name in names if (one := history.shared.find(name))]
        except ComfyError as problem:
            raise HTTPException(409, sentences(str(problem), problem.hint)) from problem

    @routes.get("/shared/{token}", Access.SIGN_IN_PAGE)
    def page(token: str, request: Request) -> HTMLResponse:
        """Return the page. Results whose links were revoked or never existed are left out. Without
        any, it is a 404 with a message."""
        path = link_address(token)
        owner = identity.owner(request)
        if owner is None:
            return sign_in(request, path)
        root = root_address(request, path, root_path)
        shared = found(token)
        if not shared:
            return dead_link_page(root, _WHY_GONE)
        titles = {html_of(record.job.title) for _, record in shared}
        title = titles.pop() if len(titles) == 1 else html_of(_SHARED)
        tags = head_tags_of(html.escape(root), f"{title} · ComfyForms")
        results = "\n".join(_result(*one, is_sent=_is_sent(*one), owner=owner) for one in shared)
        heading = f"<h1>{html_of(_SHARED)}</h1>\n" if len(shared) > 1 else ""
        several = " several" if len(shared) > 1 else ""
        body = f"""<main class="shared{several}">
{heading}{results}
{link_to_app()}
</main>"""
        return as_page(plain_page(tags, body, root))

    def _is_sent(link: SharedResult, record: Record) -> bool:
        """Return whether the link's file can be sent, with or without its metadata."""
        digest = record.state.files[link.place].digest
        return bool(link.prompt) or blobs.stripped.of(digest) is not None

    def _result(link: SharedResult, record: Record, *, is_sent: bool, owner: str) -> str:
        title = html_of(record.job.title)
        if not is_sent:
            return f"<section>\n<h1>{title}</h1>\n<p>{html_of(_ONLY_WITH_PROMPT)}</p>\n</section>"
        file = record.state.files[link.place]
        name = download_name(file.name)
        address = html.escape(shared_file_address(link.token, name).removeprefix("/"))
        prompt = html.escape(link.prompt)
        shown = f'<h2>{html_of(_PROMPT)}</h2>\n<p class="prompt">{prompt}</p>' if prompt else ""
        settings = ""
        if prompt and forms.knows(record.job.workflow, owner):
            settings = f'<a class="button" href="./?shared={link.token}">{html_of(_SETTINGS)}</a>'
        saved_as = html.escape(shared_name(record, link.place, has_prompt=bool(link.prompt)))
        save = f'<a class="button" href="{address}" download="{saved_as}">'
        return f"""<section>
<h1>{title}</h1>
{_media(file.kind, address, title)}
{shown}
<p class="links">{save}{html_of(_DOWNLOAD)}</a> {settings}</p>
</section>"""

    return routes


def _media(kind: FileKind, address: str, title: str) -> str:
    match kind:
        case "image":
            return f'<img src="{address}" alt="{title}">'
        case "video":
            return f'<video src="{address}" aria-label="{title}" controls loop></video>'
        case "audio":
            return f'<audio src="{address}" aria-label="{title}" controls></audio>'
        case _:  # other kinds can't be shared
            return ""
