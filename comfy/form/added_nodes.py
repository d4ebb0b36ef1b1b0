"""Nodes of the app itself in the prompt of a workflow, for fields that its author didn't make.

A plugin adds them beside the graph before the form is built (hook `added_nodes`), and replaces them
before the prompt is sent. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from comfy.comfyui.object_info import Catalog, NodeSpec
from comfy.prompt.model import Prompt
from comfy.workflow.model import Workflow
from comfyforms.plugin_manager import contributed


@dataclass(frozen=True, slots=True)
class AddedNodes:
    """Nodes that a plugin adds to prompts.

    `add` returns the nodes for a prompt by id, and the entries of their classes as in
    `/object_info`; none if the prompt doesn't need them. `replaced` returns the prompt to send; it
    gets the specs of the prompt's classes. Neither changes its argument.
    """

    add: Callable[[Prompt, Catalog], tuple[Prompt, Mapping[str, Any]]]
    replaced: Callable[[Prompt, Mapping[str, NodeSpec]], Prompt]


def with_added(workflow: Workflow, catalog: Catalog) -> tuple[Workflow, Catalog]:
    """Return a workflow with the nodes of all plugins, and a catalog with their classes."""
    for one in contributed("added_nodes"):
        nodes, entries = one.add(workflow.prompt, catalog)
        if nodes:
            workflow = replace(workflow, prompt={**workflow.prompt, **nodes})
            catalog = catalog.for_workflow({"definitions": entries})
    return workflow, catalog


def without_added(prompt: Prompt, nodes: Mapping[str, NodeSpec]) -> Prompt:
    """Return the prompt that a server gets."""
    for one in contributed("added_nodes"):
        prompt = one.replaced(prompt, nodes)
    return prompt
