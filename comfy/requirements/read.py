"""Read the requirements that a graph, a prompt or a template index names.

ComfyUI's editor saves them in its nodes' `properties`: `models`, a list of files with addresses,
and the pack of each node (docs/comfyui.md#59).

Model files that notes in a graph link to, such as Markdown lists of downloads.

Authors write the folder above a list of links (`**text_encoders**`), as a part of the address
(`…/split_files/vae/ae.safetensors`), or as a tree of folders with the files' names:

    📂 models/
    ├── 📂 vae/
    │   └── ae.safetensors
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from comfy.base.files import is_model_file
from comfy.base.json_values import as_dicts, as_list, as_mapping, as_number, as_text
from comfy.graph.schema import pack_names
from comfy.prompt.model import Prompt
from comfy.requirements.model import Declared, ModelFile, NodePack, file_key, safe_path

_MOST_TEXT = 100_000  # characters of one note
_URL = re.compile(r"https?://[^\s<>\"'`|\\^{}\[\]]{1,2000}")
_HEADING = re.compile(r"^[\s#>*_`:\-]*([A-Za-z][\w ]{1,40}?)[\s*_`:：/]*$")
_TREE_LINE = re.compile(
    r"^[\s│├└─┬|+`\-]*+(?:\N{OPEN FILE FOLDER}|\N{FILE FOLDER})?\s*+(?P<name>[\w.\- /]+)$"
)
_HUGGING_FACE = ("huggingface.co", "www.huggingface.co", "hf.co")
# Folders of ComfyUI 0.33.0 for models, and their older names.
_FOLDER_NAMES = """
audio_encoders background_removal checkpoints clip clip_vision configs controlnet detection
diffusers diffusion_models embeddings frame_interpolation geometry_estimation gligen hypernetworks
latent_upscale_models loras model_patches optical_flow photomaker style_models text_encoders unet
upscale_models vae vae_approx
"""
_FOLDERS = frozenset(_FOLDER_NAMES.split())
_NOTES = frozenset({"MarkdownNote", "Note"})
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_REPOSITORY = re.compile(r"^https://github\.com/([^/]+/[^/]+?)(?:\.git)?/?$")
_MOST_MODELS = 500
_LARGEST = 2**50  # bytes


def _models_in_note(text: str) -> tuple[ModelFile, ...]:
    """Return the model files that a note links to, in order, each once."""
    lines = text[:_MOST_TEXT].splitlines()
    trees = dict(_in_trees(lines))
    found: dict[str, ModelFile] = {}
    folder = ""
    for line in lines:
        folder = _folder_of_heading(line) or folder
        for match in _URL.finditer(line):
            url = _download_url(_without_bracket(match[0]))
            name = unquote(urlsplit(url).path.rpartition("/")[2]) if url else ""
            if name and is_model_file(name) and safe_path(name) == name:
                where = trees.get(file_key(name)) or _folder_in(url) or folder
                found.setdefault(file_key(name), ModelFile(name, where, url))
    return tuple(found.values())


def _download_url(url: str) -> str:
    """Return the address of a file's bytes for the address of its page at Hugging Face, other
    addresses unchanged; "" for something else than a web address."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return ""
    if parts.scheme not in ("https", "http") or not host or not url.isprintable():
        return ""
    if host in _HUGGING_FACE:
        return parts._replace(path=parts.path.replace("/blob/", "/resolve/", 1)).geturl()
    return url


def _without_bracket(url: str) -> str:
    """Return an address without the punctuation that ends its Markdown link or its sentence."""
    while url and (url[-1] in ".,;:!?*_" or (url[-1] == ")" and url.count("(") < url.count(")"))):
        url = url[:-1]
    cut = url.find(")")
    return url[:cut] if cut > 0 and "(" not in url[:cut] else url


def _folder_of_heading(line: str) -> str:
    match = _HEADING.match(line[:80])
    name = match[1].strip().lower().replace(" ", "_") if match else ""
    return next((one for one in (name, f"{name}s", f"{name}_models") if one in _FOLDERS), "")


def _folder_in(url: str) -> str:
    """Return the folder of a file that its address names, nearest to the file."""
    parts = unquote(urlsplit(url).path).split("/")[:-1]
    return next((part for part in reversed(parts) if part in _FOLDERS), "")


def _in_trees(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the files in drawn trees of folders, and the folder that each is in."""
    folder, inside = "", False
    for line in lines:
        match = _TREE_LINE.match(line[:200].rstrip())
        name = match["name"].strip() if match else ""
        if match is None or not (inside or "models" in name):
            inside = inside and bool(line.strip(" │|"))
            continue
        inside = True
        if is_model_file(name):
            if folder and safe_path(name) == name:
                yield file_key(name), folder
        else:
            parts = [part for part in name.rstrip("/").split("/") if part]
            folder = next((part for part in reversed(parts) if part in _FOLDERS), "")


def models_of(graph: Mapping[str, Any]) -> tuple[ModelFile, ...]:
    """Return the model files that a graph's nodes list, then those that only its notes link to."""
    nodes = list(_nodes(graph))
    listed: dict[tuple[str, str], ModelFile] = {}
    linked: dict[str, ModelFile] = {}
    for node in nodes:
        for raw in as_dicts(as_mapping(node.get("properties")).get("models")):
            if model := model_in(raw):
                listed.setdefault((model.folder, model.name), model)
        if node.get("type") in _NOTES:
            for model in _models_in_note(_text_of(node)):
                linked.setdefault(model.key, model)
    known = {model.key for model in listed.values()}
    others = (model for key, model in linked.items() if key not in known)
    return (*(completed(one, linked) for one in listed.values()), *others)[:_MOST_MODELS]


def node_types(graph: Mapping[str, Any]) -> set[str]:
    """Return the types of all nodes in a graph, also of nodes that don't run."""
    return {kind for node in _nodes(graph) if isinstance(kind := node.get("type"), str)}


def saved_texts(graph: Mapping[str, Any], types: Container[str]) -> Iterator[str]:
    """Yield the texts among the saved values of a graph's nodes of these types."""
    for node in _nodes(graph):
        if node.get("type") in types:
            yield from texts_in(node.get("widgets_values"))


def texts_in(value: object) -> Iterator[str]:
    """Yield the texts in a value, also those in its lists and objects."""
    match value:
        case str():
            yield value
        case list():
            yield from (text for one in value for text in texts_in(one))
        case dict():
            yield from (text for one in value.values() for text in texts_in(one))


def packs_of(prompt: Prompt) -> dict[str, NodePack]:
    """Return the node pack of each class that a prompt's `_meta` names, with the newest version
    first seen. Exports of editors since 1.58 name them, and so do converted graphs."""
    packs: dict[str, NodePack] = {}
    for node in prompt.values():
        names = pack_names(as_mapping(node.get("_meta")))
        pack = names.get("cnr_id") or names.get("aux_id")
        if pack and node["class_type"] not in packs:
            packs[node["class_type"]] = NodePack(pack, _known_version(names.get("ver", "")))
    return packs


def valid_pack(name: str, version: str = "") -> NodePack | None:
    """Return the pack with this id or GitHub repository, None if it can't be one. An invalid
    version counts as unknown."""
    kind = "aux_id" if "/" in name else "cnr_id"
    names = pack_names({kind: name, "ver": version})
    return NodePack(names[kind], _known_version(names.get("ver", ""))) if kind in names else None


def pack_at(address: str) -> str:
    """Return the name of the pack with this id or address: the address of a repository on GitHub
    becomes "owner/name". "" for any other address."""
    name = _REPOSITORY.sub(r"\1", address.strip())
    return name if valid_pack(name) else ""


def declared_by(entry: Mapping[str, Any]) -> Declared:
    """Return the requirements that an entry of a template index declares."""
    packs = _pack_ids(entry.get("requiresCustomNodes"))
    version = as_text(entry.get("minComfyUIVersion")).strip()[:50]
    return Declared(_size(entry.get("size")), packs, version)


def _pack_ids(value: object) -> tuple[NodePack, ...]:
    """Return the packs in a list of ids, without invalid ones."""
    ids = (pack_names({"cnr_id": one}).get("cnr_id") for one in as_list(value)[:_MOST_MODELS])
    return tuple(NodePack(one) for one in dict.fromkeys(filter(None, ids)))


def _nodes(graph: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield from as_dicts(graph.get("nodes"))
    for subgraph in as_dicts(as_mapping(graph.get("definitions")).get("subgraphs")):
        yield from _nodes(subgraph)
    for group in as_mapping(as_mapping(graph.get("extra")).get("groupNodes")).values():
        yield from as_dicts(as_mapping(group).get("nodes"))


def model_in(raw: Mapping[str, Any]) -> ModelFile | None:
    """Return the file that an entry of `properties.models` names, None without a safe name."""
    name, folder = safe_path(as_text(raw.get("name"))), safe_path(as_text(raw.get("directory")))
    if not name:
        return None
    checksum = as_text(raw.get("hash"))
    is_sha256 = as_text(raw.get("hash_type")).upper() == "SHA256" and _SHA256.fullmatch(checksum)
    return ModelFile(
        name,
        folder,
        _download_url(as_text(raw.get("url"))[:2000]),
        checksum.lower() if is_sha256 else "",
        _size(raw.get("size")),
    )


def completed(model: ModelFile, known: Mapping[str, ModelFile]) -> ModelFile:
    """Return a file with the folder, address, checksum and size of a known file of this name, where
    its own are unknown."""
    other = known.get(file_key(model.name))
    if other is None or (model.url and model.folder):
        return model
    return ModelFile(
        model.name,
        model.folder or other.folder,
        model.url or other.url,
        model.sha256 or ("" if model.url else other.sha256),
        model.size or other.size,
    )


def _text_of(node: Mapping[str, Any]) -> str:
    values = node.get("widgets_values")
    values = list(values.values()) if isinstance(values, dict) else as_list(values)
    return "\n".join(one for one in values if isinstance(one, str))


def _size(value: object) -> int:
    number = as_number(value)
    return int(number) if number is not None and 0 < number < _LARGEST else 0


def _known_version(version: str) -> str:
    return "" if version == "unknown" else version
