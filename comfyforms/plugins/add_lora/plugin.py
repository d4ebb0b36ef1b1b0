"""The field *LoRAs* of forms whose model reaches a sampler."""

from __future__ import annotations

from typing import TYPE_CHECKING

from comfyforms.hooks import hookimpl

if TYPE_CHECKING:
    from comfy.form.added_nodes import AddedNodes


@hookimpl
def added_nodes() -> list[AddedNodes]:
    """Add the node that has the rows."""
    from comfy.form.added_nodes import AddedNodes
    from comfyforms.plugins.add_lora.rows import rows_for
    from comfyforms.plugins.add_lora.wiring import with_loaders

    return [AddedNodes(rows_for, with_loaders)]
