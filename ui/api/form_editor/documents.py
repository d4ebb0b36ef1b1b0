"""Conversion of the form editor's documents to settings, and back. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from itertools import groupby, starmap
from typing import Any

from comfy.form.model import Form
from comfy.library.editing.editor import EditedForm, SavedDraft, SavedVersion
from comfy.library.editing.inputs import EditableInput
from comfy.workflow.config import FieldConfig, FormConfig, parse_config
from comfy.workflow.settings import field_values, form_values
from ui.documents.editor_doc import (
    DraftDoc,
    EditorDoc,
    EditorInput,
    EditorNode,
    EditorOutput,
    FieldSettings,
    FormSettings,
    FormVersion,
    OutputSettings,
)


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
    )


def _draft(draft: SavedDraft) -> DraftDoc:
    return DraftDoc(_form_settings(draft.settings), draft.at, draft.by)


def version_doc(saved: SavedVersion) -> FormVersion:
    """Return the document of a version."""
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


def editor_json(doc: EditorDoc) -> dict[str, Any]:
    """Return the document as JSON, with only those settings that are set."""
    content = asdict(doc)
    for part in ("settings", "original", "automatic"):
        content[part] = content[part] and _settings_json(content[part])
    if draft := content["draft"]:
        draft["settings"] = _settings_json(draft["settings"])
    return content


def version_json(version: FormVersion) -> dict[str, Any]:
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


def config_from(given: FormSettings) -> FormConfig:
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
