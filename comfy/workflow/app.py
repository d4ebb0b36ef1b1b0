"""The author's form in ComfyUI's editor: the inputs of an App, and the inputs that a subgraph
promotes."""

from __future__ import annotations

from dataclasses import dataclass

from comfy.prompt.model import InputRef


@dataclass(frozen=True, slots=True)
class ShownInput:
    """Widget that an author exposed, in an App or on the outside of a subgraph.

    `targets` are the prompt inputs that it sets, as in the editor. `label` is the author's name for
    it (empty if not set). The limits are the author's; None means that only the server's apply.
    `height` is in pixels, None if not set. `fixed` is the value of a seed that stays the same from
    run to run, None for others. `is_primitive` is True for a value in a PrimitiveNode,
    whose title only names it.
    """

    targets: tuple[InputRef, ...]
    label: str = ""
    min: int | float | None = None
    max: int | float | None = None
    step: int | float | None = None
    tooltip: str = ""
    height: int | None = None
    is_primitive: bool = False
    fixed: int | None = None


@dataclass(frozen=True, slots=True)
class App:
    """Form that a graph's author built in the editor (App mode): inputs in order, and the
    outputs."""

    inputs: tuple[ShownInput, ...]
    outputs: tuple[str, ...] = ()
