"""Results of runs for other workflows and other users: the forms that accept a result, and its
link."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from fastapi import Depends, HTTPException, Response

from comfy.base.errors import RunNotFound
from comfy.base.messages import labeled, message
from comfy.form.fill import drawn_texts, literal_texts
from comfy.form.takers import first_taker
from comfy.launch.uploads import Refused
from comfy.library.takers import Taker, takers_of
from comfy.records.sharing.results import SharedResult, SharedResults
from ui.api.runs import Runs
from ui.documents.browser_values import file_kept
from ui.documents.history_doc import FormValues
from ui.documents.link_doc import LinkDoc
from ui.files.copies import FileCopies
from ui.files.results import FieldResults
from ui.files.shared_files import NO_PROMPT_NO_FILE
from ui.library import WorkflowLibrary
from ui.web.access import Access, GuardedRoutes
from ui.web.identity import Identity
from ui.web.responses import AsciiJSON
from ui.web.shares import Work
from ui.web.urls import link_address

_KINDS = ("image", "video", "audio")
_NOT_SHARED = "Only images, video and audio can be shared by a link."
_CANNOT_SHARE = message("This file can't be shared: its metadata can't be removed.")


@dataclass(frozen=True, slots=True)
class FieldValue:
    """A value for the field `key` of a form."""

    key: str
    value: Any


def run_files_api(
    library: WorkflowLibrary, copies: FileCopies, identity: Identity, docs: Runs
) -> GuardedRoutes:
    """Return `GET /takers`, and the routes below `/runs/{run_id}/files/{n}`."""
    routes = GuardedRoutes(tags=["Files"])

    @routes.get("/takers", Access.SIGNED_IN, work=Work.CATALOG, response_model=list[Taker])
    def takers(owner: str = Depends(identity.caller)) -> AsciiJSON:
        """Return the workflows whose forms take results, each with the kinds that it takes."""
        return AsciiJSON([asdict(one) for one in takers_of(library.forms, library.folder, owner)])

    @routes.get(
        "/runs/{run_id}/files/{n}/for/{name:path}",
        Access.OWNER,
        summary="Use a result in a form",
        work=Work.CATALOG,
        response_model=FieldValue,
    )
    def value_for(
        run_id: str, n: int, name: str, owner: str = Depends(identity.caller)
    ) -> AsciiJSON:
        """Return the first field of a workflow that takes this file, with the value for it."""
        record = docs.record(run_id, owner)
        _, form = library.forms.form(name, owner)
        files = record.state.files
        field = first_taker(form.fields, files[n].kind) if 0 <= n < len(files) else None
        if field is None:
            raise RunNotFound
        match FieldResults(copies).place(record, n, field):
            case Refused(why):
                raise HTTPException(409, labeled(field.label, why))
            case file_id:
                return AsciiJSON(FieldValue(field.key, file_kept(file_id)))

    routes.include(_links_api(copies, identity, docs))
    return routes


def _links_api(copies: FileCopies, identity: Identity, docs: Runs) -> GuardedRoutes:
    """Return the routes `/runs/{run_id}/files/{n}/link`."""
    routes = GuardedRoutes(tags=["Files"])
    history, stripped = docs.registry.history, copies.blobs.stripped

    def links() -> SharedResults:
        if history is None:
            raise RunNotFound
        return history.shared

    def shareable(run_id: str, n: int, owner: str) -> tuple[str, str]:
        """Return the prompt and the digest of a file that can be shared. Raises RunNotFound or
        HTTPException."""
        record = docs.record(run_id, owner)
        stage = docs.presenter.ends.of(record).stage
        if not 0 <= n < len(stage.files):
            raise RunNotFound
        if stage.files[n].kind not in _KINDS:
            raise HTTPException(409, _NOT_SHARED)
        return stage.caption.prompt, record.state.files[n].digest

    @routes.get(
        "/runs/{run_id}/files/{n}/link",
        Access.OWNER,
        summary="Get the link",
        response_model=LinkDoc,
    )
    def link(
        run_id: str,
        n: int,
        owner: str = Depends(identity.caller),
        links: SharedResults = Depends(links),
    ) -> AsciiJSON:
        """Return the link to a result, and what it can show. Without a link, `address` is empty."""
        text, digest = shareable(run_id, n, owner)
        shared = links.of(owner, run_id, n)
        return AsciiJSON(
            _link_doc(shared, text, can_strip=stripped.of(digest) is not None, is_new=not shared)
        )

    @routes.post("/runs/{run_id}/files/{n}/link", Access.OWNER, response_model=LinkDoc)
    def share(
        run_id: str,
        n: int,
        *,
        prompt: bool | None = None,
        owner: str = Depends(identity.caller),
        links: SharedResults = Depends(links),
    ) -> AsciiJSON:
        """Return the link to a result, and create it if needed.

        `prompt=true` shows the prompt to users with the link, and leaves the metadata in the file.
        Without `prompt`, that doesn't change; a new link doesn't show it.
        """
        text, digest = shareable(run_id, n, owner)
        link = before = links.of(owner, run_id, n)
        is_told = bool(text) and (bool(before and before.prompt) if prompt is None else prompt)
        can_strip = stripped.of(digest) is not None
        if can_strip or is_told:
            link = links.share(owner, run_id, n, text if is_told else "")
        elif not text:
            raise HTTPException(409, _CANNOT_SHARE)
        elif prompt is not None:
            raise HTTPException(409, NO_PROMPT_NO_FILE)
        return AsciiJSON(_link_doc(link, text, can_strip=can_strip, is_new=before is None))

    @routes.delete(
        "/runs/{run_id}/files/{n}/link", Access.OWNER, summary="Remove the link", status_code=204
    )
    def stop(
        run_id: str,
        n: int,
        owner: str = Depends(identity.caller),
        links: SharedResults = Depends(links),
    ) -> Response:
        """Remove the link to a result."""
        if not links.stop(owner, run_id, n):
            raise RunNotFound
        return Response(status_code=204)

    @routes.get(
        "/shared/{token}/values",
        Access.SIGNED_IN,
        summary="Use a shared result's settings",
        work=Work.CATALOG,
        response_model=FormValues,
    )
    def values(
        token: str,
        owner: str = Depends(identity.caller),
        links: SharedResults = Depends(links),
    ) -> AsciiJSON:
        """Return the values that fill in a form as for a shared result.

        Its owner must have shared the prompt, and you need access to its workflow. Input files
        aren't included.
        """
        shared = links.find(token)
        if shared is None or not shared[0].prompt:
            raise RunNotFound
        job = shared[1].job
        _, form = docs.forms.form(job.workflow, owner, job.values)
        texts = literal_texts(drawn_texts(form), job.values)
        return AsciiJSON(FormValues(job.workflow, copies.given_values(texts, owner)))

    return routes


def _link_doc(link: SharedResult | None, text: str, *, can_strip: bool, is_new: bool) -> LinkDoc:
    """Return the document of a link, or of a result without one. `text`: the run's prompt."""
    return LinkDoc(
        address=link_address(link.token) if link else "",
        prompt=bool(link and link.prompt),
        has_prompt=bool(text),
        is_new=is_new,
        can_strip=can_strip,
    )
