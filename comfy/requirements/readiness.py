"""Judge what a server lacks for a prompt: models, node classes, other choices, a newer ComfyUI.

The server checks a prompt in the same way: every class has to exist, and each choice of a node that
feeds a result has to be in its list. Files to upload aren't missing: the app uploads them.

Versions of ComfyUI, compared by their numbers.

Model folders of ComfyUI's own loaders, which `/object_info` doesn't name. Read from the sources
of ComfyUI 0.33.0 (`nodes.py`, `comfy_extras`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from comfy.base.files import is_model_file
from comfy.base.json_values import as_mapping, as_text
from comfy.comfyui.input_spec import InputSpec, RowNotation
from comfy.comfyui.object_info import Catalog
from comfy.comfyui.protocol.node_lists import CORE_NODES, PAID_MODULE, PAID_NODES
from comfy.prompt.model import InputRef, Prompt, links
from comfy.prompt.rows import read_rows, unoffered_cells
from comfy.prompt.value_types import BadValue, match_choice
from comfy.requirements.known_packs import known_pack
from comfy.requirements.model import (
    NOTHING_DECLARED,
    Declared,
    ModelFile,
    NodePack,
    file_key,
    safe_path,
)
from comfy.requirements.read import packs_of

_VERSION = re.compile(r"v?(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?")
# By class; a loader with files in several folders has a row per input.
_BY_CLASS = MappingProxyType(
    {
        "AudioEncoderLoader": "audio_encoders",
        "CLIPLoader": "text_encoders",
        "CLIPVisionLoader": "clip_vision",
        "CheckpointLoader": "checkpoints",
        "CheckpointLoaderSimple": "checkpoints",
        "ControlNetLoader": "controlnet",
        "CreateHookLora": "loras",
        "CreateHookLoraModelOnly": "loras",
        "CreateHookModelAsLora": "checkpoints",
        "CreateHookModelAsLoraModelOnly": "checkpoints",
        "DiffControlNetLoader": "controlnet",
        "DualCLIPLoader": "text_encoders",
        "FrameInterpolationModelLoader": "frame_interpolation",
        "GLIGENLoader": "gligen",
        "HypernetworkLoader": "hypernetworks",
        "ImageOnlyCheckpointLoader": "checkpoints",
        "LTXVAudioVAELoader": "checkpoints",
        "LatentUpscaleModelLoader": "latent_upscale_models",
        "LoadBackgroundRemovalModel": "background_removal",
        "LoraLoader": "loras",
        "LoraLoaderBypass": "loras",
        "LoraLoaderBypassModelOnly": "loras",
        "LoraLoaderModelOnly": "loras",
        "ModelPatchLoader": "model_patches",
        "PhotoMakerLoader": "photomaker",
        "QuadrupleCLIPLoader": "text_encoders",
        "StyleModelLoader": "style_models",
        "TripleCLIPLoader": "text_encoders",
        "UNETLoader": "diffusion_models",
        "UpscaleModelLoader": "upscale_models",
        "VAELoader": "vae",
        "unCLIPCheckpointLoader": "checkpoints",
    }
)
_BY_INPUT = MappingProxyType(
    {
        ("LTXAVTextEncoderLoader", "ckpt_name"): "checkpoints",
        ("LTXAVTextEncoderLoader", "text_encoder"): "text_encoders",
    }
)
# Classes that accept any choice: the one that isn't available has a substitute.
_TAKE_ANY = frozenset({"ModelAttentionBackend"})


def is_newer(version: str, than: str) -> bool:
    """Return whether a version is newer than another. False if either can't be read, such as a
    commit."""
    first, second = _numbers(version), _numbers(than)
    return first is not None and second is not None and first > second


def newest(*versions: str) -> str:
    """Return the newest version, "" if none can be read."""
    read = [(numbers, one) for one in versions if (numbers := _numbers(one)) is not None]
    return max(read)[1].removeprefix("v") if read else ""


def _numbers(version: str) -> tuple[int, int, int] | None:
    match = _VERSION.match(version)
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None


def folder_of_loader(class_type: str, input_name: str) -> str:
    """Return the model folder that a loader's input lists, "" if unknown."""
    return _BY_INPUT.get((class_type, input_name)) or _BY_CLASS.get(class_type, "")


@dataclass(frozen=True, slots=True)
class UnknownChoice:
    """A value at an input that isn't in the server's list, and isn't a model file."""

    place: InputRef
    value: str


@dataclass(frozen=True, slots=True)
class Readiness:
    """Parts of a prompt's requirements that one server lacks, each "" or empty if it has them.

    `models`: the files to download; `size`: their size in bytes, 0 if unknown. `packs`: the packs
    of the missing classes, without ComfyUI itself. `version`: the version of ComfyUI that has its
    missing classes, or that the template declares; "?" if no version is known. `classes`: the
    missing classes whose pack is unknown, but not if a newer ComfyUI probably has them. `is_paid`:
    it uses paid nodes. `paid_is_off`: the server has none. `is_valid`: it has a result, and
    nodes with all their required links.
    """

    models: tuple[ModelFile, ...] = ()
    packs: tuple[NodePack, ...] = ()
    classes: tuple[str, ...] = ()
    choices: tuple[UnknownChoice, ...] = ()
    version: str = ""
    size: int = 0
    is_paid: bool = False
    paid_is_off: bool = False
    is_valid: bool = True

    @property
    def can_run(self) -> bool:
        """Return whether the server accepts the prompt, once its input files are there."""
        missing = (self.models, self.packs, self.classes, self.choices, self.version)
        return self.is_valid and not self.paid_is_off and not any(missing)

    @property
    def effort(self) -> int:
        """Return how much is missing, for sorting: 0 for nothing, then models, packs, ComfyUI."""
        if self.can_run:
            return 0
        if not self.is_valid or self.paid_is_off or self.version:
            return 4
        if self.packs or self.classes:
            return 3
        return 2 if self.choices else 1


def judge(
    prompt: Prompt,
    catalog: Catalog,
    *,
    models: Iterable[ModelFile] = (),
    declared: Declared = NOTHING_DECLARED,
    server_version: str = "",
) -> Readiness:
    """Return what a server with this catalog lacks for a prompt, as converted for this catalog.

    `models`: the files that its graph names (`models_of`), for the missing files' addresses.
    `server_version`: the server's version of ComfyUI, "" if unknown.
    """
    missing = [one for one in _classes_of(prompt) if one not in catalog]
    packs = packs_of(prompt)
    core = [one for one in missing if _is_core(one, packs)]
    is_off = any(one in PAID_NODES for one in core) and not has_paid_nodes(catalog)
    alive, has_results = _alive(prompt, catalog)
    files, choices = _sorted_out(_unoffered(prompt, alive, catalog), prompt, models)
    version = _version(core, packs, declared, server_version, is_off=is_off)
    others = [one for one in missing if one not in core]
    unnamed = [one for one in others if one not in packs and not version]
    if not declared.packs:
        packs |= {one: NodePack(pack) for one in unnamed if (pack := known_pack(one))}
        unnamed = [one for one in unnamed if one not in packs]
    named = [packs[one] for one in others if one in packs]
    return Readiness(
        models=files,
        packs=tuple(dict.fromkeys((*named, *(declared.packs if unnamed else ())))),
        classes=() if declared.packs else tuple(unnamed),
        choices=choices,
        version=version,
        size=_size(files, prompt, alive, declared),
        is_paid=any(_is_paid(one, catalog) for one in _classes_of(prompt)),
        paid_is_off=is_off,
        is_valid=has_results and not any(_without_link(prompt, alive, catalog)),
    )


def unconnected(prompt: Prompt, catalog: Catalog) -> dict[str, list[InputRef]]:
    """Return the required inputs without a link that each result depends on. The server accepts a
    prompt if one of its results has none."""
    return {
        end: sorted(_without_link(prompt, _feeding(prompt, [end]), catalog))
        for end in _ends(prompt, catalog)
    }


def best_of(servers: Iterable[Readiness]) -> Readiness:
    """Return the readiness of the server that lacks least. There has to be at least one."""
    return min(servers, key=lambda one: (one.effort, len(one.models), len(one.choices)))


def _classes_of(prompt: Prompt) -> dict[str, None]:
    """Return a prompt's node classes in order, each once."""
    return dict.fromkeys(node["class_type"] for node in prompt.values())


def _is_core(class_type: str, packs: Mapping[str, NodePack]) -> bool:
    """Return whether a class is one of ComfyUI's own. `packs`: see `packs_of`."""
    pack = packs.get(class_type)
    return pack.is_core if pack else class_type in CORE_NODES | PAID_NODES


def _is_paid(class_type: str, catalog: Catalog) -> bool:
    raw = as_mapping(catalog.raw.get(class_type))
    if raw:
        return raw.get("api_node") is True or _module(raw) == PAID_MODULE
    return class_type in PAID_NODES


def has_paid_nodes(catalog: Catalog) -> bool:
    """Return whether the server offers any of ComfyUI's paid nodes (docs/comfyui.md#47)."""
    return any(_module(raw) == PAID_MODULE for raw in catalog.raw.values())


def _module(raw: object) -> str:
    return as_text(as_mapping(raw).get("python_module")).partition(".")[0]


def _version(
    core: list[str],
    packs: Mapping[str, NodePack],
    declared: Declared,
    server_version: str,
    *,
    is_off: bool,
) -> str:
    """Return the version of ComfyUI that is needed if it is newer than the server's, otherwise "",
    or "?" if only a newer version can have the missing classes."""
    free = [one for one in core if not (is_off and one in PAID_NODES)]
    saved = (packs[one].version for one in free if one in packs)
    needed = newest(declared.version, *saved)
    if is_newer(needed, server_version) or (needed and free and not server_version):
        return needed
    return "?" if free else ""


def _alive(prompt: Prompt, catalog: Catalog) -> tuple[set[str], bool]:
    """Return the nodes that feed a result, and whether there is any result."""
    ends = _ends(prompt, catalog)
    return _feeding(prompt, ends), bool(ends)


def _ends(prompt: Prompt, catalog: Catalog) -> list[str]:
    """Return the nodes with a result. A node of an unknown class may be one."""
    return [
        node_id
        for node_id, node in prompt.items()
        if node["class_type"] not in catalog
        or catalog.raw[node["class_type"]].get("output_node") is True
    ]


def _feeding(prompt: Prompt, ends: list[str]) -> set[str]:
    """Return these nodes and the nodes that feed them."""
    alive, todo = set(ends), list(ends)
    for node_id in todo:
        for _, link in links(prompt[node_id]):
            if link.node in prompt and link.node not in alive:
                alive.add(link.node)
                todo.append(link.node)
    return alive


def _unoffered(prompt: Prompt, alive: set[str], catalog: Catalog) -> Iterator[tuple[InputRef, str]]:
    """Yield the values that aren't in the server's list, with their inputs."""
    for node_id in alive:
        node = prompt[node_id]
        spec = None if node["class_type"] in _TAKE_ANY else catalog.get(node["class_type"])
        declared = spec.active_inputs(node["inputs"]) if spec else {}
        for name, value in node["inputs"].items():
            if (one := declared.get(name)) is not None and _is_unoffered(one, value):
                yield InputRef(node_id, name), str(value)
        groups = (one.rows for one in declared.values() if one.rows)
        for group in (one for one in groups if one.notation is not RowNotation.DOTTED):
            rows = read_rows(group, node["inputs"]) or ()
            for _, _, value in unoffered_cells(group, rows):
                yield InputRef(node_id, group.name), str(value)


def _size(
    missing: tuple[ModelFile, ...], prompt: Prompt, alive: set[str], declared: Declared
) -> int:
    """Return the size of the missing files in bytes, 0 if unknown. A template declares only the
    size of all files together."""
    used = {
        file_key(value)
        for node_id in alive
        for value in prompt[node_id]["inputs"].values()
        if isinstance(value, str) and is_model_file(value)
    }
    if declared.size and len(missing) == len(used):
        return declared.size
    sizes = [one.size for one in missing]
    return sum(sizes) if all(sizes) else 0


def _is_unoffered(spec: InputSpec, value: object) -> bool:
    if spec.choices is None or spec.upload or not isinstance(value, str | int | float):
        return False
    if not spec.choices and not is_model_file(str(value)):
        return False  # nodes such as CustomCombo declare an empty list and take any text
    try:
        match_choice(value, spec.choices)
    except BadValue:
        return True
    return False


def _without_link(prompt: Prompt, alive: set[str], catalog: Catalog) -> Iterator[InputRef]:
    """Yield the required inputs without their link. The app sets missing values itself."""
    for node_id in alive:
        given = prompt[node_id]["inputs"]
        spec = catalog.get(prompt[node_id]["class_type"])
        for one in spec.inputs if spec else ():
            is_link = not one.is_widget and not one.is_group
            if one.required and is_link and one.name not in given:
                yield InputRef(node_id, one.name)


def _sorted_out(
    unoffered: Iterable[tuple[InputRef, str]], prompt: Prompt, models: Iterable[ModelFile]
) -> tuple[tuple[ModelFile, ...], tuple[UnknownChoice, ...]]:
    """Return the missing model files, each once, and the other unknown choices."""
    named = {one.key: one for one in models}
    files: dict[str, ModelFile] = {}
    choices: list[UnknownChoice] = []
    for place, value in sorted(unoffered):
        key, path = file_key(value), safe_path(value)
        if (known := named.get(key)) is not None:
            files.setdefault(key, replace(known, name=path or known.name))
        elif path and is_model_file(value):
            folder = folder_of_loader(prompt[place.node]["class_type"], place.input)
            files.setdefault(key, ModelFile(path, folder))
        else:
            choices.append(UnknownChoice(place, value))
    return tuple(files.values()), tuple(choices)
