"""Write the names of the widgets of public node packs' classes, in their order.

    python -m tools.widget_names FOLDER… > comfyui_standin/anything/widgets.json

Reads the API prompts in these folders, whose inputs have the names that older editor graphs lack,
and the declarations in the sources of packs, without running them. A class with a declaration that
isn't plain is left out, and so are ComfyUI's own classes.
"""

from __future__ import annotations

import ast
import contextlib
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from comfyui_standin.anything.facts import entries
from comfyui_standin.nodes.base import is_link

_WIDGETS = ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO")
Named = tuple[str, list[str]]


class _NotPlain(Exception):
    """A declaration that only its program can tell."""


def _of_prompt(data: object) -> Iterator[Named]:
    prompt = data.get("prompt", data) if isinstance(data, dict) else {}
    for node in prompt.values() if isinstance(prompt, dict) else ():
        inputs = node.get("inputs") if isinstance(node, dict) else None
        if isinstance(inputs, dict) and isinstance(node.get("class_type"), str):
            names = [name for name, value in inputs.items() if not is_link(value)]
            yield node["class_type"], names


def _of_pack(modules: Iterable[ast.Module]) -> Iterator[Named]:
    """Yield the classes that a pack's modules map to names."""
    nodes = [one for module in modules for one in ast.walk(module)]
    classes = {one.name: one for one in nodes if isinstance(one, ast.ClassDef)}
    for mapping in (one for one in nodes if isinstance(one, ast.Dict)):
        for key, value in zip(mapping.keys, mapping.values, strict=True):
            inner = value
            if isinstance(value, ast.Dict):  # as KJNodes has them
                named = zip(value.keys, value.values, strict=True)
                inner = next(
                    (one for at, one in named if getattr(at, "value", "") == "class"), value
                )
            name = getattr(inner, "id", getattr(inner, "attr", ""))
            if isinstance(key, ast.Constant) and name in classes:
                yield str(key.value), _declared(classes[name])


def _items(mapping: ast.expr) -> dict[str, ast.expr]:
    if not isinstance(mapping, ast.Dict):
        raise _NotPlain
    pairs = zip(mapping.keys, mapping.values, strict=True)
    items = {key.value: value for key, value in pairs if isinstance(key, ast.Constant)}
    if len(items) < len(mapping.keys):
        raise _NotPlain
    return {str(key): value for key, value in items.items()}


def _declared(one: ast.ClassDef) -> list[str]:
    """Return the names of a class's widgets, [] if its declaration isn't plain."""
    found = [f for f in one.body if isinstance(f, ast.FunctionDef) and f.name == "INPUT_TYPES"]
    returned = [x.value for f in found for x in ast.walk(f) if isinstance(x, ast.Return)]
    try:
        (inputs,) = [_items(value) for value in returned if value is not None]
        groups = [_items(inputs[key]) for key in ("required", "optional") if key in inputs]
        return [name for group in groups for name, spec in group.items() if _is_widget(spec)]
    except (_NotPlain, ValueError):
        return []


def _is_widget(spec: ast.expr) -> bool:
    if not isinstance(spec, ast.Tuple | ast.List) or not spec.elts:
        raise _NotPlain
    kind, *options = spec.elts
    for name, value in _items(options[0]).items() if options else ():
        if name in ("forceInput", "defaultInput") and getattr(value, "value", False):
            return False
    match kind:
        case ast.Constant():
            return kind.value in _WIDGETS
        case ast.List() | ast.ListComp() | ast.Call() | ast.BinOp():
            return True
        case ast.Attribute() if kind.attr in (*_WIDGETS, "SAMPLERS", "SCHEDULERS"):
            return True
        case ast.Name() if "any" in kind.id.lower():
            return False
    raise _NotPlain


def _modules(folder: Path) -> Iterator[ast.Module]:
    for file in sorted(folder.rglob("*.py")):
        with contextlib.suppress(ValueError, SyntaxError):
            yield ast.parse(file.read_text(encoding="utf-8"))


def _prompts(folder: Path) -> Iterator[Named]:
    for file in sorted(folder.rglob("*.json")):
        with contextlib.suppress(ValueError):
            yield from _of_prompt(json.loads(file.read_text(encoding="utf-8")))


def widget_names(folders: Iterable[Path]) -> dict[str, list[str]]:
    """Return the names of each class with any: as its pack declares them, else as most prompts
    have them. Each folder is one pack, or has prompts."""
    declared: dict[str, list[str]] = {}
    used: dict[str, Counter[tuple[str, ...]]] = defaultdict(Counter)
    for folder in folders:
        declared = {name: own for name, own in _of_pack(_modules(folder)) if own} | declared
        for name, own in _prompts(folder):
            used[name][tuple(own)] += 1
    common = {name: [*found.most_common(1)[0][0]] for name, found in used.items()}
    names = sorted((common | declared).items())
    return {name: own for name, own in names if own and name not in entries()}


if __name__ == "__main__":
    found = widget_names(map(Path, sys.argv[1:])).items()
    lines = (json.dumps({name: own}, separators=(",", ":"))[1:-1] for name, own in found)
    print("{\n" + ",\n".join(lines) + "\n}")
