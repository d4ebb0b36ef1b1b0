"""Runs for programs: find and delete them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Annotated, Protocol, TypeVar

from fastapi import Query, Request
from starlette.exceptions import HTTPException

from comfy.base.errors import ComfyError, RunNotFound, ShuttingDown
from comfy.launch.start import Starter
from comfy.records.record import Record
from comfy.runs.durations import RunTimes
from comfy.runs.interface import Origin, RunPolicy
from ui.documents.run_doc import DeletedRun, RunDoc, RunJson, has_field_errors, seeds_among
from ui.files.deleting import RunDeletion
from ui.files.presenter import Presenter
from ui.library import WorkflowLibrary
from ui.web.access import Access, GuardedRoutes, Owner
from ui.web.responses import AsciiJSON
from ui.web.shares import Work, shared_address

PAGE_LENGTH, _LONGEST_PAGE = 50, 200  # runs, batches or chains per request
Limit = Annotated[int, Query(ge=1, le=_LONGEST_PAGE)]
NumberCursor = Annotated[str, Query(pattern="^[0-9]{0,15}$")]  # for entries with numbers
NO_CURSOR = "This page of the list no longer exists. Ask again without “cursor”."


class Runs:
    """Descriptions of a user's runs. `json` describes a single run."""

    def __init__(self, presenter: Presenter, library: WorkflowLibrary, json: RunJson) -> None:
        self.registry = presenter.runs
        self.forms = presenter.ends.forms
        self.json = json
        self.presenter = presenter
        self._library = library

    def record(self, run_id: str, owner: str) -> Record:
        """Return the record of a user's run. Raises RunNotFound."""
        return self.registry.record(run_id, owner)

    def ended(self, run_id: str, owner: str) -> Record:
        """Return the record of a user's run after its end. Raises RunNotFound, and ShuttingDown if
        the app ends first."""
        record = self.record(run_id, owner)
        if not record.state.phase.finished:
            raise ShuttingDown
        return record

    def document(self, record: Record) -> RunDoc:
        """Return a run's full description. Blocks if its form has to be built."""
        errors = self.presenter.ends.of(record).errors if has_field_errors(record) else {}
        return self.json.document(record, self._usual(record), errors)

    def found(self, run_id: str, owner: str) -> RunDoc:
        """Return the description of one of this user's runs. Raises RunNotFound."""
        return self.document(self.newest(run_id, owner))

    def on_stage(self, run_id: str, owner: str) -> RunDoc:
        """Return a run of this user as the page's stage shows it. Raises RunNotFound."""
        return self.presenter.view(self.newest(run_id, owner), None)

    def newest(self, run_id: str, owner: str) -> Record:
        """Return the record of a user's run with its newest state. Raises RunNotFound."""
        record = self.record(run_id, owner)
        if record.state.phase.finished:
            return record
        with suppress(RunNotFound):
            self.registry.get(run_id, owner).catch_up()
        return self.record(run_id, owner)

    def started(self, run_id: str, owner: str) -> RunDoc:
        """Return a run that was just started, with every seed of its form. Raises RunNotFound."""
        record = self.record(run_id, owner)
        seeds = self.form_seeds(record.job.workflow, owner, record.job.values)
        return replace(self.document(record), seeds=seeds)

    def listed(self, record: Record) -> RunDoc:
        """Return the description for a list, with fewer error details."""
        return self.json.document(record, self._usual(record))

    def form_seeds(self, name: str, owner: str, values: Mapping[str, object]) -> dict[str, str]:
        """Return the seeds of a workflow's or chain's form in digits, by field key."""
        try:
            fields = self._library.form(name, owner, values).fields
        except ComfyError:  # deleted since the start: describe what doesn't need its form
            return seeds_among(values)
        keys = (field.key for field in fields if field.is_seed)
        return {key: str(values[key]) for key in keys if key in values}

    def _usual(self, record: Record) -> RunTimes | None:
        try:
            return self.registry.get(record.id, record.owner).usual_times
        except RunNotFound:
            return None


class _Listed(Protocol):
    @property
    def id(self) -> str: ...


PageItem = TypeVar("PageItem", bound=_Listed)


def page_of(
    every: Sequence[PageItem], cursor: str, limit: int
) -> tuple[Sequence[PageItem], str | None]:
    """Return up to `limit` entries of a list after the entry with the id `cursor` (empty: from the
    first), and the cursor of the next page, None at the end. Raises HTTPException for an unknown
    id."""
    ids = [one.id for one in every]
    if cursor and cursor not in ids:
        raise HTTPException(422, NO_CURSOR)
    start = ids.index(cursor) + 1 if cursor else 0
    page = every[start : start + limit]
    return page, page[-1].id if start + limit < len(every) else None


def runs_api(runs: Runs, starter: Starter, deletion: RunDeletion) -> GuardedRoutes:
    """Return the routes of `/runs/{run_id}` that need no body."""
    return GuardedRoutes.of(RunHandlers(runs, starter, deletion))


@dataclass(frozen=True, slots=True)
class RunHandlers:
    """Handlers of the routes of one run that need no body."""

    runs: Runs
    starter: Starter
    deletion: RunDeletion

    routes = GuardedRoutes(tags=["Runs"])

    @routes.get("/runs/{run_id}", Access.OWNER, summary="Get", response_model=RunDoc)
    def get_run(self, run_id: str, *, with_page: bool = False, owner: Owner) -> AsciiJSON:
        """Return a run.

        `with_page=true` replaces `values`, `inputs` and `files` by what the app's own page shows.
        """
        return AsciiJSON(
            self.runs.on_stage(run_id, owner) if with_page else self.runs.found(run_id, owner)
        )

    @routes.post(
        "/runs/{run_id}/again",
        Access.OWNER,
        work=Work.CATALOG,
        status_code=201,
        response_model=RunDoc,
    )
    def repeat_run(
        self,
        request: Request,
        run_id: str,
        *,
        vary: bool = False,
        keeps_going: bool = False,
        owner: Owner,
    ) -> AsciiJSON:
        """Repeat a run.

        The values are the same, but `vary=true` draws new seeds. `keeps_going=true` lets the run
        continue when its user has closed every page.
        """
        origin = Origin(owner, shared_address(owner, request.scope))
        policy = RunPolicy(keeps_going=keeps_going)
        run = self.starter.again(run_id, origin, policy, vary=vary)
        doc = self.runs.started(run.id, owner)
        return AsciiJSON(doc, 201, {"location": doc.url})

    @routes.post("/runs/{run_id}/move", Access.OWNER, response_model=RunDoc)
    def move_run(self, run_id: str, by: int, owner: Owner) -> AsciiJSON:
        """Move a waiting run among your own.

        It moves back by `by` places, or forward if `by` is negative. Other users' runs keep their
        places.
        """
        registry = self.runs.registry
        waiting = [run.id for run in registry.line_of(owner) if run.waits_here]
        if run_id in waiting:
            registry.move(run_id, owner, max(0, waiting.index(run_id) + by))
        return AsciiJSON(self.runs.listed(self.runs.record(run_id, owner)))

    @routes.delete(
        "/runs/{run_id}",
        Access.OWNER,
        response_model=DeletedRun,
        responses={202: {"model": RunDoc, "description": "The run is being stopped."}},
    )
    def delete_run(self, run_id: str, *, stop: bool = True, owner: Owner) -> AsciiJSON:
        """Delete a finished run with its files, or stop an unfinished one.

        The status is 200 for a finished run; `stays` says what ComfyUI keeps of it. It is 202 for
        an unfinished run, or 409 with `stop=false`.
        """
        with suppress(RunNotFound):  # an unreadable run on record can still be deleted
            run = self.runs.registry.get(run_id, owner)
            if stop and not run.state.phase.finished:
                run.cancel()
                return AsciiJSON(self.runs.listed(self.runs.record(run_id, owner)), 202)
        return AsciiJSON(DeletedRun(self.deletion.delete(run_id, owner)))
