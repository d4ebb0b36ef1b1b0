"""Links to results: what their owner shares, and the settings for visitors with the link.

Results of runs for other workflows: the forms that accept a result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from fastapi import HTTPException, Query, Response

from comfy.base.errors import RunNotFound, WorkflowNotFound
from comfy.base.messages import labeled, message
from comfy.base.wording import quoted
from comfy.form.fill import drawn_texts, is_drawn, literal_texts
from comfy.form.model import Form, first_taker, main_prompt
from comfy.launch.uploads import Refused
from comfy.library.forms import Taker, takers_of
from comfy.prompt.wildcards import literal_text
from comfy.records.record import Job, Record
from comfy.records.sharing import Share, SharedFile, SharedResults
from ui.api.runs import Runs
from ui.documents.browser_values import file_kept
from ui.documents.history_docs import LinkDoc, SharedValues
from ui.files.copies import FileCopies
from ui.files.references import FieldResults
from ui.files.result_files import NO_PROMPT_NO_FILE
from ui.library import WorkflowLibrary
from ui.web.access import Access, GuardedRoutes, Owner
from ui.web.identity import Identity
from ui.web.responses import AsciiJSON
from ui.web.shares import Work
from ui.web.urls import download_name, link_address, shared_file_address

_MOST_SHARED = 24  # files of a link, as in ui/page/script/stage/share.js
_KINDS = ("image", "video", "audio")
_NOT_SHARED = "Only images, video and audio can be shared by a link."
_CANNOT_SHARE = message("This file can't be shared: its metadata can't be removed.")
_Files = Annotated[list[str], Query(min_length=1, max_length=_MOST_SHARED)]


def links_api(copies: FileCopies, identity: Identity, docs: Runs) -> GuardedRoutes:
    """Return the routes `/link` and `GET /shared/{token}/{n}/values`."""
    return GuardedRoutes.of(LinkHandlers(docs, copies, needs_sign_in=identity.login is not None))


@dataclass(frozen=True, slots=True)
class LinkHandlers:
    """Handlers of the routes that create and remove links, and of the settings behind a link."""

    docs: Runs
    copies: FileCopies
    needs_sign_in: bool

    routes = GuardedRoutes(tags=["Files"])

    @property
    def _links(self) -> SharedResults:
        return self.docs.registry.history.shared

    def _shareable(self, names: list[str], owner: str) -> tuple[list[SharedFile], list[bool]]:
        """Return the named files with their prompts, and whether the metadata of each can be
        removed. Raises RunNotFound or HTTPException."""
        named = [_file_of(self.docs, one, owner) for one in dict.fromkeys(names)]
        stripped = self.copies.blobs.stripped
        return [one for one, _ in named], [stripped.of(digest) is not None for _, digest in named]

    def _doc(
        self,
        owner: str,
        files: list[SharedFile],
        can_strip: list[bool],
        share: Share | None,
        *,
        new: bool,
    ) -> AsciiJSON:
        """Return the document of a link. `files`: with their runs' prompts."""
        return AsciiJSON(
            LinkDoc(
                address=link_address(share.token) if share else "",
                prompt=_has_prompt(share.files if share else ()),
                has_prompt=_has_prompt(files),
                is_new=new,
                can_strip=all(can_strip),
                others=self._links.others(owner, files),
                needs_sign_in=self.needs_sign_in,
            )
        )

    @routes.get("/link", Access.OWNER, summary="Get the link", response_model=LinkDoc)
    def get_link(self, file: _Files, owner: Owner) -> AsciiJSON:
        """Return the link to these results, and what it can show.

        Without a link, `address` is empty. `file` is a run's ID, a slash, and the result's position
        in the run; it can be repeated.
        """
        files, can_strip = self._shareable(file, owner)
        share = self._links.of(owner, files)
        return self._doc(owner, files, can_strip, share, new=share is None)

    @routes.post(
        "/link", Access.OWNER, audit="share", summary="Share results", response_model=LinkDoc
    )
    def create_link(self, *, prompt: bool | None = None, file: _Files, owner: Owner) -> AsciiJSON:
        """Return the link to these results, and create it if needed.

        `prompt=true` shows the prompts and settings to users with the link, and leaves the metadata
        in the files. Without `prompt`, that doesn't change; a new link doesn't show them.
        """
        links = self._links
        files, can_strip = self._shareable(file, owner)
        share = before = links.of(owner, files)
        includes = _has_prompt(before.files if before else ()) if prompt is None else prompt
        told = [one if includes else SharedFile(one.run, one.place) for one in files]
        pairs = list(zip(told, can_strip, strict=True))
        if all(one.prompt or can for one, can in pairs):
            share = links.share(owner, told)
        elif not all(one.prompt or can for one, can in zip(files, can_strip, strict=True)):
            raise HTTPException(409, _CANNOT_SHARE)
        elif prompt is not None:
            raise HTTPException(409, NO_PROMPT_NO_FILE)
        return self._doc(owner, files, can_strip, share, new=before is None)

    @routes.delete("/link", Access.OWNER, audit="share", summary="Stop sharing", status_code=204)
    def delete_link(self, file: _Files, owner: Owner) -> Response:
        """Remove these results from all links. A link ends with its last result."""
        if not self._links.stop(owner, [SharedFile(*_place_of(one)) for one in file]):
            raise RunNotFound
        return Response(status_code=204)

    @routes.get(
        "/shared/{token}/{n}/values",
        Access.SIGNED_IN,
        summary="Use a shared result's settings",
        work=Work.CATALOG,
        response_model=SharedValues,
    )
    def get_shared_values(self, token: str, n: int, owner: Owner) -> AsciiJSON:
        """Return the values that fill in a form as for a shared result, and that result's file.

        Its owner must have shared the prompt, and you need access to its workflow. Input files
        aren't included.
        """
        found = self._links.find(token, n)
        if not found or not found[0].file.prompt:
            raise RunNotFound
        shared = found[0]
        file = shared.record.state.files[shared.file.place]
        return AsciiJSON(
            SharedValues(
                shared.record.job.workflow,
                shared_values(self.docs, shared.record.job, owner),
                shared_file_address(token, n, download_name(file.name)),
                file.kind,
            )
        )


def shared_values(docs: Runs, job: Job, owner: str) -> dict[str, Any]:
    """Return the values that fill in a form as for another user's job, without input files. Raises
    ComfyError if the workflow isn't available to this owner."""
    try:
        _, form = docs.forms.form(job.workflow, owner, job.values)
    except WorkflowNotFound as problem:  # names a workflow that may be another group's
        raise WorkflowNotFound(
            message("{name} is no longer available.", name=quoted(job.title))
        ) from problem
    texts = literal_texts(drawn_texts(form), job.values)
    return docs.presenter.ends.copies.given_values(texts, owner)


def _place_of(name: str) -> tuple[str, int]:
    """Return the run and the index of a named file. Raises RunNotFound."""
    run, _, place = name.rpartition("/")
    if not (place.isascii() and place.isdecimal() and len(place) < 5):
        raise RunNotFound
    return run, int(place)


def _file_of(docs: Runs, name: str, owner: str) -> tuple[SharedFile, str]:
    """Return a named file with its prompt, and its digest. Raises RunNotFound or HTTPException."""
    run, place = _place_of(name)
    record = docs.record(run, owner)
    stage = docs.presenter.with_history(docs.presenter.ends.of(record).stage, record)
    if place >= len(stage.files):
        raise RunNotFound
    if stage.files[place].kind not in _KINDS:
        raise HTTPException(409, _NOT_SHARED)
    return SharedFile(run, place, stage.caption.prompt), record.state.files[place].digest


def _has_prompt(files: Sequence[SharedFile]) -> bool:
    return any(one.prompt for one in files)


@dataclass(frozen=True, slots=True)
class PromptValue:
    """A result's prompt for the field `key` of another form. `default`: the field's own text."""

    key: str
    value: str
    default: Any


@dataclass(frozen=True, slots=True)
class FieldValue:
    """A value for the field `key` of a form. `prompt`: for the form's prompt, None if the result or
    the form has none."""

    key: str
    value: Any
    prompt: PromptValue | None


def run_files_api(library: WorkflowLibrary, copies: FileCopies, docs: Runs) -> GuardedRoutes:
    """Return `GET /takers` and `GET /runs/{run_id}/files/{n}/for/{name}`."""
    routes = GuardedRoutes(tags=["Files"])

    @routes.get("/takers", Access.SIGNED_IN, work=Work.CATALOG, response_model=list[Taker])
    def list_result_fields(owner: Owner) -> AsciiJSON:
        """Return the workflows whose forms take results, each with the kinds that it takes."""
        return AsciiJSON([asdict(one) for one in takers_of(library.forms, library.folder, owner)])

    @routes.get(
        "/runs/{run_id}/files/{n}/for/{name:path}",
        Access.OWNER,
        summary="Use a result in a form",
        work=Work.CATALOG,
        response_model=FieldValue,
    )
    def get_result_value(
        run_id: str, n: int, name: str, owner: Owner, *, frame: bool = False
    ) -> AsciiJSON:
        """Return the first field of a workflow that takes this file, with the value for it.

        Also return the result's prompt, for the workflow's prompt field. With `frame=true`, the
        field is for a frame of this video, without a value."""
        record = docs.record(run_id, owner)
        _, form = library.forms.form(name, owner)
        files = record.state.files
        kind = "image" if frame else files[n].kind if 0 <= n < len(files) else None
        field = first_taker(form.fields, kind) if kind else None
        if field is None:
            raise RunNotFound
        source = library.forms.known_form(record.job.workflow, owner, record.job.values)
        prompt = _prompt_value(form, record, source)
        if frame:
            return AsciiJSON(FieldValue(field.key, None, prompt))
        match FieldResults(copies).place(record, n, field):
            case Refused(why):
                raise HTTPException(409, labeled(field.label, why))
            case file_id:
                return AsciiJSON(FieldValue(field.key, file_kept(file_id), prompt))

    return routes


def _prompt_value(form: Form, record: Record, source: Form | None) -> PromptValue | None:
    """Return the prompt of a run, whose form is `source`, for the prompt field of another form."""
    field, before = main_prompt(form.fields), main_prompt(source.fields if source else ())
    text = record.job.values.get(before.key) if before else None
    if field is None or not isinstance(text, str) or not text.strip():
        return None
    return PromptValue(
        field.key, literal_text(text) if is_drawn(form, field) else text, field.default
    )
