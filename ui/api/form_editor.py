"""The form editor: settings of a form, drafts and versions, and covers from results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import groupby, starmap
from typing import Any

from fastapi import Response

from comfy.base.errors import RunNotFound, WorkflowError
from comfy.base.files import plain_name
from comfy.base.messages import message
from comfy.form.model import Form
from comfy.library.editing.editor import EditedForm, FormEditor, SavedDraft, SavedVersion
from comfy.library.editing.inputs import EditableInput
from comfy.library.private import MARK as OPENED_MARK
from comfy.media.checks import MIB
from comfy.media.thumbnails import image_within
from comfy.workflow.config import FieldConfig, FormConfig, parse_config
from comfy.workflow.settings import field_values, form_values
from ui.api.problems import NotThere
from ui.documents.editor_doc import (
    CoverDoc,
    DraftDoc,
    DraftProblems,
    EditorDoc,
    EditorInput,
    EditorNode,
    EditorOutput,
    FieldSettings,
    FormSettings,
    FormVersion,
    OutputSettings,
)
from ui.files.copies import FileCopies
from ui.files.result_files import as_file
from ui.library import WorkflowLibrary
from ui.web.access import Access, GuardedRoutes, Owner
from ui.web.identity import Identity
from ui.web.responses import NO_STORE, AsciiJSON


def editor_doc(edited: EditedForm, form: Form) -> EditorDoc:
    """Return the document of a form in the editor. `form`: as users see it now."""
    shown = {
        target.key for field in form.fields if field.group != "hidden" for target in field.targets
    }
    labels = {one.node: one.label for one in form.outputs}
    nodes = groupby(edited.parts.inputs, key=lambda one: (one.node, one.title, one.class_type))
    return EditorDoc(
        version=edited.version,
        settings=_form_settings(edited.settings),
        draft=_draft(edited.draft) if edited.draft else None,
        original=_form_settings(edited.original) if edited.original else None,
        automatic=_form_settings(edited.parts.automatic),
        inputs=tuple(
            EditorNode(*node, tuple(_input(one, is_shown=one.key in shown) for one in inputs))
            for node, inputs in nodes
        ),
        outputs=tuple(
            EditorOutput(
                one.node,
                edited.parts.titles.get(one.node, ""),
                one.kind,
                one.node in labels,
                labels.get(one.node, ""),
            )
            for one in edited.parts.outputs
        ),
        images=edited.images,
        can_undo=edited.can_undo,
        problem=edited.problem,
        unknown=edited.parts.unknown,
    )


def _draft(draft: SavedDraft) -> DraftDoc:
    return DraftDoc(_form_settings(draft.settings), draft.at, draft.by)


def _version_doc(saved: SavedVersion) -> FormVersion:
    version = saved.version
    settings = _form_settings(saved.settings)
    return FormVersion(
        version.id, version.at, version.by, saved.summary, saved.is_current, settings
    )


def _input(one: EditableInput, *, is_shown: bool) -> EditorInput:
    field = one.field
    return EditorInput(
        key=one.key,
        label=field.label,
        type=field.type,
        widget=field.widget,
        widgets=one.widgets,
        value=field.default,
        min=field.min,
        max=field.max,
        step=field.step,
        choices=field.choices,
        help=field.tooltip,
        group=field.section or field.group,
        is_shown=is_shown,
    )


def _editor_json(doc: EditorDoc) -> dict[str, Any]:
    """Return the document as JSON, with only those settings that are set."""
    content = asdict(doc)
    for part in ("settings", "original", "automatic"):
        content[part] = content[part] and _settings_json(content[part])
    if draft := content["draft"]:
        draft["settings"] = _settings_json(draft["settings"])
    return content


def _version_json(version: FormVersion) -> dict[str, Any]:
    """Return a version as JSON, with only those settings that are set."""
    content = asdict(version)
    return content | {"settings": _settings_json(content["settings"])}


def _settings_json(settings: Mapping[str, Any]) -> dict[str, Any]:
    fields = [_set_only(one) for one in settings["fields"]]
    lists = {key: settings[key] for key in ("ideas", "outputs")}
    return _set_only(settings) | lists | {"fields": fields}


def _set_only(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None and value != ()}


def _form_settings(config: FormConfig) -> FormSettings:
    """Return settings as a document."""
    values = form_values(config) | {
        "others": config.others,
        "ideas": config.ideas,
        "outputs": tuple(starmap(OutputSettings, config.outputs.items())),
    }
    return FormSettings(**values, fields=tuple(map(_field_settings, config.fields)))


def _field_settings(config: FieldConfig) -> FieldSettings:
    values = field_values(config)
    lists = {key: tuple(one) for key, one in values.items() if isinstance(one, list)}
    return FieldSettings(config.name, **values | lists)


def _config_from(given: FormSettings) -> FormConfig:
    """Return the settings in a request. Empty texts count as not set, except for a default.
    Settings that can't be used become problems."""
    content = _filled(asdict(given)) | {
        "outputs": {one.node: one.label for one in given.outputs},
        "ideas": [one.strip() if isinstance(one, str) else one for one in given.ideas if one],
        "fields": {one.key: _field(asdict(one)) for one in given.fields},
    }
    filled = {key: one for key, one in content.items() if one not in ([], {})}
    return parse_config("The form", filled)


def _field(given: Mapping[str, Any]) -> dict[str, Any]:
    default = given["default"]
    if isinstance(default, list | dict):  # rows are JSON in TOML
        default = json.dumps(default)
    values = _filled({key: one for key, one in given.items() if key not in ("key", "default")})
    return values if default is None else values | {"default": default}


def _filled(given: Mapping[str, Any]) -> dict[str, Any]:
    stripped = {
        key: value.strip() if isinstance(value, str) else value for key, value in given.items()
    }
    lists = {key: [*value] for key, value in stripped.items() if isinstance(value, list | tuple)}
    return {key: one for key, one in (stripped | lists).items() if one not in (None, "", [])}


def _result_image(copies: FileCopies, owner: str, run: str, index: int) -> bytes:
    """Return a WebP of an image from a user's run. Raises RunNotFound if it doesn't exist, and
    WorkflowError for other files."""
    record = copies.runs.record(run, owner)
    if not 0 <= index < len(record.state.files):
        raise RunNotFound
    path = copies.uploads.find(owner, copies.of_result(record, index))
    if path is None:
        raise RunNotFound
    with path.open("rb") as file, copies.blobs.turns.turn_of(owner):
        image = image_within(file, 2 * MIB)
    if image is None:
        raise WorkflowError(
            message("This file can't be a cover."), message("Choose a result that is an image.")
        )
    return image


@dataclass(frozen=True, slots=True)
class NewSettings:
    """Settings to save. `version`: as the editor read it; `overwrite`: save even if the settings
    were changed since."""

    settings: FormSettings
    version: str = ""
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class PreviewedSettings:
    """Settings that aren't saved yet."""

    settings: FormSettings


@dataclass(frozen=True, slots=True)
class SeenVersion:
    """The version of the settings as the editor read it, null to change any version."""

    version: str | None = None


@dataclass(frozen=True, slots=True)
class ResultPlace:
    """A result: the id of its run, and its index among the run's files."""

    run: str
    index: int = 0


def form_editor_api(
    editor: FormEditor, library: WorkflowLibrary, copies: FileCopies, identity: Identity
) -> GuardedRoutes:
    """Return the routes below `/workflows/{name}/editor`."""
    return GuardedRoutes.of(FormEditorHandlers(editor, library, copies, identity))


@dataclass(frozen=True, slots=True)
class FormEditorHandlers:
    """Handlers of the routes of the form editor."""

    editor: FormEditor
    library: WorkflowLibrary
    copies: FileCopies
    identity: Identity

    routes = GuardedRoutes("/workflows/{name:path}/editor", tags=["Form editor"])

    def _editor_of(self, name: str, owner: str) -> FormEditor:
        """Return the editor for a workflow. Raises NotThere for a chain."""
        if self.library.is_chain(name, owner):
            raise NotThere(message("Chains can't be edited here."))
        return self.editor

    def _opened(self, owner: str, name: str) -> AsciiJSON:
        opened = self._editor_of(name, owner).open(owner, name)
        return AsciiJSON(_editor_json(editor_doc(opened, self.library.form(name, owner))))

    @routes.get("", Access.OWNER, response_model=EditorDoc)
    def get_editor(self, name: str, owner: Owner) -> AsciiJSON:
        """Return the settings of a form, and everything that can be edited."""
        return self._opened(owner, name)

    @routes.put("", Access.OWNER, audit="publish", response_model=EditorDoc)
    def save_form(self, name: str, given: NewSettings, owner: Owner) -> AsciiJSON:
        """Publish the settings of a form for all its users. Its draft is gone."""
        settings, by = _config_from(given.settings), self.identity.name_of(owner)
        editor = self._editor_of(name, owner)
        editor.save(owner, name, settings, given.version, by, force=given.overwrite)
        return self._opened(owner, name)

    @routes.put("/draft", Access.OWNER, response_model=EditorDoc)
    def save_form_draft(self, name: str, given: NewSettings, owner: Owner) -> AsciiJSON:
        """Save settings as a draft, which only authors see.

        The published settings remove the draft.
        """
        settings, by = _config_from(given.settings), self.identity.name_of(owner)
        editor = self._editor_of(name, owner)
        editor.save_draft(owner, name, settings, given.version, by, force=given.overwrite)
        return self._opened(owner, name)

    @routes.post("/draft", Access.OWNER, response_model=DraftProblems)
    def preview_form(self, name: str, given: PreviewedSettings, owner: Owner) -> AsciiJSON:
        """Remember settings for a while without saving them, so that your page can draw them."""
        settings = _config_from(given.settings)
        return AsciiJSON(DraftProblems(self._editor_of(name, owner).preview(owner, name, settings)))

    @routes.delete("/draft", Access.OWNER, status_code=204)
    def end_form_preview(self, name: str, owner: Owner) -> Response:
        """Forget previewed settings. A saved draft stays."""
        self._editor_of(name, owner).end_preview(owner, name)
        return Response(status_code=204)

    @routes.post("/undo", Access.OWNER, audit="publish", response_model=EditorDoc)
    def undo_form(self, name: str, given: SeenVersion, owner: Owner) -> AsciiJSON:
        """Take back the last change of a form's settings. Repeat it to go further back."""
        self._editor_of(name, owner).undo(owner, name, given.version)
        return self._opened(owner, name)

    @routes.post("/revert", Access.OWNER, audit="publish", response_model=EditorDoc)
    def revert_form(self, name: str, given: SeenVersion, owner: Owner) -> AsciiJSON:
        """Remove the settings of a form.

        It is automatic again. The settings stay in its history.
        """
        self._editor_of(name, owner).revert(
            owner, name, given.version, self.identity.name_of(owner)
        )
        return self._opened(owner, name)

    @routes.get("/history", Access.OWNER, response_model=list[FormVersion])
    def list_form_versions(self, name: str, owner: Owner) -> AsciiJSON:
        """Return the last versions of a form's settings, newest first."""
        versions = self._editor_of(name, owner).versions(owner, name)
        return AsciiJSON([_version_json(_version_doc(one)) for one in versions])

    @routes.post("/history/{version_id}", Access.OWNER, audit="publish", response_model=EditorDoc)
    def restore_form_version(
        self, version_id: str, name: str, given: SeenVersion, owner: Owner
    ) -> AsciiJSON:
        """Restore a version of a form's settings."""
        by = self.identity.name_of(owner)
        self._editor_of(name, owner).restore(owner, name, given.version, version_id, by)
        return self._opened(owner, name)

    @routes.get(
        "/file",
        Access.OWNER,
        response_class=Response,
        responses={200: {"content": {"application/toml": {"schema": {"type": "string"}}}}},
    )
    def get_form_settings(self, name: str, owner: Owner) -> Response:
        """Download the TOML file with a form's settings."""
        title = plain_name(name.rpartition("/")[2].removeprefix(OPENED_MARK))
        return Response(
            self._editor_of(name, owner).file(owner, name).encode(),
            media_type="application/toml",
            headers=NO_STORE | as_file(f"{title}.toml"),
        )

    @routes.put("/cover", Access.OWNER, response_model=CoverDoc)
    def set_form_cover(self, name: str, given: ResultPlace, owner: Owner) -> AsciiJSON:
        """Copy an image from your results beside a workflow, as WebP of at most 1024 pixels.

        It becomes the cover when the settings name it.
        """
        editor = self._editor_of(name, owner)
        image = _result_image(self.copies, owner, given.run, given.index)
        return AsciiJSON(CoverDoc(editor.add_cover(owner, name, image)))
