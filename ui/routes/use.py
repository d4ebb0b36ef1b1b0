"""Results for other workflows: which take one, and the value that puts it into one's form."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import Depends, HTTPException

from comfy.base.messages import message
from comfy.form.takers import first_taker
from comfy.launch.uploads import Refused
from comfy.library.takers import takers_of
from comfy.runs.interface import RunRegistry
from ui.documents.browser_values import file_kept
from ui.documents.headlines import NO_RESULT
from ui.files.copies import FileCopies
from ui.files.results import FieldResults
from ui.library import WorkflowLibrary
from ui.web.access import Access, GuardedRoutes
from ui.web.identity import Identity
from ui.web.responses import AsciiJSON


def use_routes(
    runs: RunRegistry, library: WorkflowLibrary, copies: FileCopies, identity: Identity
) -> GuardedRoutes:
    """The routes `/takers` and `/history/{run_id}/files/{index}/for/{name}`."""
    routes = GuardedRoutes()

    @routes.get("/takers", Access.SIGNED_IN)
    def taking(owner: str = Depends(identity.caller)) -> AsciiJSON:
        """The workflows that take results, each with the kinds it takes."""
        found = takers_of(library.forms, library.folder, owner)
        return AsciiJSON([asdict(one) for one in found])

    @routes.get("/history/{run_id}/files/{index}/for/{name:path}", Access.OWNER)
    def value_for(
        run_id: str, index: int, name: str, owner: str = Depends(identity.caller)
    ) -> dict[str, Any]:
        """The first field of a workflow's form that takes this file of a run, and its value as the
        page's script keeps it."""
        record = runs.record(run_id, owner)
        _, form = library.forms.form(name, owner)
        files = record.state.files
        field = first_taker(form.fields, files[index].kind) if 0 <= index < len(files) else None
        if field is None:
            raise HTTPException(404, NO_RESULT)
        match FieldResults(copies).place(record, index, field):
            case Refused(why):
                raise HTTPException(409, message("{field}: {why}", field=field.label, why=why))
            case place:
                return {"key": field.key, "value": file_kept(place)}

    return routes
