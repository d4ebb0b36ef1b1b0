"""Convert an editor graph for one server into a prompt, with the author's arrangement."""

from __future__ import annotations

from dataclasses import replace

from comfy.base.errors import WorkflowError
from comfy.comfyui.object_info import Catalog
from comfy.graph.convert import convert
from comfy.prompt.server_names import with_server_names
from comfy.requirements.read import models_of
from comfy.workflow.app_mode import promoted_inputs, read_app
from comfy.workflow.model import Workflow


def on_server(workflow: Workflow, catalog: Catalog) -> Workflow:
    """Return the workflow with the prompt that ComfyUI's editor would send to the server with this
    catalog.

    Prefers the graph to the prompt saved with it, because the graph contains the App and the
    author's titles. Uses the prompt if the graph can't be converted. Raises WorkflowError if there
    is no prompt either.
    """
    own = replace(workflow, prompt=with_server_names(workflow.prompt, catalog))
    if workflow.graph is None:
        return own
    try:
        converted = convert(workflow.graph, catalog)
    except WorkflowError:
        if workflow.prompt:
            return own
        raise
    return replace(
        workflow,
        prompt=with_server_names(converted.prompt, catalog),
        names=converted.names,
        app=read_app(converted),
        promoted=promoted_inputs(converted),
        missing=converted.missing,
        models=models_of(workflow.graph),
        drawn=converted.drawn,
    )
