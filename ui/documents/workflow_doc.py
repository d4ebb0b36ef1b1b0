"""Documents of workflows, chains, presets and the servers' templates, for programs and for the
page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from comfy.requirements.readiness import Readiness
from comfy.templates.index import MediaKind, Template

WorkflowKind = Literal["workflow", "chain"]
Need = Literal[
    "nothing", "key", "models", "choices", "nodes", "comfyui", "paid nodes", "another workflow"
]


@dataclass(frozen=True, slots=True)
class WorkflowPage:
    """State of a workflow that only the page shows. `blocked`: the server lacks a required part.
    `thumb`: the path of an example image, or empty."""

    blocked: bool
    thumb: str


@dataclass(frozen=True, slots=True)
class ListedWorkflow:
    """A workflow in a list. `problem`: the reason it can't be used, or empty. `url`: the path of
    its fields. `page`: null for programs."""

    name: str
    title: str
    kind: WorkflowKind
    problem: str
    url: str
    page: WorkflowPage | None = None


@dataclass(frozen=True, slots=True)
class WorkflowsDoc:
    """All workflows and chains of a user."""

    workflows: tuple[ListedWorkflow, ...]


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """Result of opening a file. `name`: a workflow or a chain. `values`: new values for its form,
    null to leave them unchanged. `missing`: labels of fields whose files are missing."""

    name: str
    values: Mapping[str, Any] | None = None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SharedWorkflow:
    """Name of a workflow that was added for all users."""

    name: str


@dataclass(frozen=True, slots=True)
class PresetsDoc:
    """Names of a user's own presets and of the shared presets. `own_values`, `shared_values`: for
    each, the first values that differ from the form's, as text. `may_share`: this user may change
    the shared presets."""

    own: tuple[str, ...]
    own_values: tuple[str, ...]
    shared: tuple[str, ...]
    shared_values: tuple[str, ...]
    may_share: bool


@dataclass(frozen=True, slots=True)
class PresetValues:
    """Values of a preset by field key."""

    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TemplateDoc:
    """A template. `pack`: the node pack that brings it, "" for ComfyUI itself. `models`: names for
    users. `size`: bytes of all its models, 0 if unknown. `version`: the oldest ComfyUI that it
    supports, "" if unknown. `usage`: how often its makers' users open it. `thumb`: the path of an
    example image, "" without one. `url`: the path that opens it with POST."""

    id: str
    title: str
    description: str
    category: str
    pack: str
    tags: tuple[str, ...]
    models: tuple[str, ...]
    inputs: tuple[MediaKind, ...]
    outputs: tuple[MediaKind, ...]
    size: int
    version: str
    date: str
    usage: int
    thumb: str
    url: str


@dataclass(frozen=True, slots=True)
class TemplatesDoc:
    """All templates of the servers."""

    templates: tuple[TemplateDoc, ...]


@dataclass(frozen=True, slots=True)
class ModelDoc:
    """A model file that the servers lack. `folder`: below ComfyUI's models folder. `size`: bytes.
    Each is "" or 0 if unknown."""

    name: str
    folder: str
    url: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class PackDoc:
    """A node pack that the servers lack: its id in the registry or its repository, its version (""
    if unknown) and its page."""

    id: str
    version: str
    url: str


@dataclass(frozen=True, slots=True)
class ReadinessDoc:
    """Parts of a template's requirements that are missing. `needs`: the one that takes most effort;
    "key" if only an API key for paid nodes is missing. `size`: bytes of the missing models, 0 if
    unknown. `classes`: missing node classes of unknown packs. `version`: the ComfyUI that it needs,
    "?" if unknown. `is_paid`: runs cost credits of comfy.org."""

    can_run: bool
    needs: Need
    models: tuple[ModelDoc, ...]
    size: int
    packs: tuple[PackDoc, ...]
    classes: tuple[str, ...]
    version: str
    is_paid: bool


@dataclass(frozen=True, slots=True)
class TemplatesReadiness:
    """Readiness of the servers, by template id. `is_complete`: no template is left to check."""

    templates: Mapping[str, ReadinessDoc]
    is_complete: bool


def template_doc(template: Template, url: str) -> TemplateDoc:
    """Return a template's document. `url`: the path that opens it."""
    return TemplateDoc(
        id=template.id,
        title=template.title,
        description=template.description,
        category=template.category,
        pack=template.pack,
        tags=template.tags,
        models=template.models,
        inputs=template.inputs,
        outputs=template.outputs,
        size=template.declared.size,
        version=template.declared.version,
        date=template.date,
        usage=template.usage,
        thumb=f"{url}/thumb" if template.thumbnail else "",
        url=url,
    )


def readiness_doc(found: Readiness, *, has_key: bool) -> ReadinessDoc:
    """Return the document of a template's missing parts. `has_key`: an API key can pay for the
    user's runs."""
    needs = "key" if found.can_run and found.is_paid and not has_key else _need(found)
    return ReadinessDoc(
        can_run=needs == "nothing",
        needs=needs,
        models=tuple(
            ModelDoc(one.name, one.folder, one.url, one.sha256, one.size) for one in found.models
        ),
        size=found.size,
        packs=tuple(PackDoc(one.id, one.version, one.url) for one in found.packs),
        classes=found.classes,
        version=found.version,
        is_paid=found.is_paid,
    )


def _need(found: Readiness) -> Need:
    if found.can_run:
        return "nothing"
    if not found.is_valid:
        return "another workflow"
    if found.version:
        return "comfyui"
    if found.packs or found.classes:
        return "nodes"
    if found.paid_is_off:
        return "paid nodes"
    return "models" if found.models else "choices"
