"""The author's form in ComfyUI's editor: the inputs of an App, and those promoted by a subgraph."""

from __future__ import annotations

from dataclasses import dataclass

from comfy.prompt.model import InputRef


@dataclass(frozen=True, slots=True)
class ShownInput:
    """A widget that an author put on show: in an App, or on the outside of a subgraph.

    `targets` are the prompt inputs it sets, as the editor would. `label` is the author's name for
    it ("" if none); the limits are those the author set, None where only the server's count.
    `height` is in pixels, None if not set.
    """

    targets: tuple[InputRef, ...]
    label: str = ""
    min: int | float | None = None
    max: int | float | None = None
    step: int | float | None = None
    tooltip: str = ""
    height: int | None = None


@dataclass(frozen=True, slots=True)
class App:
    """The form that a graph's author put together in the editor (App mode): inputs in order, and
    the outputs."""

    inputs: tuple[ShownInput, ...]
    outputs: tuple[str, ...] = ()
