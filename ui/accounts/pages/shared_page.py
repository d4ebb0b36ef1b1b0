"""The page of a shared result: the file, its workflow, and the prompt if its owner chose to share
it."""

from __future__ import annotations

import html

from fastapi import HTTPException, Request
from fastapi.responses import HTMLResponse

from comfy.base.errors import ComfyError
from comfy.base.messages import message, sentences
from comfy.comfyui.protocol.result_types import FileKind
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
_ONLY_WITH_PROMPT = message(
    "This kind of file can't be shared without its prompt. Ask its owner to share the prompt, too."
)


def shared_page_routes(
    runs: RunRegistry, blobs: BlobStore, identity: Identity, sign_in: SignInPage, root_path: str
) -> GuardedRoutes:
    """Return `GET /shared/{token}`, a page for users, who may have to sign in first. `root_path`:
    see the web server."""
    routes = GuardedRoutes()

    def found(token: str) -> tuple[SharedResult, Record] | None:
        history = runs.history
        try:
            return history.shared.find(token) if history is not None else None
        except ComfyError as problem:
            raise HTTPException(409, sentences(str(problem), problem.hint)) from problem

    @routes.get("/shared/{token}", Access.SIGN_IN_PAGE)
    def page(token: str, request: Request) -> HTMLResponse:
        """Return the page. A link that was revoked or never existed gets a 404 with a message."""
        path = link_address(token)
        if identity.owner(request) is None:
            return sign_in(request, path)
        root = root_address(request, path, root_path)
        shared = found(token)
        if shared is None:
            return dead_link_page(root, _WHY_GONE)
        title = html_of(shared[1].job.title)
        tags = head_tags_of(html.escape(root), f"{title} · ComfyForms")
        return as_page(plain_page(tags, _result(*shared, is_sent=_is_sent(*shared)), root))

    def _is_sent(link: SharedResult, record: Record) -> bool:
        """Return whether the link's file can be sent, with or without its metadata."""
        digest = record.state.files[link.place].digest
        return bool(link.prompt) or blobs.stripped.of(digest) is not None

    return routes


def _result(link: SharedResult, record: Record, *, is_sent: bool) -> str:
    if not is_sent:
        return f"""<main class="shared">
<h1>{html_of(record.job.title)}</h1>
<p>{html_of(_ONLY_WITH_PROMPT)}</p>
{link_to_app()}
</main>"""
    file = record.state.files[link.place]
    name = download_name(file.name)
    address = html.escape(shared_file_address(link.token, name).removeprefix("/"))
    saved_as = html.escape(shared_name(record, link.place, has_prompt=bool(link.prompt)))
    title, prompt = html_of(record.job.title), html.escape(link.prompt)
    prompt_html = f'<h2>{html_of(_PROMPT)}</h2>\n<p class="prompt">{prompt}</p>' if prompt else ""
    return f"""<main class="shared">
<h1>{title}</h1>
{_media(file.kind, address, title)}
{prompt_html}
<p><a class="button" href="{address}" download="{saved_as}">{html_of(_DOWNLOAD)}</a></p>
{link_to_app()}
</main>"""


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
