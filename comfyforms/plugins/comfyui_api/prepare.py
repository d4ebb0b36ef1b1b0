"""Runs of prompts that programs send."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from comfy.base.errors import ComfyError, WorkflowError
from comfy.base.messages import message
from comfy.launch.start import PreparedRun, Starter
from comfy.launch.uploads import Upload
from comfy.library.private import LARGEST, weight
from comfy.media.checks import MIB
from comfy.prompt.model import InputRef, Prompt, own_title
from comfy.records.record import SENT_PROMPT, Job
from comfy.runs.interface import Origin
from comfy.workflow.sanitize import unwrapped

_TITLE = 80  # characters of a text as a title
_LONGEST = 10_000  # characters of a text among the values; a file as base64 is longer


def prepare_prompt(
    starter: Starter,
    prompt: Prompt,
    files: Mapping[InputRef, Upload],
    origin: Origin,
    extra_data: Mapping[str, Any],
) -> PreparedRun:
    """Return the run of a prompt that a program sent, with the same permissions as a workflow
    that the user opened. The caller has called `check_open` and `check_names`. `files`: the
    user's files for its inputs. Raises WorkflowError, ServerUnreachable, ServerError, and
    ComfyError if the files are too large."""
    if weight(prompt) + weight(dict(extra_data)) > LARGEST:
        raise WorkflowError(
            message("This workflow is too large to open here."), message("Open a smaller one.")
        )
    if sum(file.size for file in files.values()) > starter.limits.run:
        size = f"{starter.limits.run // MIB:g}"
        raise ComfyError(message("These files can be at most {size}\xa0MB in total.", size=size))
    catalog = starter.forms.catalog.for_prompt(prompt)
    named = {node: catalog.get(one["class_type"]) for node, one in prompt.items()}
    titles = {
        node: own_title(prompt[node]) or (spec.display_name if spec else "")
        for node, spec in named.items()
    }
    text, values = _written_values(prompt)
    outputs = (titles[node] for node, spec in named.items() if spec and spec.output_node)
    title = " ".join(text.split())[:_TITLE] or next(outputs, "ComfyUI")
    prompt = unwrapped(prompt)
    job = Job(prompt, SENT_PROMPT, None, values, title, titles=titles, extra_data=extra_data)
    paid_work = starter.paid_work(SENT_PROMPT, prompt, titles)
    by_key = {place.key: file for place, file in files.items()}
    targets = {place.key: (place,) for place in files}
    return PreparedRun(job, None, origin, {}, by_key, targets, paid_work)


def _written_values(prompt: Prompt) -> tuple[str, dict[str, object]]:
    """Return the longest text in a prompt, which is usually the one for the model, and the values
    by key, that text first. The text is empty if no value has several words."""
    values: dict[str, object] = {
        InputRef(node, name).key: value
        for node, one in prompt.items()
        for name, value in one["inputs"].items()
        if isinstance(value, str | int | float) and len(str(value)) <= _LONGEST
    }
    texts = {key: one for key, one in values.items() if isinstance(one, str) and " " in one}
    key = max(texts, key=lambda key: len(texts[key]), default="")
    return texts.get(key, ""), {key: values[key] for key in (*texts.keys() & {key}, *values)}
