"""Type of the rows of `table.py`, and their look-up."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from comfy.comfyui.object_info import NodeSpec
from comfy.form.core_inputs.slide import SlideRange

# First parts of the Python modules of ComfyUI's own node classes. Packs are in `custom_nodes`.
_CORE = frozenset({"nodes", "comfy_extras"})
_PAID = "comfy_api_nodes"


@dataclass(frozen=True, slots=True)
class CoreInput:
    """Help and range of an input.

    `inputs` are names of inputs and `types` their types, separated by spaces. `classes` is a
    pattern for the start of the name of the node class, None for any class.
    """

    inputs: str
    types: str
    help: str = ""
    slide: SlideRange | None = None
    classes: re.Pattern[str] | None = None

    def fits(self, class_type: str, name: str, type_: str) -> bool:
        """Return whether the row is about this input."""
        is_named = name in self.inputs.split() and type_ in self.types.split()
        return is_named and (self.classes is None or bool(self.classes.match(class_type)))


@dataclass(frozen=True, slots=True)
class OwnWords:
    """Entry of the table for one input. `help` replaces the server's tooltip if `replaces`, and
    otherwise fills in for a missing one."""

    help: str = ""
    slide: SlideRange | None = None
    replaces: bool = False


NO_WORDS = OwnWords()


def is_comfyuis(spec: NodeSpec) -> bool:
    """Return whether a class is ComfyUI's own or one of its paid nodes."""
    return _module(spec) in _CORE | {_PAID}


def _module(spec: NodeSpec) -> str:
    return str(spec.raw.get("python_module", "nodes")).partition(".")[0]


def own_words(rows: Iterable[CoreInput], spec: NodeSpec | None, name: str, type_: str) -> OwnWords:
    """Return the entry for an input of a node class.

    The input of a custom node gets only a range, and only from a row for any class. ComfyUI's paid
    nodes keep their tooltips, which name the limits of the service.
    """
    if spec is None:
        return NO_WORDS
    row = next((one for one in rows if one.fits(spec.class_type, name, type_)), None)
    if row is None:
        return NO_WORDS
    if is_comfyuis(spec):
        return OwnWords(row.help, row.slide, _module(spec) != _PAID)
    return NO_WORDS if row.classes else OwnWords(slide=row.slide)
