"""Names of models and other choices, as the server writes them."""

from __future__ import annotations

from collections.abc import Mapping

from comfy.comfyui.object_info import NodeSpec
from comfy.prompt.model import Prompt, with_inputs


def with_server_names(prompt: Prompt, catalog: Mapping[str, NodeSpec]) -> Prompt:
    """Return the prompt with the server's spelling of choices that differ only in slashes or case.

    ComfyUI on Windows writes folders with backslashes. Case counts only if one choice is alike.
    """
    alike: dict[tuple[object, ...], dict[str, list[str]]] = {}
    changed: Prompt = {}
    for node_id, node in prompt.items():
        spec = catalog.get(node["class_type"])
        names: dict[str, str] = {}
        for name, one in spec.active_inputs(node["inputs"]).items() if spec else ():
            value = node["inputs"].get(name)
            if not one.choices or one.upload or not isinstance(value, str) or value in one.choices:
                continue
            if one.choices not in alike:
                alike[one.choices] = _by_spelling(one.choices)
            names[name] = _server_name(value, alike[one.choices])
        if names:
            changed[node_id] = with_inputs(node, {**node["inputs"], **names})
    return prompt | changed


def _by_spelling(choices: tuple[object, ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for choice in choices:
        if isinstance(choice, str):
            found.setdefault(_with_slashes(choice).casefold(), []).append(choice)
    return found


def _server_name(name: str, by_spelling: Mapping[str, list[str]]) -> str:
    wanted = _with_slashes(name)
    alike = by_spelling.get(wanted.casefold(), [])
    exact = [one for one in alike if _with_slashes(one) == wanted]
    return next(iter(exact or (alike if len(alike) == 1 else ())), name)


def _with_slashes(name: str) -> str:
    return name.replace("\\", "/")
