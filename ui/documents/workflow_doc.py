"""Documents of workflows, chains and presets, for programs and for the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

WorkflowKind = Literal["workflow", "chain"]


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
    """Names of a user's own presets and of the shared presets. `may_share`: this user may change
    the shared presets."""

    own: tuple[str, ...]
    shared: tuple[str, ...]
    may_share: bool


@dataclass(frozen=True, slots=True)
class PresetValues:
    """Values of a preset by field key."""

    values: Mapping[str, Any]
