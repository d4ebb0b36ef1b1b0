"""Settings that only an administrator may save, because they name files on the server."""

from __future__ import annotations

from collections.abc import Iterator

from comfy.base.errors import WorkflowError
from comfy.base.messages import message
from comfy.comfyui.object_info import Catalog
from comfy.prompt.model import InputRef, Prompt, with_inputs
from comfy.runs.input_files import UPLOADS
from comfy.workflow.config import FieldConfig, FormConfig
from comfy.workflow.model import Workflow
from comfy.workflow.sanitize import fixed_inputs, named_files, written_names


def check_trust(
    settings: FormConfig, present: FormConfig, workflow: Workflow, catalog: Catalog
) -> None:
    """Raise WorkflowError if a new default names a server file, or a field would also set an input
    that only the author sets. Settings that are `present` already are accepted."""
    prompt = dict(workflow.prompt)
    fixed = fixed_inputs(workflow.prompt, catalog)
    before = {one.name: one for one in present.fields}
    fields: dict[InputRef, FieldConfig] = {}
    for config in settings.fields:
        old = before.get(config.name, FieldConfig(config.name))
        if (config.default, config.also) == (old.default, old.also):
            continue
        for ref in _inputs(config, prompt):
            if config.default is not None or ref.key in config.also:
                fields[ref] = config
            if config.default is not None:
                node = prompt[ref.node]
                prompt[ref.node] = with_inputs(node, node["inputs"] | {ref.input: config.default})
    named = {*named_files(prompt, catalog), *written_names(prompt, catalog, UPLOADS, ())}
    for ref, config in fields.items():
        if ref in fixed or (ref in named and config.default is not None):
            raise WorkflowError(
                message(
                    "“{field}” can't set the name of a file on the server.",
                    field=(config.label or config.name)[:80],
                ),
                message("Ask the administrator."),
            )


def _inputs(config: FieldConfig, prompt: Prompt) -> Iterator[InputRef]:
    """Yield the inputs of the prompt that a field sets."""
    for key in (config.name, *config.also):
        node, _, name = key.partition(".")
        if node in prompt and name in prompt[node]["inputs"]:
            yield InputRef(node, name)
