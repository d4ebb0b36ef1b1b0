"""Chains made from runs."""

from __future__ import annotations

from typing import Annotated

from fastapi import Body, Depends, Request

from ui.documents.run_values import seeds_among
from ui.services import Services
from ui.web.access import Access, GuardedRoutes
from ui.web.identity import Identity
from ui.web.responses import AsciiJSON
from ui.web.shares import shared_address

_LONGEST_TITLE = 100  # characters


def run_chain_routes(services: Services, identity: Identity) -> GuardedRoutes:
    """Return `GET` and `POST /history/{run_id}/chain`, and `POST /history/{run_id}/chain/vary`."""
    routes = GuardedRoutes()
    chains = services.chains

    @routes.post("/history/{run_id}/chain/vary", Access.OWNER)
    def varied(request: Request, run_id: str, owner: str = Depends(identity.caller)) -> AsciiJSON:
        """Start the run's chain again with its values and new seeds; return the new chain's id, and
        its seeds by key."""
        record = services.runs.record(run_id, owner)
        started = chains.vary(record, shared_address(owner, request.scope))
        return AsciiJSON({"chain": started.id, "seeds": seeds_among(started.values)})

    @routes.get("/history/{run_id}/chain", Access.OWNER)
    def can_be_made(run_id: str, owner: str = Depends(identity.caller)) -> AsciiJSON:
        """Tell if `made` would succeed, before the user chooses a title."""
        record = services.runs.record(run_id, owner)
        services.chain_forms.check_add(record, services.folder.stamps().keys())
        return AsciiJSON({})

    @routes.post("/history/{run_id}/chain", Access.OWNER)
    def made(
        run_id: str,
        title: Annotated[str, Body(embed=True, max_length=_LONGEST_TITLE)] = "",
        owner: str = Depends(identity.caller),
    ) -> AsciiJSON:
        """Create a shared chain from a run and its sources; return its name and, for its creator,
        the form values that are their own files."""
        record = services.runs.record(run_id, owner)
        added = services.chain_forms.add(record, title, services.folder.stamps().keys())
        services.removal.note_added(owner, added.name)
        given = services.copies.given_value
        values = {key: given(kept, owner) for key, kept in added.files.items()}
        return AsciiJSON({"name": added.name, "values": values})

    return routes
