"""The inputs of a workflow that an author can put on its form, and the form without settings."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cachetools import LRUCache

from comfy.base.messages import listed, plural
from comfy.comfyui.object_info import Catalog
from comfy.form.build import build_form
from comfy.form.candidates import Candidate, find_candidates
from comfy.form.conventions.toml import names_of
from comfy.form.kinds.registry import KINDS
from comfy.form.limits import allowed_widgets
from comfy.form.model import Field, Form
from comfy.prompt.arrange import arrange
from comfy.prompt.model import InputRef
from comfy.prompt.trace import Output, find_outputs
from comfy.workflow.config import FieldConfig, FormConfig
from comfy.workflow.model import Workflow
from comfy.workflow.sanitize import fixed_inputs
from comfy.workflow.settings import FieldNames

_CACHED = 20  # workflows
_MOST_NAMED = 5  # nodes


@dataclass(frozen=True, slots=True)
class EditableInput:
    """An input as the form shows it without its author's settings. `node`, `title`, `class_type`:
    its node. `widgets`: the widgets that it may have."""

    key: str
    node: str
    title: str
    class_type: str
    field: Field
    widgets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Editable:
    """Parts of a form that an author can edit. `inputs`: in the graph's order; `outputs`: all nodes
    with results; `titles`: of all nodes; `names`: the inputs' names in a TOML file; `automatic`:
    the settings that give the form as it is without a file; `unknown`: why some inputs aren't here,
    or empty."""

    inputs: tuple[EditableInput, ...]
    outputs: tuple[Output, ...]
    titles: Mapping[str, str]
    names: FieldNames
    automatic: FormConfig
    unknown: str


def _editable(workflow: Workflow, catalog: Catalog, locked: frozenset[InputRef]) -> Editable:
    """Return what an author can edit in a workflow on this server. `locked`: inputs that aren't
    editable. Inputs of unknown node classes aren't either."""
    arranged = arrange(workflow.prompt, catalog, {})
    candidates = find_candidates(arranged.prompt, catalog)
    plain = _built(workflow, catalog, None)
    fields = {one.key: one for one in plain.fields}
    for one in plain.fields:
        for target in one.targets:
            fields.setdefault(target.key, _of_its_own(one, target))
    known = [one for one in candidates if _is_editable(one, fields.get(one.key), locked)]
    inputs = tuple(
        EditableInput(
            one.key,
            one.node,
            plain.titles.get(one.node, one.node),
            one.class_type,
            fields[one.key],
            allowed_widgets(fields[one.key]),
        )
        for one in known
    )
    return Editable(
        inputs,
        tuple(find_outputs(workflow.prompt, catalog)),
        plain.titles,
        _field_names(candidates),
        _automatic(workflow, catalog, plain, {one.key for one in known}),
        _told_unknown([one for one in candidates if one.node_spec is None]),
    )


def _told_unknown(candidates: Sequence[Candidate]) -> str:
    if not candidates:
        return ""
    nodes = sorted({one.class_type for one in candidates})
    more = ["…"] if len(nodes) > _MOST_NAMED else []
    return plural(
        "Install the missing nodes to edit {count} more input: {nodes}.",
        "Install the missing nodes to edit {count} more inputs: {nodes}.",
        count=len(candidates),
        nodes=listed(nodes[:_MOST_NAMED] + more),
    )


class EditableCache:
    """The editable parts of the workflows that were edited last. They depend on the prompt, the
    author's arrangement in the editor and the server, not on the settings. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known = LRUCache[str, tuple[Catalog, Editable]](_CACHED)

    def get(self, workflow: Workflow, catalog: Catalog, *, is_free: bool) -> Editable:
        """Return what an author can edit. `is_free`: also names of server files."""
        parts = (workflow.title, workflow.app, workflow.promoted, workflow.mappings, is_free)
        content = json.dumps([workflow.name, workflow.prompt, repr(parts)], default=repr)
        key = hashlib.sha256(content.encode()).hexdigest()
        with self._lock:
            known = self._known.get(key)
        if known and known[0] is catalog:
            return known[1]
        locked = frozenset() if is_free else fixed_inputs(workflow.prompt, catalog)
        editable = _editable(workflow, catalog, locked)
        with self._lock:
            self._known[key] = catalog, editable
        return editable


def names_in(workflow: Workflow, catalog: Catalog) -> FieldNames:
    """Return the names of a workflow's inputs in a TOML file."""
    arranged = arrange(workflow.prompt, catalog, {})
    return _field_names(find_candidates(arranged.prompt, catalog))


def _field_names(candidates: Sequence[Candidate]) -> FieldNames:
    """Return the inputs' names in a TOML file. The preferred name has the node's title, if only
    this node has it."""
    keys = {name: one.key for name, one in names_of(candidates).items()}
    preferred = {
        one.key: name
        for one in candidates
        if one.title and keys.get((name := f"{one.title}.{one.input}").lower()) == one.key
    }
    return FieldNames(keys, preferred)


def _built(workflow: Workflow, catalog: Catalog, config: FormConfig | None) -> Form:
    return build_form(replace(workflow, config=config), catalog)


def _of_its_own(field: Field, target: InputRef) -> Field:
    """Return a field for one of the inputs that another field sets."""
    return replace(field, key=target.key, node=target.node, input=target.input, targets=(target,))


def _is_editable(candidate: Candidate, field: Field | None, locked: frozenset[InputRef]) -> bool:
    if field is None or candidate.node_spec is None:
        return False
    if candidate.ref in locked and not field.is_media:
        return False
    return candidate.spec is None or candidate.spec.is_widget or field.group != "hidden"


def _automatic(workflow: Workflow, catalog: Catalog, plain: Form, keys: set[str]) -> FormConfig:
    """Return the settings that give the same form as none: its visible fields in order, each with
    the inputs that it sets. The labels and limits are there only if the form wouldn't have them
    otherwise, such as those from an App."""
    shown = [one for one in plain.fields if one.group != "hidden" and one.key in keys]
    config = FormConfig(
        title=plain.title,
        description=plain.description or None,
        others="auto",
        fields=tuple(_listed(one) for one in shown),
    )
    declared = {one.key: one for one in _built(workflow, catalog, config).fields}
    fields = tuple(
        replace(listed, **_lost(one, declared[one.key])) if one.key in declared else listed
        for listed, one in zip(config.fields, shown, strict=True)
    )
    return replace(config, fields=fields)


def _listed(field: Field) -> FieldConfig:
    also = tuple(one.key for one in field.targets if one.key != field.key)
    return FieldConfig(
        field.key,
        group=None if field.group == "main" or field.section else field.group,
        section=field.section,
        also=also,
    )


def _lost(field: Field, declared: Field) -> dict[str, Any]:
    """Return the settings that a field needs to be like another one."""
    wanted: dict[str, tuple[object, object]] = {
        "label": (field.label, declared.label),
        "help": (field.tooltip or None, declared.tooltip or None),
        "min": (field.min, declared.min),
        "max": (field.max, declared.max),
        "step": (field.step, declared.step),
        "widget": (field.widget, declared.widget),
        "required": (field.required, declared.required),
    }
    is_number = KINDS[field.widget].input_types & {"INT", "FLOAT"}
    limits = () if is_number else ("min", "max", "step")
    return {
        key: value
        for key, (value, other) in wanted.items()
        if value is not None and value != other and key not in limits
    }
