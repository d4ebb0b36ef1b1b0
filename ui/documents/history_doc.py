"""A list of a user's runs, for programs and for the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from comfy.comfyui.protocol.result_types import FileKind
from ui.documents.run_doc import RunDoc


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Part of a list that only the page needs. `days`: the days ("2026-11-18") on which all
    matching runs ended, newest first, with their counts. `any`: the user has finished runs."""

    days: tuple[tuple[str, int], ...] = ()
    any: bool = False


@dataclass(frozen=True, slots=True)
class HistoryDoc:
    """A list of runs. `next`: the `cursor` of the next part, null on the last. `page`: null for
    programs."""

    runs: tuple[RunDoc, ...]
    next: str | None = None
    page: HistoryPage | None = None


@dataclass(frozen=True, slots=True)
class FormValues:
    """Values of a form. `workflow`: a workflow or a chain. `values`: by field key."""

    workflow: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SharedValues(FormValues):
    """Values of a form, and the shared result that was made with them: its path below the app's
    root, and its kind."""

    url: str
    kind: FileKind


@dataclass(frozen=True, slots=True)
class ChangedRuns:
    """The number of runs that a request has changed."""

    runs: int
