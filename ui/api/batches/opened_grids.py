"""Grids that users open again from a downloaded image."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool

from comfy.base.errors import BatchNotFound
from comfy.batches.grids.settings import settings_in
from comfy.batches.queue import BatchQueue
from ui.api.runs import Runs
from ui.documents.group_docs import OpenedGrid
from ui.files.batch_grids import opened_grid
from ui.web.access import Access, GuardedRoutes
from ui.web.identity import Identity
from ui.web.responses import AsciiJSON

_BEGINNING = 4 * 1024 * 1024  # bytes to read of an image: its texts come first
_IMAGE: dict[str, Any] = {
    "required": True,
    "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}},
}


def opened_grids_api(batches: BatchQueue, runs: Runs, identity: Identity) -> GuardedRoutes:
    """Return `POST /grids/opened`."""
    routes = GuardedRoutes(tags=["Batches"])

    @routes.post(
        "/grids/opened",
        Access.SIGNED_IN,
        response_model=OpenedGrid,
        openapi_extra={"requestBody": _IMAGE},
    )
    async def opened(request: Request, owner: str = Depends(identity.caller)) -> AsciiJSON:
        """Open a grid from its image.

        The body is the image, or its beginning with the texts. The answer has the grid's batch if
        it is yours and still exists, otherwise the workflow, the form's values and the fields that
        vary.
        """
        data = (await request.body())[:_BEGINNING]
        return AsciiJSON(await run_in_threadpool(_opened, batches, runs, owner, data))

    return routes


def _opened(batches: BatchQueue, runs: Runs, owner: str, data: bytes) -> OpenedGrid:
    settings = settings_in(data)
    with suppress(BatchNotFound):
        return OpenedGrid(batches.get(settings.batch, owner).id)
    _, form = runs.forms.form(settings.workflow, owner, settings.base)
    return opened_grid(settings, form)
