"""Models: those that a field of a form offers, with preview images and metadata; those that a
workflow lacks; and requests to the administrator.

Each request names a field of a workflow that the caller may open, and a value that it offers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from operator import itemgetter
from pathlib import PurePosixPath
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import Depends, Header, Query, Request
from fastapi.responses import FileResponse
from starlette.requests import HTTPConnection
from starlette.responses import Response

from comfy.base.errors import ComfyError, WorkflowError
from comfy.downloads import ServerDownloads
from comfy.form.model import Field, Form
from comfy.model_files.families import fits
from comfy.model_files.lists import ModelFiles, ServedFile
from comfy.records.store import RunStore
from comfy.requirements.model import ModelFile
from comfy.requirements.read import texts_in
from comfy.requirements.readiness import folder_of_loader
from ui.administration.desk import Administration
from ui.administration.model_downloads import ModelActions
from ui.api.problems import NotThere
from ui.documents.history_docs import run_tile
from ui.documents.model_docs import (
    BaseModel,
    BaseModelsDoc,
    DownloadServer,
    ListedModel,
    MissingModels,
    ModelDetailsDoc,
    ModelListDoc,
    all_downloads,
    missing_model_file,
)
from ui.library import WorkflowLibrary
from ui.web.access import Access, GuardedRoutes, Owner
from ui.web.identity import NOBODY
from ui.web.responses import API, BINARY, AsciiJSON, has_tag
from ui.web.shares import Work, shared_address

_KEEP = {"cache-control": "private, max-age=600"}
Chosen = Annotated[Sequence[str], Query(max_length=100)]
_IMAGE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/webp": BINARY}},
    204: {"description": "The model has no image."},
}


_MAIN_FOLDERS = ("checkpoints", "diffusion_models", "unet_gguf")
_PAGE = 100  # headers that one request reads
_NEWEST = 60  # runs to search for results with a model


@dataclass(frozen=True, slots=True)
class ModelField:
    """Field of the workflow `name` whose choices are models. `column`: a column of its rows, or
    "" for the field itself."""

    name: str
    field: str
    column: str = ""


def model_picker_api(
    models: ModelFiles, library: WorkflowLibrary, history: RunStore, root: str
) -> GuardedRoutes:
    """Return `GET /workflows/{name}/models`, and below it the base models of several models, and
    the preview and the details of one."""
    return GuardedRoutes.of(ModelPickerHandlers(models, library, history, root))


@dataclass(frozen=True, slots=True)
class ModelPickerHandlers:
    """Handlers of the routes that list and show a field's models. `root`: the app's path below its
    host."""

    models: ModelFiles
    library: WorkflowLibrary
    history: RunStore
    root: str

    routes = GuardedRoutes(tags=["Workflows"])

    def _offer(self, asked: ModelField, owner: str) -> _Offer:
        """Return what a field offers. Raises NotThere."""
        try:
            form = self.library.form(asked.name, owner)
        except WorkflowError as problem:
            raise NotThere(str(problem), problem.hint) from problem
        shown = [one for one in form.fields if one.group != "hidden" and one.key == asked.field]
        if asked.column:
            shown = [one for field in shown for one in field.columns if one.key == asked.column]
        if not shown or not shown[0].is_choice:
            raise NotThere("This field offers no choices.")
        field = shown[0]
        node = form.prompt.get(field.node)
        likely = folder_of_loader(node["class_type"], field.input) if node else ""
        named = {"field": asked.field} | ({"column": asked.column} if asked.column else {})
        return _Offer(self.models, form, field, likely, urlencode(named))

    @routes.get(
        "/workflows/{name:path}/models",
        Access.OWNER,
        work=Work.CATALOG,
        response_model=ModelListDoc,
    )
    def list_models(
        self, asked: Annotated[ModelField, Depends()], owner: Owner, chosen: Chosen = ()
    ) -> AsciiJSON:
        """Return the choices of a field with the sizes and dates of their files.

        `field`: the field's key; `column`: a column's key if the field has rows. `chosen`: values
        of the form's other models, if they aren't the defaults.
        """
        offer = self._offer(asked, owner)
        served, base = offer.served(), offer.base(chosen)
        address = f"{self.root}{API}/workflows/{quote(asked.name)}/models"
        made = self._made(owner, served.keys())
        return AsciiJSON(
            ModelListDoc(
                next((one.folder for one in served.values()), ""),
                base,
                tuple(
                    self._listed(value, label, served.get(value), base, made.get(value, ""))
                    for label, value in offer.field.choices or ()
                    if isinstance(value, str)
                ),
                preview=f"{address}/preview?{offer.query}",
                details=f"{address}/details?{offer.query}",
            )
        )

    @routes.get(
        "/workflows/{name:path}/models/base-models",
        Access.OWNER,
        work=Work.CATALOG,
        response_model=BaseModelsDoc,
    )
    def list_base_models(
        self,
        asked: Annotated[ModelField, Depends()],
        owner: Owner,
        chosen: Chosen = (),
        cursor: str = "",
    ) -> AsciiJSON:
        """Return the base models of at most 100 choices, as the headers of their files say.

        `cursor`: the `next` of the answer before.
        """
        offer = self._offer(asked, owner)
        rest = sorted((one for one in offer.served().items() if one[0] > cursor), key=itemgetter(0))
        some, base = rest[:_PAGE], offer.base(chosen)
        self.models.read_bases([served for _, served in some])
        return AsciiJSON(
            BaseModelsDoc(
                tuple(
                    BaseModel(value, known, fits(known, base, served.folder))
                    for value, served in some
                    if (known := self.models.known_base(served))
                ),
                next=some[-1][0] if len(rest) > _PAGE else None,
            )
        )

    def _listed(
        self, value: str, label: str, served: ServedFile | None, base: str, made: str
    ) -> ListedModel:
        folder = str(PurePosixPath(value.replace("\\", "/")).parent)
        known = self.models.known_base(served) if served else ""
        return ListedModel(
            value,
            label,
            "" if folder == "." else folder,
            served.file.size if served else 0,
            served.file.modified if served else 0.0,
            is_file=served is not None,
            base_model=known,
            fits=served is None or fits(known, base, served.folder),
            made=made,
        )

    def _made(self, owner: str, values: Collection[str]) -> dict[str, str]:
        """Return the thumbnail of the owner's newest result with each of these files."""
        made: dict[str, str] = {}
        for record in self.history.of(owner, limit=_NEWEST) if owner != NOBODY else ():
            if thumb := run_tile(record).thumb:
                for text in texts_in(record.job.prompt):
                    if text in values:
                        made.setdefault(text, thumb)
        return made

    @routes.get(
        "/workflows/{name:path}/models/preview",
        Access.OWNER,
        response_class=Response,
        responses=_IMAGE,
    )
    def get_model_preview(
        self,
        value: str,
        asked: Annotated[ModelField, Depends()],
        owner: Owner,
        if_none_match: str = Header(""),
    ) -> Response:
        """Return a model's preview image, a small WebP with `ETag`.

        The status is 204 if the model has none. `value`: one of the field's choices.
        """
        offer = self._offer(asked, owner)
        path = self.models.preview(offer.one(value))
        if path is None:
            return Response(status_code=204, headers=_KEEP)
        headers = _KEEP | {"etag": f'"{path.stem}"'}
        if has_tag(headers["etag"], if_none_match):
            return Response(status_code=304, headers=headers)
        return FileResponse(path, media_type="image/webp", headers=headers)

    @routes.get(
        "/workflows/{name:path}/models/details",
        Access.OWNER,
        work=Work.CATALOG,
        response_model=ModelDetailsDoc,
    )
    def get_model(
        self, value: str, asked: Annotated[ModelField, Depends()], owner: Owner
    ) -> AsciiJSON:
        """Return what a model's file says about itself, such as its trigger words.

        `value`: one of the field's choices.
        """
        offer = self._offer(asked, owner)
        return AsciiJSON(ModelDetailsDoc(**asdict(self.models.details(offer.one(value)))))


@dataclass(frozen=True)
class _Offer:
    """The choices of a field of a form, or of a column of its rows. `likely`: the model folder that
    the node's class lists, "" if unknown. `query`: what names the field in an address."""

    models: ModelFiles
    form: Form
    field: Field
    likely: str
    query: str

    @cached_property
    def values(self) -> frozenset[object]:
        return frozenset(value for _, value in self.field.choices or ())

    def served(self) -> Mapping[str, ServedFile]:
        """Return the choices that are model files of the servers. Waits for the servers."""
        return self.models.among(self.values, self.likely)

    def base(self, chosen: Sequence[str]) -> str:
        """Return the base model of the form's model, "" if unknown. Waits for the servers.
        `chosen`: values for the form's models, instead of the author's."""
        fields = {(one.node, one.input): one for one in self.form.fields if one.is_choice}
        for node, content in self.form.prompt.items():
            for name, value in content["inputs"].items():
                folder = folder_of_loader(content["class_type"], name)
                if folder not in _MAIN_FOLDERS or not isinstance(value, str):
                    continue
                field = fields.get((node, name))
                offered = {choice for _, choice in (field.choices if field else None) or ()}
                now = next((one for one in chosen if one in offered), value)
                served = self.models.among([now], folder).get(now)
                if served:
                    self.models.read_bases([served])
                    if base := self.models.known_base(served):
                        return base
        return ""

    def one(self, value: str) -> ServedFile:
        """Return one of the model files. Raises NotThere for a value that the field doesn't
        offer."""
        served = self.served().get(value) if value in self.values else None
        if served is None:
            raise NotThere("This field doesn't offer this model.")
        return served


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
    def list_missing_models(
        request: Request, name: str, *, with_sizes: bool = False, owner: Owner
    ) -> AsciiJSON:
        """Return the models of a workflow that no server has, and their downloads.

        `with_sizes=true` asks the download hosts for unknown sizes, for administrators only.
        """
        files = _missing(models, name, owner)
        return AsciiJSON(
            _document(models, name, owner, files, operates(request), ask_hosts=with_sizes)
        )

    @routes.post(
        "/workflows/{name:path}/missing-models/request",
        Access.OWNER,
        work=Work.CATALOG,
        status_code=204,
    )
    def request_missing_models(request: Request, name: str, owner: Owner) -> Response:
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
                file,
                downloads,
                started.get((file.folder, file.name)),
                models.files,
                reasons=is_administrator,
            )
            for file in files
        ),
        may_get=is_administrator,
        may_ask=not is_administrator and owner != NOBODY and models.lacks(name, owner, files),
        asked=not is_administrator and models.asked(owner, name),
        servers=_servers(lists, numbers) if is_administrator else (),
    )


def _servers(
    lists: Sequence[ServerDownloads], numbers: dict[str, int]
) -> tuple[DownloadServer, ...]:
    return tuple(
        DownloadServer(numbers[at.server.url], at.server.label, at.problem) for at in lists
    )
