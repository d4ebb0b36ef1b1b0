"""Documents of the form editor. A setting that is missing or null isn't set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class FieldSettings:
    """The author's settings for a field. `key`: its input; for a table whose input the workflow
    doesn't have, its name in the file."""

    key: str
    label: str | None = None
    help: str | None = None
    group: str | None = None
    hidden: bool | None = None
    default: Any = None
    min: int | float | None = None
    max: int | float | None = None
    step: int | float | None = None
    widget: str | None = None
    choices: tuple[str | int | float | bool, ...] = ()
    required: bool | None = None
    also: tuple[str, ...] = ()
    closest: bool | None = None


@dataclass(frozen=True, slots=True)
class OutputSettings:
    """A node whose results the form shows, and their name."""

    node: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class FormSettings:
    """The author's settings for a form, with its fields in order."""

    title: str | None = None
    description: str | None = None
    order: int | float | None = None
    others: Literal["advanced", "auto", "hidden"] = "advanced"
    cover: str | None = None
    ideas: tuple[str | dict[str, Any], ...] = ()
    outputs: tuple[OutputSettings, ...] = ()
    fields: tuple[FieldSettings, ...] = ()


@dataclass(frozen=True, slots=True)
class EditorInput:
    """An input as the form shows it without its author's settings. `widgets`: the widgets that it
    may have. `is_shown`: it is a visible field of the form, or set by one."""

    key: str
    label: str
    type: str
    widget: str
    widgets: tuple[str, ...]
    value: Any
    min: int | float | None
    max: int | float | None
    step: int | float | None
    choices: tuple[tuple[str, Any], ...] | None
    help: str
    group: str
    is_shown: bool


@dataclass(frozen=True, slots=True)
class EditorNode:
    """A node with the inputs that can be fields."""

    node: str
    title: str
    class_type: str
    inputs: tuple[EditorInput, ...]


@dataclass(frozen=True, slots=True)
class EditorOutput:
    """A node with results. `label`: their name on the form."""

    node: str
    title: str
    kind: str
    is_shown: bool
    label: str


@dataclass(frozen=True, slots=True)
class DraftDoc:
    """Settings that only authors see, in the editor. `at`: seconds since 1970; `by`: the user's
    name, or empty."""

    settings: FormSettings
    at: float
    by: str


@dataclass(frozen=True, slots=True)
class EditorDoc:
    """A form in the editor. `version`: of its settings and the draft, empty without any.
    `settings`: what the file says; `original`: what the file that came with the workflow said;
    `automatic`: the settings that give the form as it is without a file. `problem`: why the file
    can't be read, or empty. `unknown`: why inputs of missing nodes can't be edited, or empty.
    `images`: the names of images beside the workflow."""

    version: str
    settings: FormSettings
    draft: DraftDoc | None
    original: FormSettings | None
    automatic: FormSettings
    inputs: tuple[EditorNode, ...]
    outputs: tuple[EditorOutput, ...]
    images: tuple[str, ...]
    can_undo: bool
    problem: str = ""
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class DraftProblems:
    """Messages about parts of a form with these settings that won't work."""

    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FormVersion:
    """An earlier state of a form's settings. `at`: seconds since 1970; `by`: the user's name, or
    empty. `summary`: what was changed. `is_current`: the form has these settings now."""

    id: str
    at: float
    by: str
    summary: str
    is_current: bool
    settings: FormSettings


@dataclass(frozen=True, slots=True)
class CoverDoc:
    """Image that was copied beside a workflow. `cover`: its file name."""

    cover: str
