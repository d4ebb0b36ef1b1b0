"""Node classes with work of their own, for a demo: they take any value and keep to its limits."""

from __future__ import annotations

from dataclasses import replace

from comfyui_standin.anything.facts import entries, file_lists
from comfyui_standin.anything.imitation import Imitation
from comfyui_standin.anything.results import limited
from comfyui_standin.nodes.base import Inputs, Interrupted, NodeClass, NodeResult, NodeRun

_MAY_FAIL = frozenset({"CheckpointLoaderSimple", "PartnerText"})  # to show what a failure is


def opened(name: str, node_class: NodeClass) -> NodeClass:
    """Return a class whose work falls back to an imitation, for values that it can't take."""

    def run(run: NodeRun, inputs: Inputs) -> NodeResult:
        entry = node_class.describe(run.storage)
        inputs = limited(entry, inputs)
        try:
            return node_class.run(run, inputs)
        except Interrupted:
            raise
        except Exception:  # whatever it is: other values come from imitations
            if name in _MAY_FAIL:
                raise
            return Imitation(entry, run, inputs).result()

    known = entries().get(name)
    files = node_class.validated | (file_lists(known) if known else frozenset())
    return replace(node_class, run=run, validate=None, validated=files)
