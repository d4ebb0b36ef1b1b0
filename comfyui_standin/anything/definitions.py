"""Definitions of node classes that a workflow uses and the server lacks.

An editor graph stores each node's sockets with their types, since 2025 also its widgets' sockets.
An API prompt stores names and values only: the types of its links come from the nodes at their
other ends. Nothing is stored, and no text of a workflow gets into a definition, except for choices
and names of files.
"""

from __future__ import annotations

import functools
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, NamedTuple

from comfyui_standin.anything.facts import is_file_list
from comfyui_standin.nodes.base import NodeInfo, Spec, is_link, node_info

GUESSED = "standin_guessed"  # a key of an entry: the class is defined by the workflow alone
PAINTED = "standin_painted"  # an input's option: no file is read, except one that nodes can upload
_MOST_CLASSES, _MOST_NODES, _MOST, _LONGEST = 500, 5000, 200, 200
_CONTROL_NAME = "control_after_generate"  # with a number if there are several
_CONTROL = ("fixed", "increment", "decrement", "randomize")
_SCALARS = {bool: "BOOLEAN", int: "INT", float: "FLOAT", str: "STRING"}
_TEXTS = ("ASCII", "TEXT")  # names of packs for STRING
_SHOWS = re.compile("(image|save)_output|(save|filename)_prefix")  # inputs of nodes with results
_DYNAMIC_COMBO = "COMFY_DYNAMICCOMBO_V3"
_FOLDER = r"( ?\[(input|output|temp)\])?"
_MEDIA = {
    kind: re.compile(rf"[^\n]+\.({endings}){_FOLDER}", re.IGNORECASE)
    for kind, endings in {
        "image": "png|jpe?g|webp|gif|bmp|avif|tiff?",
        "video": "mp4|webm|mov|mkv|avi",
        "audio": "mp3|wav|flac|ogg|opus|m4a",
        "file": "glb|gltf|obj|fbx|stl|ply|splat",
    }.items()
}
_MODEL = re.compile(
    r"[^\n]+\.(safetensors|sft|ckpt|pth?|bin|gguf|onnx|engine|yaml|pkl|task)", re.IGNORECASE
)
_VIRTUAL = re.compile(  # nodes that exist only in the editor
    r"Note|MarkdownNote|Note Plus \(mtb\)|PrimitiveNode|Reroute|[GS]etNode|easy [gs]etNode"
    r"|(Reroute|Label|Bookmark|Fast .*|Mute / .*|Random Unmuter|Node Co.*) \(rgthree\)"
    r"|Anything Everywhere.?|Prompts Everywhere|workflow[>/].*"
)
_BY_NAME = {  # types of links between unknown nodes, by the name of the input
    r"embeds?$|_args$|^lora$|^t5$|^stitch": "GUESSED",
    r"text|prompt|string": "STRING",
    r"image|pixels|frames": "IMAGE",
    r"mask": "MASK",
    r"latent|samples": "LATENT",
    r"clip_vision": "CLIP_VISION",
    r"control_net": "CONTROL_NET",
    r"(model|unet)(_?\d)?$": "MODEL",
    r"clip(_?\d)?$": "CLIP",
    r"vae": "VAE",
    r"positive|negative|conditioning": "CONDITIONING",
    r"audio": "AUDIO",
    r"video": "VIDEO",
    r"mesh|model_3d|model_file": "MESH",
    r"width|height|seed|steps|length|count": "INT",
}
_SHARE = re.compile(r"strength|weight|scale|cfg|denoise|guidance|threshold|alpha|ratio|factor|rate")
_SAVES = re.compile(
    r"save|preview|show|display|combine|viewer|compare|export|output", re.IGNORECASE
)


class Definitions(NamedTuple):
    """Entries of /object_info by class, for one workflow. `guessed`: the classes among them that
    the server lacks. The others have more choices than the server's own."""

    entries: dict[str, NodeInfo]
    guessed: tuple[str, ...]


class _Widget(NamedTuple):
    """A value of a node. `type`: of its socket, "" without one. `control`: the editor changes it
    after each run."""

    name: str
    type: str
    value: object
    control: bool = False


class _Use(NamedTuple):
    """A node. `sockets`: the types of the inputs that only take links. `outputs`: names and types.
    `feeds`: a link begins at one of them."""

    type: str
    sockets: Mapping[str, str]
    widgets: list[_Widget]
    outputs: list[tuple[str, str]]
    feeds: bool


def definitions(workflow: object, known: Mapping[str, NodeInfo]) -> Definitions:
    """Return the definitions that a workflow, an editor graph or an API prompt, needs besides the
    server's own, `known`. Never raises: a workflow that can't be read needs none."""
    try:
        return _definitions(workflow, known)
    except Exception:  # noqa: BLE001 - a file of any shape
        return Definitions({}, ())


def _definitions(workflow: object, known: Mapping[str, NodeInfo]) -> Definitions:
    if not isinstance(workflow, dict):
        return Definitions({}, ())
    uses: Iterable[_Use]
    if isinstance(workflow.get("nodes"), list):
        uses = _of_graph(workflow, known)
    else:
        prompt = workflow.get("prompt")
        uses = _of_prompt(prompt if isinstance(prompt, dict) else workflow, known)
    by_class: dict[str, list[_Use]] = defaultdict(list)
    for use in uses:
        by_class[use.type].append(use)
    loose = by_class.pop("", [])
    classes = dict(islice(by_class.items(), _MOST_CLASSES))
    lacking = {name: found for name, found in classes.items() if name not in known}
    guessed = {name: _entry(name, found, known) for name, found in lacking.items()}
    has_output = any(known.get(name, guessed.get(name, {}))["output_node"] for name in classes)
    for name, entry in () if has_output else guessed.items():
        entry["output_node"] = not all(use.feeds for use in classes[name])
    more = {name: _as_used(known[name], classes[name], loose) for name in classes if name in known}
    return Definitions({k: one for k, one in more.items() if one} | guessed, tuple(guessed))


# Editor graphs


def _dicts(values: object) -> list[dict[str, Any]]:
    return [one for one in values if isinstance(one, dict)] if isinstance(values, list) else []


def _name(value: object) -> str:
    return value if isinstance(value, str) and len(value) <= _LONGEST else ""


def _of_graph(graph: Mapping[str, Any], known: Mapping[str, NodeInfo]) -> Iterator[_Use]:
    """Yield the nodes of a graph, of its subgraphs and of its group nodes. Nodes that stand for a
    subgraph and the editor's own nodes, which have values of others, have no type."""
    graphs = [graph, *_dicts([*((graph.get("extra") or {}).get("groupNodes") or {}).values()])]
    for one in graphs:  # early versions nest the definitions
        graphs += _dicts((one.get("definitions") or {}).get("subgraphs"))[:_MOST]
        del graphs[10 * _MOST :]
    ids = {str(one.get("id")) for one in graphs}
    nodes = (node for one in graphs for node in _dicts(one.get("nodes")))
    for node in islice(nodes, _MOST_NODES):
        use = _of_node(node, known.get(_name(node.get("type"))))
        is_loose = use.type in ids or _VIRTUAL.fullmatch(use.type)
        yield use._replace(type="") if is_loose else use


def _of_node(node: Mapping[str, Any], entry: NodeInfo | None) -> _Use:
    slots = [one for one in _dicts(node.get("inputs")) if _name(one.get("name"))][:_MOST]
    outputs = _dicts(node.get("outputs"))[:_MOST]
    types = {one["name"]: _link_type(one.get("type")) or "*" for one in slots}
    own = [one["name"] for one in slots if one.get("widget")] if entry is None else _order(entry)
    own += [""] * _MOST if entry else []  # values that a dynamic combo adds have no names here
    widgets = [*_widgets(node, types, own)]
    names = {one.name for one in widgets}
    return _Use(
        _name(node.get("type")),
        {key: kind for key, kind in types.items() if key not in names},
        widgets,
        [(_name(one.get("name")), _output_type(one.get("type"))) for one in outputs],
        any(one.get("links") for one in outputs),
    )


def _link_type(saved: object) -> str:
    return "STRING" if saved in _TEXTS else _name(saved)


def _output_type(saved: object) -> str:
    """Return a saved type in the case of the server's; "*" for that of choices, which each server
    declares in another way."""
    kind = _link_type(saved)
    kind = kind.upper() if kind.upper() in _SCALARS.values() else kind
    return "*" if kind in ("", "COMBO") else kind


def _order(entry: NodeInfo) -> list[str]:
    """Return the names of a known class's widgets."""
    groups = (entry["input"].get(group, {}) for group in ("required", "optional"))
    specs = (
        (key, spec[0], spec[1] if len(spec) > 1 else {})
        for one in groups
        for key, spec in one.items()
    )
    kinds = (*_SCALARS.values(), "COMBO", _DYNAMIC_COMBO)
    return [
        key
        for key, kind, options in specs
        if (isinstance(kind, list) or kind in kinds) and not options.get("forceInput")
    ]


def _widgets(
    node: Mapping[str, Any], types: Mapping[str, str], slots: list[str]
) -> Iterator[_Widget]:
    values = node.get("widgets_values")
    if isinstance(values, dict):
        names = (one for one in values if _name(one) and (one in slots or one not in types))
        yield from (_Widget(key, types.get(key, ""), values[key]) for key in islice(names, _MOST))
        return
    named = node.get("widgets_values_named")
    if isinstance(named, dict) and isinstance(values, list) and _is_same(named, values):
        for key, after in pairwise([*islice(filter(_name, named), _MOST), ""]):
            is_number, is_next = type(named[key]) in (int, float), after.startswith(_CONTROL_NAME)
            if not key.startswith(_CONTROL_NAME):
                yield _Widget(key, types.get(key, ""), named[key], is_number and is_next)
        return
    listed = _positions(values[:_MOST] if isinstance(values, list) else [])
    for key, (value, control) in zip(_names_of(node, slots, listed), listed, strict=False):
        yield _Widget(key, types.get(key, ""), value, control)


def _is_same(named: Mapping[str, Any], values: list[Any]) -> bool:
    """Return whether the named values are all listed ones, besides control words at the end."""
    first, rest = values[: len(named)], values[len(named) :]
    return [*named.values()] == first != [] and all(one in _CONTROL for one in rest)


def _positions(values: list[Any]) -> list[tuple[object, bool]]:
    """Return the saved values of inputs, and whether the editor changes each after a run. Leaves
    out the word for this after a number, and the buttons at the end."""
    found: list[tuple[object, bool]] = []
    for value in values:
        before = found[-1][0] if found else None
        if type(before) in (int, float) and (value is None or value in _CONTROL):
            found[-1] = (before, True)
        else:
            found.append((value, False))
    while found and found[-1][0] in (None, "image", "video", "audio"):
        found.pop()
    return found


def _names_of(
    node: Mapping[str, Any], slots: list[str], listed: list[tuple[object, bool]]
) -> Iterable[str]:
    """Return the names of a node's saved values: its sockets', the shipped ones, else names by
    their types."""
    if len(slots) >= len(listed):
        return slots
    shipped = _shipped().get(_name(node["type"]), [])
    seeds = (
        "seed" in key or not control for key, (_, control) in zip(shipped, listed, strict=False)
    )
    guessed = [*_by_type(slots, [_word(*one) for one in listed])]
    if shipped and all(seeds):  # newer versions add widgets at the end
        return [*shipped, *guessed[len(shipped) :]]
    return guessed


def _by_type(slots: list[str], words: list[str]) -> Iterator[str]:
    """Yield names by the words for the values, with numbers from the second on. A socket names the
    only value that it can belong to."""
    own = {
        word: slot
        for slot in slots
        for word in ("seed", "text")
        if (word in slot or (word == "text" and "prompt" in slot)) and words.count(word) == 1
    }
    seen: dict[str, int] = defaultdict(int)
    for word in words:
        seen[word] += 1
        yield own.get(word) or (word if seen[word] == 1 else f"{word}_{seen[word]}")


def _word(value: object, control: bool) -> str:  # noqa: FBT001 - a pair of `_positions`
    match value:
        case int() | float() if control:
            return "seed"
        case bool():
            return "switch"
        case int() | float():
            return "number"
        case str() if kind := _media_kind(value):
            return kind
        case str() if _MODEL.fullmatch(value):
            return "model"
        case str():
            return "text" if not value or " " in value or "\n" in value else "option"
    return "value"


@functools.cache
def _shipped() -> Mapping[str, list[str]]:
    """Return the names of the widgets of public packs' classes, in their order."""
    text = Path(__file__).with_name("widgets.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


# API prompts


def _of_prompt(prompt: Mapping[str, Any], known: Mapping[str, NodeInfo]) -> Iterator[_Use]:
    nodes = {
        key: {name: one["inputs"][name] for name in islice(filter(_name, one["inputs"]), _MOST)}
        for key, one in islice(prompt.items(), _MOST_NODES)
        if isinstance(one, dict) and isinstance(one.get("inputs"), dict)
    }
    types = {key: _name(prompt[key].get("class_type")) for key in nodes}
    links = [
        (key, name, *value)
        for key in sorted(nodes, key=lambda one: types[one] not in known)
        for name, value in nodes[key].items()
        if is_link(value) and value[0] in nodes and 0 <= value[1] < _MOST
    ]
    outputs: dict[str, dict[int, str]] = defaultdict(dict)
    fed: dict[tuple[str, int], str] = {}  # the name of the first input that an output goes to
    for key, name, source, slot in links:  # known classes come first, and decide
        fed.setdefault((source, slot), name)
        declared = known[types[source]]["output"] if types[source] in known else []
        kind = _plain(declared[slot]) if slot < len(declared) else ""
        if outputs[source].get(slot, "*") == "*":
            outputs[source][slot] = kind or _input_type(known.get(types[key]), name)
    sockets: dict[str, dict[str, str]] = defaultdict(dict)
    for key, name, source, slot in links:
        sockets[key][name] = outputs[source][slot]
    for key, inputs in nodes.items():
        slots = range(max(outputs[key], default=-1) + 1)
        given = [(fed.get((key, slot), ""), outputs[key].get(slot, "*")) for slot in slots]
        widgets = [_Widget(one, "", inputs[one]) for one in inputs if one not in sockets[key]]
        yield _Use(types[key], sockets[key], widgets, given, bool(given))


def _plain(kind: object) -> str:
    """Return a declared type as that of a link, "" if any type fits."""
    first = "*" if isinstance(kind, list) else str(kind).partition(",")[0]
    return "" if first in ("*", "COMBO") or first.startswith("COMFY_") else first


def _input_type(entry: NodeInfo | None, name: str) -> str:
    groups = entry["input"] if entry else {}
    spec = groups.get("required", {}).get(name) or groups.get("optional", {}).get(name)
    by_name = (kind for words, kind in _BY_NAME.items() if re.search(words, name.lower()))
    return (_plain(spec[0]) or "*") if spec else next(by_name, "*")


# Entries


def _entry(name: str, uses: list[_Use], known: Mapping[str, NodeInfo]) -> NodeInfo:
    """Return the entry of an unknown class. Nothing is required, because another node of the class
    may lack it."""
    inputs: dict[str, Spec] = {}
    longest = max((use.outputs for use in uses), key=len)
    outputs = [
        (label, _common(use.outputs[slot][1] for use in uses if slot < len(use.outputs)))
        for slot, (label, _) in enumerate(longest)
    ]
    takes = {kind for use in uses for kind in use.sockets.values()}
    for widget in (one for use in uses for one in use.widgets):
        spec, before = _spec(widget, loads=bool(outputs) and "IMAGE" not in takes), None
        if spec[0] == "STRING" and (choices := _known_choices(name, widget, known)):
            spec = ["COMBO", {"options": choices}]
        before = inputs.get(widget.name)
        if before and before[0] == spec[0] == "COMBO":
            both = dict.fromkeys([*before[1]["options"], *spec[1]["options"]])
            before[1]["options"] = list(both)[:_MOST]
        elif not before or (before[0], spec[0]) == ("INT", "FLOAT"):
            inputs[widget.name] = spec
    sockets = dict.fromkeys(key for use in uses for key in use.sockets)
    links = {
        key: [_common(use.sockets[key] for use in uses if key in use.sockets), {"forceInput": True}]
        for key in sockets
    }
    feeds = all(use.feeds for use in uses)
    return node_info(
        name,
        name,
        "",
        required={},
        optional={**links, **inputs},
        outputs=[kind for _, kind in outputs],
        output_names=[label or kind for label, kind in outputs],
        output_node=not outputs
        or (not feeds and (bool(_SAVES.search(name)) or any(map(_SHOWS.fullmatch, inputs)))),
        module="custom_nodes.guessed",
        extra={GUESSED: True},
    )


def _known_choices(name: str, widget: _Widget, known: Mapping[str, NodeInfo]) -> list[object]:
    """Return the choices of the input of this name that has the value, in the known class with the
    most similar name; [] without one."""
    key = widget.name.rpartition(".")[2]
    found: dict[str, list[object]] = {}
    for other, entry in known.items():
        groups = (entry["input"].get(group, {}) for group in ("required", "optional"))
        for kind, *options in (one[key] for one in groups if key in one):
            choices = options[0].get("options", []) if kind == "COMBO" and options else kind
            if isinstance(choices, list) and widget.value in choices:
                found[other] = choices
    return next((found[one] for one in get_close_matches(name, found, 1, 0)), [])


def _common(kinds: Iterable[str]) -> str:
    """Return the type that all nodes of a class have at a socket, "*" if they differ."""
    found = {kind for kind in kinds if kind != "*"}
    return found.pop() if len(found) == 1 else "*"


def _spec(widget: _Widget, *, loads: bool) -> Spec:
    """Return the declaration of a widget. `loads`: its node may load the file that it names."""
    value, kind = widget.value, "" if widget.type == "*" else widget.type
    own = _SCALARS.get(type(value), "")
    if own == "STRING" and _name(value) and kind in ("", "COMBO", "STRING"):
        media = _media_kind(value) if loads else ""
        if media or kind == "COMBO" or _MODEL.fullmatch(str(value)):
            upload = {f"{media}_upload": True} if media else {}
            return ["COMBO", {"options": [value], **upload, PAINTED: True}]
    if kind == "COMBO":
        return [kind, {"options": [value] if own in ("INT", "FLOAT") else []}]
    if kind not in ("", *_SCALARS.values()) or not (kind or own):
        return [kind or "GUESSED", {"widgetType": kind or "GUESSED"}]
    if own == "INT" and not kind and not widget.control and _SHARE.search(widget.name):
        kind = "FLOAT"
    long = own == "STRING" and ("\n" in str(value) or len(str(value)) > 40)
    more = {"multiline": True} if long or widget.name.startswith("text") else {}
    more |= {PAINTED: True} if own == "STRING" else {}
    return [kind or own, {"control_after_generate": True} if widget.control else more]


def _media_kind(value: object) -> str:
    if not isinstance(value, str) or "://" in value:
        return ""
    return next((kind for kind, pattern in _MEDIA.items() if pattern.fullmatch(value)), "")


def _as_used(entry: NodeInfo, own: list[_Use], loose: list[_Use]) -> NodeInfo | None:
    """Return a known class's entry with what the workflow, of another version, has besides it:
    files, choices and outputs. None if nothing is missing."""
    changed = _with_files(entry, [*own, *loose])
    more = max((use.outputs for use in own), key=len)[len(entry["output"]) :]
    if not more:
        return changed
    entry = changed or entry
    return {
        **entry,
        "output": [*entry["output"], *(kind for _, kind in more)],
        "output_name": [*entry["output_name"], *(label or kind for label, kind in more)],
        "output_is_list": [*entry["output_is_list"], *(False for _ in more)],
    }


def _with_files(entry: NodeInfo, uses: list[_Use]) -> NodeInfo | None:
    """Return a known class's entry with the files that the workflow names in its lists of files,
    and with the choice of its first dynamic combo; None if nothing is missing."""
    texts = [one for use in uses for one in use.widgets if _name(one.value)]
    changed: dict[str, Spec] = {}
    dynamic = ""
    for key, spec in (
        (k, s)
        for group in ("required", "optional")
        for k, s in entry["input"].get(group, {}).items()
    ):
        options = spec[1] if len(spec) > 1 else {}
        if spec[0] == _DYNAMIC_COMBO and not dynamic:
            dynamic = key
            keys = {option["key"]: option["inputs"] for option in options["options"]}
            chosen = dict.fromkeys(one.value for one in texts if one.name == key)
            added = [
                {"key": one, "inputs": keys[close]}
                for one in chosen
                if one not in keys
                for close in get_close_matches(one, keys, 1, 0)
            ][:_MOST]
            if added:
                changed[key] = [spec[0], {**options, "options": [*options["options"], *added]}]
        if not is_file_list(key, spec):
            continue
        media = next((kind for kind in _MEDIA if options.get(f"{kind}_upload")), "")
        listed = spec[0] if isinstance(spec[0], list) else options.get("options", [])
        named = [one.value for one in texts if one.name == key or _suits(one.value, media)]
        choices = list(dict.fromkeys([*listed, *named]))[: len(listed) + _MOST]
        if len(choices) > len(listed) or (media and named):
            more = {**options, "options": choices} | ({PAINTED: True} if media else {})
            changed[key] = ["COMBO", more]
    groups = {
        group: {key: changed.get(key, spec) for key, spec in inputs.items()}
        for group, inputs in entry["input"].items()
    }
    return {**entry, "input": groups} if changed else None


def _suits(value: object, media: str) -> bool:
    return _media_kind(value) == media if media else bool(_MODEL.fullmatch(str(value)))
