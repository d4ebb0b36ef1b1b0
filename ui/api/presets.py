"""Presets: named values of a form, of one user or shared by all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import shorten
from typing import Any

from fastapi import Request, Response

from comfy.base.errors import ComfyError
from comfy.base.messages import message
from comfy.form.check import check
from comfy.form.model import Field, Form
from comfy.records.presets import EVERYBODY, Preset
from comfy.records.store import RunStore
from comfy.runs.interface import RunRegistry
from ui.documents.browser_values import seed_of, seed_parts
from ui.documents.workflow_doc import PresetsDoc, PresetValues
from ui.files.copies import FileCopies
from ui.files.preset_files import PresetFiles
from ui.languages.current import translated
from ui.library import WorkflowLibrary
from ui.web.access import Access, GuardedRoutes, Owner
from ui.web.identity import NOBODY
from ui.web.responses import AsciiJSON
from ui.web.shares import Work, shared_address

_NOT_KEPT = message("Presets are turned off.")


@dataclass(frozen=True, slots=True)
class GivenPreset:
    """Preset to save; `values` in the browser's format."""

    name: str
    values: dict[str, Any]
    shared: bool = False


@dataclass(frozen=True, slots=True)
class NewName:
    """New name of a preset."""

    name: str


def presets_api(runs: RunRegistry, library: WorkflowLibrary, copies: FileCopies) -> GuardedRoutes:
    """Return the routes of `/presets`, each for a `workflow` that the user can open. Only users who
    may add workflows can change `shared` presets."""
    return GuardedRoutes.of(PresetHandlers(runs, library, copies))


@dataclass(frozen=True, slots=True)
class PresetHandlers:
    """Handlers of the routes of `/presets`."""

    runs: RunRegistry
    library: WorkflowLibrary
    copies: FileCopies

    routes = GuardedRoutes("/presets", tags=["Presets"])

    def _history_of(self, owner: str) -> RunStore:
        if owner == NOBODY:
            raise ComfyError(_NOT_KEPT, message("Allow cookies for this page."))
        return self.runs.history

    def _keeper(self, owner: str, *, shared: bool) -> str:
        if shared and not self.library.forms.permissions.keep(owner):
            raise ComfyError(
                message("You can't change shared presets."),
                message("Save one of your own."),
            )
        return EVERYBODY if shared else owner

    @routes.get("", Access.OWNER, summary="List", work=Work.CATALOG, response_model=PresetsDoc)
    def list_presets(self, workflow: str, owner: Owner) -> AsciiJSON:
        """Return the names of your presets and of the shared ones of a workflow."""
        form = self.library.form(workflow, owner)
        kept = self._history_of(owner).presets
        own, shared = kept.of(owner, workflow), kept.of(EVERYBODY, workflow)
        return AsciiJSON(
            PresetsDoc(
                own=tuple(preset.name for preset in own),
                own_values=tuple(_first_values(form, preset.values) for preset in own),
                shared=tuple(preset.name for preset in shared),
                shared_values=tuple(_first_values(form, preset.values) for preset in shared),
                may_share=self.library.forms.permissions.keep(owner),
            )
        )

    @routes.get("/values", Access.OWNER, work=Work.CATALOG, response_model=PresetValues)
    def get_preset(
        self, workflow: str, name: str, *, shared: bool = False, owner: Owner
    ) -> AsciiJSON:
        """Return a preset's values, with copies of its files for you."""
        self.library.form(workflow, owner)
        kept = self._history_of(owner)
        preset = kept.presets.get(EVERYBODY if shared else owner, workflow, name)
        form = self.library.form(workflow, owner, {**preset.values, **preset.files})
        return AsciiJSON(PresetValues(PresetFiles(self.copies, kept).values(form, preset, owner)))

    @routes.post("", Access.OWNER, work=Work.CATALOG, status_code=204)
    def save_preset(
        self, request: Request, workflow: str, given: GivenPreset, owner: Owner
    ) -> Response:
        """Save values of a form, with copies of its files.

        Invalid values are left out. A preset with the same name is overwritten.
        """
        form = self.library.form(workflow, owner, given.values)
        whose, kept = self._keeper(owner, shared=given.shared), self._history_of(owner)
        with PresetFiles(self.copies, kept).kept(form, given.values, owner) as files:
            preset = Preset(given.name.strip(), _right(form, given.values), files)
            address = shared_address(owner, request.scope)
            kept.presets.save(whose, workflow, preset, address)
        return Response(status_code=204)

    @routes.patch("", Access.OWNER, work=Work.CATALOG, status_code=204)
    def rename_preset(
        self, workflow: str, name: str, given: NewName, *, shared: bool = False, owner: Owner
    ) -> Response:
        """Rename a preset; the new name must be free."""
        self.library.form(workflow, owner)
        whose, kept = self._keeper(owner, shared=shared), self._history_of(owner)
        kept.presets.rename(whose, workflow, name, given.name.strip())
        return Response(status_code=204)

    @routes.delete("", Access.OWNER, work=Work.CATALOG, status_code=204)
    def delete_preset(
        self, workflow: str, name: str, *, shared: bool = False, owner: Owner
    ) -> Response:
        """Delete a preset with its files."""
        self.library.form(workflow, owner)
        whose, presets = self._keeper(owner, shared=shared), self._history_of(owner).presets
        presets.get(whose, workflow, name)  # raises if it doesn't exist
        presets.delete(whose, workflow, name)
        return Response(status_code=204)


def _right(form: Form, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that their fields accept."""
    fields = {
        field.key: field
        for field in form.fields
        if field.key in values and field.group != "hidden" and not field.is_media
    }
    _, errors = check(form, {key: _given(field, values[key]) for key, field in fields.items()})
    return {key: values[key] for key in fields if key not in errors}


def _first_values(form: Form, values: Mapping[str, Any]) -> str:
    """Return up to three values that differ from the form's, with the labels of their fields."""
    told = []
    for field in form.fields:
        value = values.get(field.key)
        is_told = isinstance(value, str | float | int) and not isinstance(value, bool)
        if is_told and not field.is_seed and value not in ("", field.default):
            words = shorten(str(value), 40, placeholder="…")
            told.append(f"{translated(field.label)} {words}")
    return " · ".join(told[:3])


def _given(field: Field, value: object) -> object:
    """Convert a value from the browser's storage to the form's format."""
    return seed_of(*seed_parts(value)) if field.is_seed else value
