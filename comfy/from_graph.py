"""What an editor graph becomes on one server: a prompt, and everything its author arranged in the editor."""

from __future__ import annotations

from dataclasses import replace

from comfy.app_mode import App as SavedApp
from comfy.app_mode import read_app
from comfy.errors import WorkflowError
from comfy.graph import BoundWidget, Converted, convert
from comfy.graph_text import PREFIX
from comfy.object_info import Catalogue
from comfy.statements import App, ShownInput
from comfy.workflow import Prompt, Workflow


def on_server(workflow: Workflow, catalogue: Catalogue) -> Workflow:
    """The workflow with the prompt that ComfyUI's editor would send to the server of this catalogue.

    A graph is preferred to the prompt that came with it, since it carries the App and the author's titles, unless it
    cannot be converted. Raises WorkflowError where it cannot and there is no other.
    """
    if workflow.graph is None:
        return workflow
    try:
        converted = convert(workflow.graph, catalogue)
    except WorkflowError:
        if workflow.prompt:
            return workflow
        raise
    app = read_app(converted)
    return replace(
        workflow,
        prompt=_as_typed(converted),
        app=_arranged(app) if app else None,
        promoted=tuple(_shown(w) for w in converted.widgets if w.inside and ":" not in w.node and w.targets),
        missing=converted.missing,
        models=converted.models,
    )


def _arranged(app: SavedApp) -> App:
    shown = (replace(_shown(one.widget), height=round(one.height) or None) for one in app.inputs if one.widget.targets)
    return App(tuple(shown), app.outputs)


def _as_typed(converted: Converted) -> Prompt:
    """The prompt with file prefixes as their author wrote them: the names in them stand for values of the form."""
    typed = {target: widget.value for widget in converted.widgets if widget.name == PREFIX for target in widget.targets}
    return {
        node_id: node | {"inputs": {name: typed.get((node_id, name), value) for name, value in node["inputs"].items()}}
        for node_id, node in converted.prompt.items()
    }


def _shown(widget: BoundWidget) -> ShownInput:
    """A widget as a form needs it. A label that is the name of the input says nothing; "Prompt" for `prompt` does."""
    options = widget.spec.options if widget.spec else {}
    low, high, step = (
        value if isinstance(value := options.get(name), int | float) else None for name in ("min", "max", "step")
    )
    says_nothing = widget.label in (widget.name, widget.targets[0][1])
    label = "" if says_nothing else _plain(widget.label)
    return ShownInput(widget.targets, label, low, high, step, str(options.get("tooltip") or ""))


def _plain(label: str) -> str:
    """An author's label without the looks of a variable: `positive_prompt` is "Positive prompt"."""
    words = label.strip(": ")
    return words.replace("_", " ").capitalize() if words.islower() and " " not in words else words
