"""Models that a field of a form offers: their files, preview images and metadata.

Each request names a field of a workflow that the caller may open, and a value that it offers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Depends, Header
from fastapi.responses import FileResponse
from starlette.responses import Response

from comfy.base.errors import WorkflowError
from comfy.form.model import Field, Form
from comfy.model_files.lists import ModelFiles, ServedFile
from comfy.requirements.readiness import folder_of_loader
from ui.api.problems import NotThere
from ui.documents.model_list_doc import ListedModel, ModelDetailsDoc, ModelListDoc
from ui.library import WorkflowLibrary
from ui.web.access import Access, GuardedRoutes
from ui.web.identity import Identity
from ui.web.responses import API, AsciiJSON, has_tag
from ui.web.shares import Work

_KEEP = {"cache-control": "private, max-age=600"}
_IMAGE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/webp": {}}},
    204: {"description": "The model has no image."},
}


def model_picker_api(
    models: ModelFiles, library: WorkflowLibrary, identity: Identity, root: str
) -> GuardedRoutes:
    """Return `GET /workflows/{name}/models`, and below it the preview and the details of one
    model."""
    routes = GuardedRoutes(tags=["Workflows"])

    def offer(
        name: str, field: str, column: str = "", owner: str = Depends(identity.caller)
    ) -> _Offer:
        return _offered(models, library.form, name, owner, field, column)

    @routes.get(
        "/workflows/{name:path}/models",
        Access.OWNER,
        work=Work.CATALOG,
        response_model=ModelListDoc,
    )
    def every(name: str, offer: _Offer = Depends(offer)) -> AsciiJSON:
        """Return the choices of a field with the sizes and dates of their files.

        `field`: the field's key; `column`: a column's key if the field has rows.
        """
        served = offer.served()
        address = f"{root}{API}/workflows/{quote(name)}/models"
        return AsciiJSON(
            ModelListDoc(
                next((one.folder for one in served.values()), ""),
                tuple(
                    _listed(value, label, served.get(value))
                    for label, value in offer.field.choices or ()
                    if isinstance(value, str)
                ),
                preview=f"{address}/preview?{offer.query}",
                details=f"{address}/details?{offer.query}",
            )
        )

    @routes.get(
        "/workflows/{name:path}/models/preview",
        Access.OWNER,
        work=Work.PROCESSOR,
        response_class=Response,
        responses=_IMAGE,
    )
    def preview(
        value: str, offer: _Offer = Depends(offer), if_none_match: str = Header("")
    ) -> Response:
        """Return a model's preview image, a small WebP with `ETag`.

        The status is 204 if the model has none. `value`: one of the field's choices.
        """
        path = models.preview(offer.one(value))
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
    def details(value: str, offer: _Offer = Depends(offer)) -> AsciiJSON:
        """Return what a model's file says about itself, such as its trigger words.

        `value`: one of the field's choices.
        """
        return AsciiJSON(ModelDetailsDoc(**asdict(models.details(offer.one(value)))))

    return routes


@dataclass(frozen=True)
class _Offer:
    """The choices of a field, or of a column of its rows. `likely`: the model folder that the
    node's class lists, "" if unknown. `query`: what names the field in an address."""

    models: ModelFiles
    field: Field
    likely: str
    query: str

    @cached_property
    def values(self) -> frozenset[object]:
        return frozenset(value for _, value in self.field.choices or ())

    def served(self) -> Mapping[str, ServedFile]:
        """Return the choices that are model files of the servers. Waits for the servers."""
        return self.models.among(self.values, self.likely)

    def one(self, value: str) -> ServedFile:
        """Return one of the model files. Raises NotThere for a value that the field doesn't
        offer."""
        served = self.served().get(value) if value in self.values else None
        if served is None:
            raise NotThere("This field doesn't offer this model.")
        return served


def _offered(
    models: ModelFiles,
    form_of: Callable[[str, str], Form],
    name: str,
    owner: str,
    key: str,
    column: str,
) -> _Offer:
    """Return what a field offers. Raises NotThere."""
    try:
        form = form_of(name, owner)
    except WorkflowError as problem:
        raise NotThere(str(problem), problem.hint) from problem
    shown = [one for one in form.fields if one.group != "hidden" and one.key == key]
    if column:
        shown = [one for field in shown for one in field.columns if one.key == column]
    if not shown or not shown[0].is_choice:
        raise NotThere("This field offers no choices.")
    field = shown[0]
    node = form.prompt.get(field.node)
    likely = folder_of_loader(node["class_type"], field.input) if node else ""
    query = urlencode({"field": key} | ({"column": column} if column else {}))
    return _Offer(models, field, likely, query)


def _listed(value: str, label: str, served: ServedFile | None) -> ListedModel:
    folder = str(PurePosixPath(value.replace("\\", "/")).parent)
    return ListedModel(
        value,
        label,
        "" if folder == "." else folder,
        served.file.size if served else 0,
        served.file.modified if served else 0.0,
        is_file=served is not None,
    )
