"""Wildcards: `{red|green|{dark |}blue}` in a text becomes one of the choices, each time the prompt is queued.

In ComfyUI this is the editor's work (extension Comfy.DynamicPrompts, `processDynamicPrompt`): it is done for the text
inputs that a node declares with `"dynamicPrompts": true`, on what a person typed; the server never sees the braces.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from typing import Any

from comfy.object_info import NodeSpec
from comfy.workflow import Prompt

# Beyond these a text is no person's wildcard, and choosing would take time in the product of the two.
MAX_LENGTH = 200_000
MAX_DEPTH = 64

# C comments, and line comments up to what JavaScript takes for the end of a line. So `http://x` loses its address.
_LINE_COMMENT = re.compile(r"//[^\n\r\u2028\u2029]*")
_COMMENT = re.compile(_LINE_COMMENT.pattern + r"|/\*[\s\S]*?(?:\*/|(?P<unclosed>\Z))")
_MARK = re.compile(r"\\[\s\S]|[{}|]")
_ESCAPED = re.compile(r"\\([{}|])")


def resolve(text: str, rng: random.Random) -> str:
    """One of the texts that `text` stands for.

    As the editor does it: comments (`/* */` and `//`) go first, also in texts without braces; `\\{`, `\\|` and `\\}`
    are the plain characters; an empty choice is one; a brace that is never closed reaches to the end, one that was
    never opened stays. A text too long or too deep for a wildcard comes back unchanged.
    """
    if len(text) > MAX_LENGTH or _too_deep(text):
        return text
    return _resolve(text, rng)


def resolve_prompt(
    prompt: Prompt, catalogue: Mapping[str, NodeSpec], rng: random.Random
) -> tuple[Prompt, dict[str, str]]:
    """A new prompt with the wildcards of all its nodes resolved, and what became of each: field key → text sent.

    Only texts that changed are named. Nodes the catalogue does not know stay as they are, as do linked inputs.
    """
    changed: dict[str, str] = {}
    resolved: Prompt = {}
    for node_id, node in prompt.items():
        inputs = dict(node["inputs"])
        for name in _dynamic_inputs(node, catalogue):
            text = resolve(inputs[name], rng)
            if text != inputs[name]:
                inputs[name] = changed[f"{node_id}.{name}"] = text
        resolved[node_id] = node | {"inputs": inputs}
    return resolved, changed


def _dynamic_inputs(node: Mapping[str, Any], catalogue: Mapping[str, NodeSpec]) -> list[str]:
    spec = catalogue.get(node["class_type"])
    if spec is None:
        return []
    active = spec.active_inputs(node["inputs"])
    return [
        name
        for name, value in node["inputs"].items()
        if isinstance(value, str) and name in active and active[name].options.get("dynamicPrompts") is True
    ]


def _too_deep(text: str) -> bool:
    depth = 0
    for mark in _MARK.finditer(text):
        depth += (mark[0] == "{") - (mark[0] == "}" and depth > 0)
        if depth > MAX_DEPTH:
            return True
    return False


def _resolve(text: str, rng: random.Random) -> str:
    text = _COMMENT.sub(_uncommented, text)
    done: list[str] = []
    at = 0
    for mark in _MARK.finditer(text):
        if mark[0] != "{" or mark.start() < at:
            continue
        done.append(text[at : mark.start()])
        options, at = _options(text, mark.end())
        done.append(_resolve(options[int(rng.random() * len(options))], rng))
    return _ESCAPED.sub(r"\1", "".join(done) + text[at:])


def _uncommented(found: re.Match[str]) -> str:
    """Nothing, but for a block comment that is never closed and so is none; that holds for all that follows, too."""
    return "" if found["unclosed"] is None else _LINE_COMMENT.sub("", found[0])


def _options(text: str, start: int) -> tuple[list[str], int]:
    """The choices of the block that opens before `start`, unresolved, and where the text goes on."""
    options: list[str] = []
    depth, begin = 0, start
    for mark in _MARK.finditer(text, start):
        match mark[0]:
            case "{":
                depth += 1
            case "}" if depth == 0:
                return [*options, text[begin : mark.start()]], mark.end()
            case "}":
                depth -= 1
            case "|" if depth == 0:
                options.append(text[begin : mark.start()])
                begin = mark.end()
    return [*options, text[begin:]], len(text)
