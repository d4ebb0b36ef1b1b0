"""Sources of a form on the page."""

from __future__ import annotations

from dataclasses import dataclass

from comfy.launch.payment import Payment
from comfy.library.permissions import Removal
from comfy.runs.interface import RunRegistry
from comfy.templates.known_parts import KnownParts
from ui.files.copies import FileCopies
from ui.library import WorkflowLibrary


@dataclass(frozen=True, slots=True)
class FormSources:
    """Workflows, files and runs. `payment`: rules for paid runs; `signs_in`: users have accounts,
    except guests; `largest_file`: bytes; `known_parts`: sources of missing parts; `demo`: the
    server is the stand-in."""

    library: WorkflowLibrary
    removal: Removal
    copies: FileCopies
    runs: RunRegistry
    payment: Payment
    signs_in: bool
    largest_file: int
    known_parts: KnownParts
    demo: bool
