"""Results of runs for other workflows: the forms that accept a result."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from fastapi import Depends, HTTPException

from comfy.base.errors import RunNotFound
from comfy.base.messages import labeled
from comfy.form.fill import is_drawn
from comfy.form.model import Form, first_taker, main_prompt
from comfy.launch.uploads import Refused
from comfy.library.forms import Taker, takers_of
from comfy.prompt.wildcards import literal_text
from comfy.records.record import Record
from ui.api.runs import Runs
from ui.documents.browser_values import file_kept
from ui.files.copies import FileCopies
from ui.files.results import FieldResults
from ui.library import WorkflowLibrary
from ui.web.access import Access, GuardedRoutes
from ui.web.identity import Identity
from ui.web.responses import AsciiJSON
from ui.web.shares import Work


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


def run_files_api(
    library: WorkflowLibrary, copies: FileCopies, identity: Identity, docs: Runs
) -> GuardedRoutes:
    """Return `GET /takers` and `GET /runs/{run_id}/files/{n}/for/{name}`."""
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
        """Return the first field of a workflow that takes this file, with the value for it.

        Also return the result's prompt, for the workflow's prompt field."""
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
                job = record.job
                source = library.forms.known_form(job.workflow, owner, job.values)
                prompt = _prompt_value(form, record, source)
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
