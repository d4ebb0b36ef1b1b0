"""What the editor does to a prompt in the moment it is queued: names and dates in file prefixes, wildcards in texts.

The server knows neither. What became of a text is told, so that a run can say what was really sent.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import datetime

from comfy.file_prefix import substitute_prompt
from comfy.form_fields import Form
from comfy.wildcards import resolve
from comfy.workflow import Prompt


def as_queued(
    form: Form, prompt: Prompt, rng: random.Random, now: datetime, aliases: Mapping[str, str]
) -> tuple[Prompt, dict[str, str]]:
    """A new prompt as the editor would queue it, and the texts that changed, by field key.

    `aliases` are the names that a graph gives its nodes for prefixes. Prefixes are filled with the texts as they were
    typed, as the editor has it; a field that sets several inputs sends them one and the same text.
    """
    sent, prefixes = substitute_prompt(prompt, now, aliases)
    keys = {f"{node}.{name}": field.key for field in form.fields for node, name in field.targets}
    changed = {keys.get(place, place): text for place, text in prefixes.items()}
    for field in form.fields:
        places = [(node, name) for node, name in field.targets if node in sent and name in sent[node]["inputs"]]
        typed = [sent[node]["inputs"][name] for node, name in places if _takes_wildcards(form, sent, node, name)]
        if field.type != "STRING" or not typed or not isinstance(typed[0], str):
            continue
        text = resolve(typed[0], rng)
        if text != typed[0]:
            changed[field.key] = text
            for node, name in places:
                sent[node]["inputs"][name] = text
    return sent, changed


def _takes_wildcards(form: Form, prompt: Prompt, node_id: str, name: str) -> bool:
    node = prompt[node_id]
    spec = form.nodes.get(node["class_type"])
    own = spec.active_inputs(node["inputs"]).get(name) if spec else None
    return own is not None and own.options.get("dynamicPrompts") is True
