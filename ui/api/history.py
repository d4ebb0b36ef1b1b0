"""Finished runs: list them, change several at once, and fill in forms with their values."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Body, Depends, HTTPException, Query

from comfy.base.errors import RunNotFound, WorkflowNotFound
from comfy.base.messages import message
from comfy.base.wording import quoted
from comfy.chains.model import text_values
from comfy.form.fill import drawn_texts, literal_texts
from comfy.records.record import Record
from comfy.records.rows import Wanted, WantedOfGroups
from comfy.records.store import RunStore
from comfy.runs.limits import RunLimits
from ui.api.runs import NO_CURSOR, PAGE_LENGTH, Limit, Runs
from ui.documents.history_docs import (
    ChangedRuns,
    FormValues,
    HistoryDoc,
    HistoryPage,
    StorageDoc,
    days_of,
    past_run,
    storage_doc,
)
from ui.files.presenter import Presenter, RunEnds
from ui.files.result_files import MOST_CHOSEN
from ui.web.access import Access, GuardedRoutes, Owner
from ui.web.identity import NOBODY
from ui.web.responses import AsciiJSON
from ui.web.shares import Work

_OPEN_A_RESULT = message("Images usually contain their workflow. Download one and open it here.")


@dataclass(frozen=True, slots=True)
class Part:
    """Part of a list: at most `limit` runs after the run with the id `cursor` (empty: from the
    first), without the first `skip`. The page sends `skip` because a user can scroll to a place
    whose cursor it doesn't know."""

    cursor: str = ""
    limit: Limit = PAGE_LENGTH
    skip: Annotated[int, Query(ge=0)] = 0


def history_api(docs: Runs, limits: RunLimits) -> GuardedRoutes:
    """Return `GET` and `PATCH /runs`, `GET /storage`, and `GET /runs/{run_id}/values`."""
    return GuardedRoutes.of(HistoryHandlers(docs, docs.registry.history, limits))


@dataclass(frozen=True, slots=True)
class HistoryHandlers:
    """Handlers of the routes that list and change finished runs."""

    docs: Runs
    history: RunStore
    limits: RunLimits

    routes = GuardedRoutes(tags=["Runs"])

    @routes.get("/runs", Access.SIGNED_IN, summary="List", response_model=HistoryDoc)
    def list_runs(
        self,
        wanted: Annotated[Wanted, Depends()],
        part: Annotated[Part, Depends()],
        *,
        with_page: bool = False,
        zone: str = "",
        owner: Owner,
    ) -> AsciiJSON:
        """Return your runs.

        The first page begins with the unfinished runs, in the order of their turns. Finished runs
        follow, newest first. `next` is the `cursor` of the next page, null on the last. Without a
        sign-in and a cookie, runs can only be found by their ids. With `with_page=true`, finished
        runs come as the app's own page lists them; with a time `zone`, the days on which they ended
        come too.
        """
        if owner == NOBODY:
            return AsciiJSON(HistoryDoc((), page=HistoryPage() if with_page else None))
        history = self.history
        if part.cursor and not history.get(part.cursor, owner):
            raise HTTPException(422, NO_CURSOR)
        chosen = of_chain(self.docs.presenter, wanted, owner)
        ended = history.of(owner, chosen, before=part.cursor, skip=part.skip, limit=part.limit)
        last = ended[-1].id if ended else ""
        more = last if last and history.has_older(last, owner, chosen) else None
        if with_page:
            days = days_of(history.ends(owner, chosen), zone) if zone else []
            has_any = bool(ended or history.of(owner, limit=1))
            page = HistoryPage(tuple(days), any=has_any)
            runs = tuple(past_run(record, blobs=history.files) for record in ended)
            return AsciiJSON(HistoryDoc(runs, more, page))
        is_plain = not (wanted.text or wanted.favourites or wanted.shared or part.cursor)
        line = self.docs.registry.line_of(owner) if is_plain else ()
        going = [run.record for run in line if wanted.workflow in ("", run.job.workflow)]
        return AsciiJSON(HistoryDoc(tuple(map(self.docs.listed, (*going, *ended))), more))

    @routes.get("/storage", Access.SIGNED_IN, response_model=StorageDoc)
    def get_storage(self, owner: Owner) -> AsciiJSON:
        """Return the storage of your results, their end, and how many runs you may start."""
        if owner == NOBODY:
            return AsciiJSON(StorageDoc())
        left = self.limits.left_today(owner, len(self.docs.registry.line_of(owner)))
        return AsciiJSON(storage_doc(self.history.storage.of(owner, time.time()), left))

    @routes.patch("/runs", Access.OWNER, response_model=ChangedRuns)
    def change_runs(
        self,
        runs: Annotated[list[str], Body(max_length=MOST_CHOSEN)],
        owner: Owner,
        favourite: Annotated[bool | None, Body()] = None,
        listed: Annotated[bool | None, Body()] = None,
    ) -> AsciiJSON:
        """Mark finished runs as favorites, or delete them with a delay.

        `"listed": false` removes them from the lists. They are deleted 15 seconds later, unless
        `"listed": true` restores them. `runs` in the answer is the number of changed runs. If it
        would be 0, the status is 404.
        """
        changed, history = 0, self.history
        if favourite is not None:
            changed = history.set_favourite(runs, owner, favourite=favourite)
        if listed is not None:
            changed = (history.relist if listed else history.unlist)(runs, owner)
        if not changed:
            raise RunNotFound
        return AsciiJSON(ChangedRuns(changed, history.shared.count(owner, runs)))

    @routes.get("/runs/{run_id}/values", Access.OWNER, work=Work.CATALOG, response_model=FormValues)
    def get_run_values(self, run_id: str, owner: Owner) -> AsciiJSON:
        """Return the values that fill in a form as for this run.

        For a step of a chain, they are for the form of the chain. Files are copied for you.
        """
        return AsciiJSON(
            FormValues(*made_with(self.docs.presenter, self.docs.record(run_id, owner)))
        )


def of_chain(presenter: Presenter, wanted: Wanted, owner: str) -> Wanted:
    """Return the filter. For a chain, it covers the runs of all its steps."""
    if not presenter.chain_forms.has(wanted.workflow, owner):
        return wanted
    groups = presenter.chains.groups_of(wanted.workflow, owner)
    filters = wanted.text, wanted.fruitless, wanted.favourites, wanted.shared
    return WantedOfGroups("", *filters, groups)


def made_with(presenter: Presenter, record: Record) -> tuple[str, dict[str, Any]]:
    """Return the workflow or chain that a run was started with, and the values of its form in the
    browser's format. Raises ComfyError if that form is gone."""
    workflow, values = _started_with(presenter, record)
    return workflow, presenter.ends.copies.given_values(values, record.owner)


def _started_with(presenter: Presenter, record: Record) -> tuple[str, dict[str, object]]:
    chain = presenter.chains.chain_of(record)
    if chain is not None and presenter.chain_forms.has(chain.workflow, record.owner):
        return chain.workflow, text_values(presenter.chains.values_of(record).values)
    job = record.job
    try:
        _, form = presenter.ends.forms.form(job.workflow, record.owner, job.values)
    except WorkflowNotFound as problem:
        raise WorkflowNotFound(
            message("{name} is no longer available.", name=quoted(job.title)),
            _OPEN_A_RESULT if _may_hold_it(presenter.ends, record) else "",
        ) from problem
    return job.workflow, {**literal_texts(drawn_texts(form), job.values), **job.inputs}


def _may_hold_it(ends: RunEnds, record: Record) -> bool:
    """Return whether a result may contain the run's workflow: ComfyUI writes it into images."""
    is_saved = any(file.kind == "image" and file.type == "output" for file in record.state.files)
    return is_saved and ends.forms.permissions.open(record.owner)
