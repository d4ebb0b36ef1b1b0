"""A person's finished runs as a list, and what can be done with one of them, or with several."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body, Depends, HTTPException, Query

from comfy.base.errors import WorkflowNotFound
from comfy.base.messages import message
from comfy.chains.keys import text_values
from comfy.form.fill import drawn_texts, literal_texts
from comfy.records.record import Record
from comfy.records.store import RunStore
from comfy.records.wanted import Wanted, WantedOfGroups
from ui.documents.headlines import NO_RESULT
from ui.documents.history_doc import HistoryDoc, HistoryPage
from ui.documents.past_run import days_of, past_run
from ui.routes.results import MOST_CHOSEN
from ui.services import Services
from ui.web.access import Access, GuardedRoutes
from ui.web.identity import NOBODY, Identity
from ui.web.responses import AsciiJSON

_PAGE = 60  # runs a request
_OPEN_A_RESULT = message(
    "Images made with it usually have it inside: download one and open it here."
)

Chosen = Annotated[list[str], Body(embed=True, max_length=MOST_CHOSEN)]


def history_routes(services: Services, identity: Identity) -> GuardedRoutes:
    """Return the routes below `/history`, each for the caller's own runs."""
    routes = GuardedRoutes()
    routes.include(_list_routes(services, identity))
    routes.include(_many_routes(services, identity))

    @routes.get("/history/{run_id}/values", Access.OWNER)
    def values(run_id: str, owner: str = Depends(identity.caller)) -> dict[str, Any]:
        """Return a run's values in the script's format: for a chain's step in the chain's form."""
        workflow, given = made_with(services, services.runs.record(run_id, owner))
        return {"workflow": workflow, "values": given}

    return routes


def made_with(services: Services, record: Record) -> tuple[str, dict[str, Any]]:
    """The name of what a run was started with, its workflow or a chain, and the values that it had
    there, as the page's script keeps them. ComfyError where its form is gone: it cannot be filled
    in."""
    workflow, values = _started_with(services, record)
    return workflow, services.copies.given_values(values, record.owner)


def _started_with(services: Services, record: Record) -> tuple[str, dict[str, object]]:
    part = services.chains.part_of(record)
    if part is not None and part.chain in services.chain_forms.folder:
        return part.chain, text_values(services.chains.values_of(record).values)
    job = record.job
    try:
        _, form = services.forms.form(job.workflow, record.owner, job.values)
    except WorkflowNotFound as problem:
        raise WorkflowNotFound(
            message("“{workflow}” is no longer here.", workflow=job.title),
            _OPEN_A_RESULT if _may_hold_it(services, record) else "",
        ) from problem
    return job.workflow, {**literal_texts(drawn_texts(form), job.values), **job.inputs}


def _may_hold_it(services: Services, record: Record) -> bool:
    """Tell if a result may contain the run's workflow: ComfyUI writes it into images."""
    is_saved = any(file.kind == "image" and file.type == "output" for file in record.state.files)
    return is_saved and services.forms.permissions.open(record.owner)


def _list_routes(services: Services, identity: Identity) -> GuardedRoutes:
    """`GET /history`."""
    routes = GuardedRoutes()

    @routes.get("/history", Access.SIGNED_IN)
    def earlier(
        wanted: Annotated[Wanted, Depends()],
        before: str = "",
        skip: Annotated[int, Query(ge=0)] = 0,
        zone: str = "",
        owner: str = Depends(identity.caller),
    ) -> AsciiJSON:
        """Return a page of finished runs, newest first: those older than the run `before`, without
        the first `skip`. With a time `zone`, also the days of all matching runs with their
        numbers, and whether there are any runs at all."""
        history = services.runs.history
        if history is None or owner == NOBODY:
            return AsciiJSON(HistoryDoc((), page=HistoryPage((), any=False)))
        wanted = of_chain(services, wanted, owner)
        found = history.of(owner, wanted, before=before, skip=skip, limit=_PAGE)
        page = None
        if zone:
            days = tuple(days_of(history.ends(owner, wanted), zone))
            page = HistoryPage(days, any=bool(found or history.of(owner, limit=1)))
        more = found[-1].id if len(found) == _PAGE else None
        return AsciiJSON(HistoryDoc(tuple(map(past_run, found)), more, page))

    return routes


def of_chain(services: Services, wanted: Wanted, owner: str) -> Wanted:
    """Return the filter; for a chain, the runs of all its steps."""
    if wanted.workflow not in services.chain_forms.folder:
        return wanted
    groups = services.chains.groups_of(wanted.workflow, owner)
    return WantedOfGroups("", wanted.text, wanted.fruitless, wanted.favourites, groups)


def _many_routes(services: Services, identity: Identity) -> GuardedRoutes:
    """`POST /history/favourites`, `/history/delete` and `/history/restore`, for up to 200 runs.
    Each answers with how many of them the caller has; with none it is 404."""
    routes = GuardedRoutes("/history")

    def store() -> RunStore:
        if services.runs.history is None:
            raise HTTPException(404, NO_RESULT)
        return services.runs.history

    @routes.post("/favourites", Access.OWNER)
    def favourites(
        runs: Chosen,
        favourite: Annotated[bool, Body()],
        owner: str = Depends(identity.caller),
        history: RunStore = Depends(store),
    ) -> dict[str, int]:
        """Mark them as favourites, or take the mark away."""
        return counted(history.set_favourite(runs, owner, favourite=favourite))

    @routes.post("/delete", Access.OWNER)
    def delete(
        runs: Chosen, owner: str = Depends(identity.caller), history: RunStore = Depends(store)
    ) -> dict[str, int]:
        """List them no longer; they are deleted soon, unless they are restored before."""
        return counted(history.unlist(runs, owner))

    @routes.post("/restore", Access.OWNER)
    def restore(
        runs: Chosen, owner: str = Depends(identity.caller), history: RunStore = Depends(store)
    ) -> dict[str, int]:
        """List them again."""
        return counted(history.relist(runs, owner))

    return routes


def counted(runs: int) -> dict[str, int]:
    """Return the number of changed runs; HTTPException for zero."""
    if not runs:
        raise HTTPException(404, NO_RESULT)
    return {"runs": runs}
