"""Node classes with work of their own, for a demo: they take any value and keep to its limits."""

from __future__ import annotations

from dataclasses import replace

from comfyui_standin.anything.facts import entries, file_lists, is_file_list
from comfyui_standin.anything.imitation import Imitation
from comfyui_standin.anything.results import limited, to_show
from comfyui_standin.nodes.base import (
    Inputs,
    Interrupted,
    NodeClass,
    NodeInfo,
    NodeResult,
    NodeRun,
    Spec,
)
from comfyui_standin.storage import Storage

_MAY_FAIL = frozenset({"CheckpointLoaderSimple", "PartnerText"})  # to show what a failure is
_IMITATED = frozenset({"TextGenerate"})  # its own work is for tests, and doesn't say "demo"


def opened(name: str, node_class: NodeClass) -> NodeClass:
    """Return a class whose work falls back to an imitation, for values that it can't take. It has
    the choices of the table, too."""
    known = entries().get(name, {"input": {}})

    def describe(storage: Storage) -> NodeInfo:
        entry = node_class.describe(storage)
        groups = {
            group: {
                key: _wider(key, own, known["input"].get(group, {})) for key, own in specs.items()
            }
            if group != "hidden"
            else specs
            for group, specs in entry["input"].items()
        }
        return {**entry, "input": groups}

    def run(run: NodeRun, inputs: Inputs) -> NodeResult:
        entry = node_class.describe(run.storage)
        inputs = limited(entry, inputs)
        if name in _IMITATED:
            return Imitation(entry, run, inputs).result()
        seen = to_show(entry, inputs) if entry["output_node"] else inputs
        given = {id(seen[key]): one for key, one in inputs.items()}
        try:
            result = node_class.run(run, seen)
            passed = tuple(given.get(id(one), one) for one in result.outputs)
            return replace(result, outputs=passed)
        except Interrupted:
            raise
        except Exception:  # whatever it is: other values come from imitations
            if name in _MAY_FAIL:
                raise
            return Imitation(entry, run, inputs).result()

    files = node_class.validated | file_lists(known)
    return replace(node_class, describe=describe, run=run, validated=files)


def _wider(name: str, own: Spec, table: dict[str, Spec]) -> Spec:
    """Return an input's declaration with the choices of the table, and the own help text."""
    newer = table.get(name, own)
    if newer is own or is_file_list(name, own):
        return own
    if own[0] != newer[0] and isinstance(newer[0], str):
        return newer
    options = {**(own[1] if len(own) > 1 else {}), **(newer[1] if len(newer) > 1 else {})}
    return [newer[0], options] if options else [newer[0]]
