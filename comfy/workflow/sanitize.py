"""Keep workflows and values from naming other users' files or folders on the server.

ComfyUI reads a name in many ways (docs/comfyui.md#22, docs/comfyui.md#32). `x.png` is in its input
folder. `x.png [output]` and `x.png [temp]` are in other folders, where consecutive names are easy
to guess. An object `{"__value__": …}` stands for its content, which may be a link. ComfyUI only
checks the type of a linked value, so any node that outputs text can output a name. Therefore
`InputSpec.names_files` judges the *input*, not the text. In an opened workflow, such an input only
holds files sent with the run, and no text is linked to it. In an administrator's workflow, only the
author sets it and every text that leads to it.

Not recognized: an input of a pack's node that takes a path under an unusual name. Only three things
help against it: the list of allowed classes (`--open-nodes`), `--open no`, and `_NAME`, which
clears texts that look like a path.

Recognize nodes that write models or latents into ComfyUI's output folder: gigabytes per run.

ComfyUI does not declare this, so the inputs have to show it. ComfyUI's CheckpointSave, LoraSave and
SaveLatent take a part of a model and a prefix for the file name. Savers, trainers and converters of
other packs do the same.
"""

from __future__ import annotations

import marshal
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from comfy.base.errors import WorkflowError
from comfy.base.json_values import levels
from comfy.base.messages import message
from comfy.comfyui.input_spec import FILE_WIDGETS, InputSpec, is_no_file
from comfy.comfyui.object_info import NodeSpec
from comfy.comfyui.protocol.node_lists import PAID_NODES
from comfy.prompt.model import InputRef, Node, Prompt, is_link, with_inputs
from comfy.workflow.model import Workflow

Nodes = Mapping[str, NodeSpec]
_WRAPPER = "__value__"
_FILE_KEY = "filename"  # in an object that stands for a file: see `comfy.comfyui.protocol.outputs`
_DEPTH = 100  # of a node catalog; real ones have about fifteen levels
# Types of outputs that may carry a text. Numbers can become part of a text on the way.
_TEXTS = frozenset({"STRING", "COMBO", "COMFY_DYNAMICCOMBO_V3", "*", "", "COMFY_MATCHTYPE_V3"})
_PARTS = _TEXTS | {"INT", "FLOAT"}
_MADE_FILE = "model_file"
_ANNOTATION = re.compile(r"\[\s*(?:output|temp|input)\s*\]\s*\Z", re.IGNORECASE)
# Matches an annotated name, an absolute path, a drive, a network share, a file URL, or a step up.
_NAME = re.compile(
    r"\A\s*(?:file:|~?[\\/]{1,2}[\w.]|~\w*[\\/]|[a-z]:[\\/])|(?:\A|[\\/])\s*\.\.(?:[\\/]|\s*\Z)",
    re.IGNORECASE,
)
# Last words of link types that carry models. WANVIDEOMODEL and LORA_MODEL are models, too.
_SAVER_PARTS = (
    "CLIP",
    "CLIP_VISION",
    "VAE",
    "LATENT",
    "LATENTS",
    "CONDITIONING",
    "LORA",
    "CONTROL_NET",
    "GLIGEN",
    "HYPERNETWORK",
    "STATE_DICT",
    "AUDIO_ENCODER",
    "TENSOR",
    "*",
)
_MEDIA = frozenset({"IMAGE", "MASK", "VIDEO", "AUDIO", "SVG", "MESH"})
# Last words of inputs that name an output file.
_NAMES = ("prefix", "save_as", "save_name", "output_name", "filename", "file_name")
_SAVES = re.compile(r"save|train|convert|export|quanti[sz]e|dump", re.IGNORECASE)
_TRAINS = re.compile(r"\btrain", re.IGNORECASE)


def without_folder(catalog: Mapping[str, Any], folder: str) -> dict[str, Any]:
    """Return a raw node catalog without choices that name this folder or its content. Classes
    without such choices aren't copied.

    Handles every list shape (plain, dynamic combo, autogrow template, objects) and every spelling
    of the name: separators of any system, `./`, letter case, annotations. Lists deeper than
    `_DEPTH` are dropped.
    """
    return {
        class_type: _without_folder(info, folder, _DEPTH) if _may_name(info, folder) else info
        for class_type, info in catalog.items()
        if not _names_folder(class_type, folder) and not _names_folder(info, folder)
    }


def sanitize(workflow: Workflow, catalog: Nodes, folder: str) -> Workflow:
    """Return an opened workflow that names nothing on the server. `folder` is the app's own folder
    inside the input folder.

    Inputs for uploads become empty. Raises WorkflowError for a node with names that users can't
    upload.
    """
    prompt = unwrapped(workflow.prompt)
    for (node_id, name), spec in _named(prompt, catalog, ()):
        node = prompt[node_id]
        if not spec.upload and spec.type not in FILE_WIDGETS:
            title = catalog[node["class_type"]].display_name
            raise WorkflowError(
                message(
                    "“{node}” ({name}) uses a server file or folder that may belong to another"
                    " user.",
                    node=title[:80],
                    name=name[:80],
                ),
                message(
                    "Workflows you open can only use your own files. Ask the administrator to"
                    " add this one."
                ),
            )
        value = node["inputs"][name]
        emptied = "" if spec.upload or is_link(value) else _emptied(value)
        prompt[node_id] = with_inputs(node, node["inputs"] | {name: emptied})
    return replace(
        workflow,
        prompt={one: _without_names(node, catalog, folder) for one, node in prompt.items()},
    )


def sanitize_for_operators(workflow: Workflow, catalog: Nodes, folder: str) -> Workflow:
    """Return the administrator's workflow without names of uploads in `folder`. Images generated
    here contain such names."""
    prompt = dict(workflow.prompt)
    for ref, _ in _file_inputs(workflow.prompt, catalog):
        node = prompt[ref.node]
        value = node["inputs"][ref.input]
        if not is_link(value) and any(_names_folder(text, folder) for text in _texts(value)):
            prompt[ref.node] = with_inputs(node, node["inputs"] | {ref.input: ""})
    return replace(workflow, prompt=prompt)


def named_files(prompt: Prompt, catalog: Nodes, own: Collection[InputRef] = ()) -> list[InputRef]:
    """Return the inputs (node, name) that name a server file or folder, or may do so when the
    prompt runs. `own`: the inputs that get the name of a file sent with the run; their current
    value is ignored."""
    shown = [
        InputRef(node_id, name)
        for node_id, node in prompt.items()
        for name, value in node["inputs"].items()
        if _without_files(value) != value
    ]
    return [place for place, _ in _named(prompt, catalog, own)] + shown


def written_names(
    prompt: Prompt, catalog: Nodes, folder: str, own: Collection[InputRef]
) -> list[InputRef]:
    """Return the inputs (node, name) with values that `sanitize` removes from any input. A form
    fills them in again. `own`: as in `named_files`."""
    clean = {
        node_id: _without_names(node, catalog, folder)["inputs"] for node_id, node in prompt.items()
    }
    return [
        InputRef(node_id, name)
        for node_id, node in prompt.items()
        for name, value in node["inputs"].items()
        if (node_id, name) not in own and value != clean[node_id][name]
    ]


def fixed_inputs(prompt: Prompt, catalog: Nodes) -> frozenset[InputRef]:
    """Return the inputs (node, name) that only the author sets: names of server files that users
    don't upload, and every text and number that may become part of such a name."""
    refs = {place for place, spec in _file_inputs(prompt, catalog) if not spec.upload}
    todo = [
        value
        for (node, name), _ in _file_inputs(prompt, catalog)
        if is_link(value := unwrap(prompt[node]["inputs"][name]))
        and _carries(prompt, catalog, value, _TEXTS)
    ]
    seen: set[str] = set()
    while todo:
        node_id = str(todo.pop()[0])
        if node_id in seen or node_id not in prompt:
            continue
        seen.add(node_id)
        specs = _specs(prompt[node_id], catalog)
        for name, value in prompt[node_id]["inputs"].items():
            if not is_link(value):
                spec = specs.get(name)
                refs |= {InputRef(node_id, name)} if spec is None or spec.choices is None else set()
            elif _carries(prompt, catalog, value, _PARTS):
                todo.append(value)
    return frozenset(refs)


def _may_name(info: Any, folder: str) -> bool:  # noqa: ANN401 - any JSON value
    """Return False if `_without_folder` wouldn't change a class. This is 7 times as fast, because
    few classes contain the folder's name anywhere."""
    try:  # marshal is the fastest way to all texts; in version 2, each list or object adds [ or {
        data = marshal.dumps(info, 2)
    except ValueError:  # nested too deeply
        return True
    if folder.lower() in data.decode(errors="replace").lower():
        return True
    return data.count(b"[") + data.count(b"{") >= _DEPTH and len(list(levels(info))) > _DEPTH


def _without_folder(value: Any, folder: str, depth: int) -> Any:  # noqa: ANN401 - any JSON value
    match value if depth else None:
        case None:
            return None
        case dict():
            kept = ((key, one) for key, one in value.items() if not _names_folder(one, folder))
            return {
                key: _without_folder(one, folder, depth - 1)
                for key, one in kept
                if not _names_folder(key, folder)
            }
        case list() | tuple():
            return [
                _without_folder(one, folder, depth - 1)
                for one in value
                if not _stands_for(one, folder)
            ]
        case _:
            return value


def unwrapped(prompt: Prompt) -> Prompt:
    """Return the prompt without wrappers, as ComfyUI reads it. A list stays wrapped, because a bare
    one would be a link."""
    return {
        node_id: with_inputs(node, {name: _bare(value) for name, value in node["inputs"].items()})
        for node_id, node in prompt.items()
    }


def unwrap(value: object) -> object:
    """Return the value inside any number of wrappers."""
    while isinstance(value, dict) and _WRAPPER in value:
        value = value[_WRAPPER]
    return value


def _bare(value: object) -> object:
    inner = unwrap(value)
    if not isinstance(inner, list) or is_link(inner):
        return inner
    return value if not isinstance(value, dict) or value[_WRAPPER] is inner else {_WRAPPER: inner}


def _specs(node: Node, catalog: Nodes) -> dict[str, InputSpec]:
    spec = catalog.get(node["class_type"])
    return (
        spec.active_inputs({name: unwrap(value) for name, value in node["inputs"].items()})
        if spec
        else {}
    )


def _file_inputs(prompt: Prompt, catalog: Nodes) -> Iterator[tuple[InputRef, InputSpec]]:
    for node_id, node in prompt.items():
        for name, spec in _specs(node, catalog).items():
            if spec.names_files and name in node["inputs"]:
                yield InputRef(node_id, name), spec


def _named(
    prompt: Prompt, catalog: Nodes, own: Collection[InputRef]
) -> list[tuple[InputRef, InputSpec]]:
    return [
        (place, spec)
        for place, spec in _file_inputs(prompt, catalog)
        if place not in own
        and _names(prompt, catalog, prompt[place.node]["inputs"][place.input], spec)
    ]


def _names(prompt: Prompt, catalog: Nodes, value: object, spec: InputSpec) -> bool:
    inner = unwrap(value)
    # Only an upload is read. `_without_names` clears the names of others' uploads, but no links.
    if spec.is_painted and not (spec.upload and is_link(inner)):
        return False
    if is_link(inner):  # lists and uploads only take texts, regardless of their type
        only_texts = spec.upload or spec.choices is not None or spec.type in FILE_WIDGETS
        return bool(only_texts) or _carries(prompt, catalog, inner, _TEXTS)
    if spec.type in FILE_WIDGETS:
        return any(not is_no_file(text) for text in _texts(inner))
    if is_no_file(inner):
        return spec.names_folder
    return not isinstance(inner, bool)


def _carries(prompt: Prompt, catalog: Nodes, link: list[Any], kinds: frozenset[str]) -> bool:
    """Return whether a link's value may have one of these types, with a text that isn't the name
    of a file the node made itself. True if unknown."""
    node_id, slot = str(link[0]), link[1]
    spec = catalog.get(prompt[node_id]["class_type"]) if node_id in prompt else None
    if spec is None or isinstance(slot, float) or not 0 <= slot < len(spec.output_types):
        return True
    # Partner nodes save the 3D models that they make, under names of their own.
    if spec.class_type in PAID_NODES and _MADE_FILE in spec.output_names[slot : slot + 1]:
        return False
    return not kinds.isdisjoint(part.strip() for part in spec.output_types[slot].split(","))


def _without_names(node: Node, catalog: Nodes, folder: str) -> Node:
    """Return the node without file names in inputs that don't take files. Multi-line texts stay
    unchanged."""
    specs = _specs(node, catalog)

    def clean(name: str, given: object) -> object:
        spec, value = specs.get(name), _without_files(given)
        written = (
            spec is not None
            and spec.value_type == "STRING"
            and spec.options.get("multiline") is True
        )
        if is_link(value) or written or name.rpartition(".")[2] == "filename_prefix":
            return value
        return _emptied(value, lambda text: _looks_like_name(text, folder))

    return with_inputs(node, {name: clean(name, value) for name, value in node["inputs"].items()})


def _emptied(value: object, bad: Callable[[str], bool] = lambda text: True) -> object:
    match value:
        case str():
            return "" if bad(value) else value
        case list():
            return [_emptied(one, bad) for one in value]
        case dict():
            return {key: _emptied(one, bad) for key, one in value.items()}
        case _:
            return value


def _without_files(value: object) -> object:
    """Return the value without names in objects that stand for a file."""
    match value:
        case list():
            return [_without_files(one) for one in value]
        case dict():
            return {
                key: "" if key == _FILE_KEY else _without_files(one) for key, one in value.items()
            }
        case _:
            return value


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            yield from (text for one in value for text in _texts(one))
        case dict():
            yield from (text for one in value.values() for text in _texts(one))


def _looks_like_name(text: str, folder: str) -> bool:
    return bool(_ANNOTATION.search(text) or _NAME.match(text)) or _names_folder(text, folder)


def _stands_for(choice: object, folder: str) -> bool:
    """Return whether a list entry is a name in the folder, or an object (an option, a file) with
    such a name."""
    if isinstance(choice, dict):  # "default" has options of an input, not a choice
        return any(_names_folder(one, folder) for key, one in choice.items() if key != "default")
    return _names_folder(choice, folder)


def _names_folder(value: object, folder: str) -> bool:
    if not isinstance(value, str) or folder.lower() not in value.lower():
        return False
    parts = _ANNOTATION.sub("", value).replace("\\", "/").lower().split("/")
    return folder.lower() in (part.strip(" .") for part in parts)


def model_savers(prompt: Prompt, nodes: Mapping[str, NodeSpec]) -> tuple[str, ...]:
    """Return the classes of a prompt that write models or latents, sorted."""
    return tuple(
        sorted(
            {
                node["class_type"]
                for node in prompt.values()
                if (spec := nodes.get(node["class_type"]))
                and not spec.is_guessed
                and _saves_models(spec, spec.active_inputs(node["inputs"]).values())
            }
        )
    )


def _saves_models(spec: NodeSpec, inputs: Iterable[InputSpec]) -> bool:
    """Return whether a class with these inputs writes models or latents.

    Required inputs and outputs distinguish nodes that save images, such as video nodes with a VAE,
    and samplers that save their results.
    """
    if not spec.output_node:
        return False
    declared = tuple(inputs)
    needed = {part for one in declared if one.required for part in _types(one)}
    makes = {part for kind in spec.output_types for part in kind.upper().split(",")}
    if not _MEDIA.isdisjoint(needed | makes) and not _TRAINS.search(spec.category):
        return False
    takes = any(_is_model(part) for one in declared for part in _types(one))
    names = any(_ends_with(one.bare_name, _NAMES) for one in declared)
    return takes and (names or bool(_SAVES.search(spec.class_type)))


def _types(spec: InputSpec) -> list[str]:
    """Return the types that an input accepts. For an autogrow group, return its member's types."""
    kind = spec.member.type if spec.member else spec.type
    return kind.upper().split(",")


def _is_model(kind: str) -> bool:
    return kind.endswith("MODEL") or _ends_with(kind, _SAVER_PARTS)


def _ends_with(name: str, words: tuple[str, ...]) -> bool:
    """Return whether a name in snake case is one of these words, or ends with one after an
    underscore."""
    return any(name == one or name.endswith(f"_{one}") for one in words)
