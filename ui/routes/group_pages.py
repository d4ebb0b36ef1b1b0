"""Routes for batches and chains that only the page needs, below `/page`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated

from fastapi import Depends, HTTPException, Query, Request
from fastapi.concurrency import run_in_threadpool

from comfy.base.errors import BatchNotFound
from comfy.batches.grids.settings import settings_in
from comfy.form.check import check as check_values
from ui.documents.past_run import past_run
from ui.files.batch_grids import told_settings
from ui.routes.presenter import Presenter
from ui.web.access import Access, GuardedRoutes
from ui.web.identity import Identity
from ui.web.responses import AsciiJSON
from ui.web.shares import Work

_BEGINNING = 4 * 1024 * 1024  # bytes to read of an image: its texts come first
_MOST_RUNS = 60  # per request; the page's script requests no more


def group_page_routes(presenter: Presenter, identity: Identity) -> GuardedRoutes:
    """Return `GET /page/batches/{batch_id}/rows/{index}/values`, `POST /page/grid` and
    `GET /page/chains/{chain_id}/steps/{name}`."""
    routes = GuardedRoutes("/page")
    batches, chains, ends = presenter.batches, presenter.chains, presenter.ends

    @routes.get("/batches/{batch_id}/rows/{index}/values", Access.OWNER, work=Work.PROCESSOR)
    def values(batch_id: str, index: int, owner: str = Depends(identity.caller)) -> AsciiJSON:
        """Return the values of a row, started or not, in the format in which the script stores a
        form's."""
        table = batches.table(batch_id, owner)
        if not 0 <= index < len(table.rows):
            raise BatchNotFound("This batch has no such row.")
        workflow, given = table.summary.workflow, table.rows[index].values
        _, form = ends.forms.form(workflow, owner, given)
        clean, _ = check_values(form, given)
        row_values = {key: clean.get(key, value) for key, value in given.items()}
        kept = ends.copies.given_values(row_values, owner)
        return AsciiJSON({"workflow": workflow, "values": kept})

    @routes.post("/grid", Access.SIGNED_IN)
    async def opened(request: Request, owner: str = Depends(identity.caller)) -> AsciiJSON:
        """Read the beginning of a grid's image. Return its batch if it still exists, otherwise the
        workflow, the form's values, and the varied fields."""
        data = (await request.body())[:_BEGINNING]
        return await run_in_threadpool(_reopened, presenter, owner, data)

    @routes.get("/chains/{chain_id}/steps/{name}", Access.OWNER, work=Work.PROCESSOR)
    def made_by_step(
        chain_id: str,
        name: str,
        run: Annotated[Sequence[str], Query(max_length=_MOST_RUNS)] = (),
        owner: str = Depends(identity.caller),
    ) -> AsciiJSON:
        """Return the history tiles of the requested runs that are ended runs of the step. Raises
        404 for an unknown step."""
        steps = chains.get(chain_id, owner).steps
        ended = next((step.ended for step in steps if step.name == name), None)
        history = presenter.runs.history
        if ended is None or history is None:
            raise HTTPException(404)
        records = history.get_many(set(run).intersection(ended), owner)
        return AsciiJSON({"runs": [past_run(record).to_json() for record in records.values()]})

    return routes


def _reopened(presenter: Presenter, owner: str, data: bytes) -> AsciiJSON:
    settings = settings_in(data)
    with suppress(BatchNotFound):
        return AsciiJSON({"batch": presenter.batches.get(settings.batch, owner).id})
    _, form = presenter.ends.forms.form(settings.workflow, owner, settings.base)
    return AsciiJSON({"batch": None} | told_settings(settings, form))
