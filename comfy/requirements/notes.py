"""Model files that notes in a graph link to, such as Markdown lists of downloads.

Authors write the folder above a list of links (`**text_encoders**`), as a part of the address
(`…/split_files/vae/ae.safetensors`), or as a tree of folders with the files' names:

    📂 models/
    ├── 📂 vae/
    │   └── ae.safetensors
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from comfy.base.files import is_model_file
from comfy.requirements.model import ModelFile, file_key, safe_path

_MOST_TEXT = 100_000  # characters of one note
_URL = re.compile(r"https?://[^\s<>\"'`|\\^{}\[\]]{1,2000}")
_HEADING = re.compile(r"^[\s#>*_`:\-]*([A-Za-z][\w ]{1,40}?)[\s*_`:：/]*$")
_TREE_LINE = re.compile(
    r"^[\s│├└─┬|+`\-]*(?:\N{OPEN FILE FOLDER}|\N{FILE FOLDER})?\s*(?P<name>[\w.\- /]+?)\s*$"
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


def models_in_note(text: str) -> tuple[ModelFile, ...]:
    """Return the model files that a note links to, in order, each once."""
    lines = text[:_MOST_TEXT].splitlines()
    trees = dict(_in_trees(lines))
    found: dict[str, ModelFile] = {}
    folder = ""
    for line in lines:
        folder = _folder_of_heading(line) or folder
        for match in _URL.finditer(line):
            url = download_url(_without_bracket(match[0]))
            name = unquote(urlsplit(url).path.rpartition("/")[2]) if url else ""
            if name and is_model_file(name) and safe_path(name) == name:
                where = trees.get(file_key(name)) or _folder_in(url) or folder
                found.setdefault(file_key(name), ModelFile(name, where, url))
    return tuple(found.values())


def download_url(url: str) -> str:
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
        match = _TREE_LINE.match(line[:200])
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
