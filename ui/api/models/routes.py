"""Missing models of a workflow, and requests to the administrator."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fastapi import Depends, Request
from starlette.requests import HTTPConnection
from starlette.responses import Response

from comfy.base.errors import ComfyError, WorkflowError
from comfy.downloads import ServerDownloads
from comfy.requirements.model import ModelFile
from ui.administration.desk import Administration
from ui.administration.model_downloads import ModelActions
from ui.api.problems import NotThere
from ui.documents.missing_models_doc import (
    DownloadServer,
    MissingModels,
    all_downloads,
    missing_model_file,
)
from ui.web.access import Access, GuardedRoutes
from ui.web.identity import NOBODY
from ui.web.responses import AsciiJSON
from ui.web.shares import Work, shared_address


def models_api(desk: Administration, operates: Callable[[HTTPConnection], bool]) -> GuardedRoutes:
    """Return the routes below `/workflows/{name}` about missing models."""
    routes = GuardedRoutes(tags=["Workflows"])
    identity, models = desk.identity, desk.models

    @routes.get(
        "/workflows/{name:path}/missing-models",
        Access.OWNER,
        work=Work.CATALOG,
        response_model=MissingModels,
    )
    def missing(
        request: Request,
        name: str,
        *,
        with_sizes: bool = False,
        owner: str = Depends(identity.caller),
    ) -> AsciiJSON:
        """Return the models of a workflow that no server has, and their downloads.

        `with_sizes=true` asks the download hosts for unknown sizes, for administrators only.
        """
        files = _missing(models, name, owner)
        return AsciiJSON(
            _document(models, name, owner, files, operates(request), ask_hosts=with_sizes)
        )

    @routes.post("/workflows/{name:path}/missing-models/request", Access.OWNER, status_code=204)
    def ask(request: Request, name: str, owner: str = Depends(identity.caller)) -> Response:
        """Ask the administrator for the missing models and nodes of a workflow."""
        _missing(models, name, owner)
        if owner == NOBODY:
            raise ComfyError("Requests need cookies. Allow cookies for this page.")
        address = shared_address(owner, request.scope)
        models.ask(owner, identity.name_of(owner), name, address)
        return Response(status_code=204)

    return routes


def _missing(models: ModelActions, name: str, owner: str) -> tuple[ModelFile, ...]:
    try:
        return models.missing(name, owner)
    except WorkflowError as problem:
        raise NotThere(str(problem), problem.hint) from problem


def _document(
    models: ModelActions,
    name: str,
    owner: str,
    files: Sequence[ModelFile],
    is_administrator: bool,  # noqa: FBT001 - as above
    *,
    ask_hosts: bool,
) -> MissingModels:
    downloads = models.downloads
    numbers = downloads.numbers
    lists = downloads.lists() if files else ()
    usable = [at for at in lists if not at.problem]
    if ask_hosts and is_administrator and usable:
        downloads.ask_sizes(usable[0].server, files)
    started = {
        (one.folder, one.name): one for one in all_downloads(lists, numbers) if one.state != "done"
    }
    return MissingModels(
        tuple(
            missing_model_file(
                file, downloads, started.get((file.folder, file.name)), reasons=is_administrator
            )
            for file in files
        ),
        may_get=is_administrator,
        may_ask=not is_administrator
        and owner != NOBODY
        and models.requests is not None
        and models.lacks(name, owner, files),
        asked=not is_administrator and models.asked(owner, name),
        servers=_servers(lists, numbers) if is_administrator else (),
    )


def _servers(
    lists: Sequence[ServerDownloads], numbers: dict[str, int]
) -> tuple[DownloadServer, ...]:
    return tuple(
        DownloadServer(numbers[at.server.url], at.server.label, at.problem) for at in lists
    )
