"""Find ComfyUI's two documents in JSON, prompts (API format) and editor graphs, in any wrapping.

Seen in practice: a POST body, a history entry (`[number, id, prompt, extra_data, outputs]`), a
worker's job (`{"input": {"workflow": …}}`), other tools' own files, and JSON encoded as a string
once or twice. Only this module distinguishes prompts from graphs.

Extract the workflow from a file by ComfyUI, its packs or other tools.

ComfyUI saves two documents (docs/comfyui.md#30): the executed *prompt*, and the editor's *graph*.
The first bytes determine a file's type, never its name. The content determines a text's type, never
its position.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

from comfy.base.errors import WorkflowError, words_of
from comfy.base.json_values import NotJson, TooDeep, read_json
from comfy.base.messages import message
from comfy.base.wording import one_line
from comfy.media import audio, exif, png, video
from comfy.media import other_headers as headers
from comfy.media.reader import (
    LENGTH,
    MAX_TEXT,
    TOO_MUCH,
    Begins,
    DamagedFile,
    Reader,
    Text,
    decode_text,
    is_avif,
    is_iso,
    is_mpeg_audio,
    is_riff,
    starts,
)

DocumentKind = Literal["prompt", "graph"]
_MAX_WRAPS = 6
# Keys under which programs wrap the documents.
_WRAPPERS = (
    "prompt",
    "workflow",
    "output",
    "extra_data",
    "extra_pnginfo",
    "workflow_api",
    "workflow_json",
    "graph",
    "input",
    "data",
)
log = logging.getLogger(__name__)
_ORIGINAL = message(
    "Use the original file. Editing it or sending it through a chat app usually removes the"
    " workflow."
)
_KINDS = message("Open a JSON file, or an image, video, audio or model file saved by ComfyUI.")
_SAVE_AGAIN = message("Save or download the file again.")
# Names under which ComfyUI saves its own documents. Other names only count when these are missing.
_OWN_KEY: dict[DocumentKind, str] = {"prompt": "prompt", "graph": "workflow"}
# Limit of JSON per file, in brackets and commas. A second is enough to parse about four million.
_MAX_WORK = 2_000_000
_TEXT_WORK = 20  # additional cost of each text
# Keys of texts in which other programs describe an image, and the programs' names.
_FOREIGN = {
    "parameters": "Stable Diffusion web UI",
    "sui_image_params": "SwarmUI",
    "invokeai_metadata": "InvokeAI",
    "fooocus_scheme": "Fooocus",
}


@dataclass(frozen=True, slots=True)
class FoundDocument:
    """Prompt or graph found in a file. `key` is its key there, in lower case (empty at the top
    level)."""

    kind: DocumentKind
    key: str
    data: dict[str, Any]


def documents(value: object, key: str = "") -> Iterator[FoundDocument]:
    """Yield every prompt and graph in a JSON value, outermost first. Also searches strings that
    contain JSON. Never raises."""
    yield from _search(value, key.lower(), 0)


def _is_prompt(value: object) -> bool:
    """Return True for the API format: at least one node with a `class_type`, with any
    other keys."""
    return isinstance(value, dict) and any(is_node(node) for node in value.values())


def _is_graph(value: object) -> bool:
    """Return True for the editor's format: a list of nodes, as in schemas 0.4 and 1.0. glTF files
    have one too, but no links or typed nodes. The server refuses a graph as a prompt
    (docs/comfyui.md#17)."""
    if not isinstance(value, dict) or not isinstance(value.get("nodes"), list):
        return False
    nodes = value["nodes"]
    return "links" in value or any(
        isinstance(node, dict) and "id" in node and "type" in node for node in nodes
    )


def _search(value: object, key: str, depth: int) -> Iterator[FoundDocument]:
    if depth > _MAX_WRAPS:
        return
    match value:
        case str():
            yield from _inside_string(value, key, depth)
        case list():
            for item in value[:8]:
                yield from _search(item, key, depth + 1)
        case dict() if _is_graph(value):
            yield FoundDocument("graph", key, value)
        case dict():
            if _is_prompt(value):
                yield FoundDocument("prompt", key, value)
            for name in _wrapped(value):
                yield from _search(value[name], name, depth + 1)


def _wrapped(value: dict[str, Any]) -> Iterator[str]:
    """Yield the keys that may contain documents: the known wrappers, and the id around a copied
    history's single entry."""
    yield from (name for name in _WRAPPERS if name in value and not is_node(value[name]))
    if len(value) == 1:
        yield from (name for name in value if name not in _WRAPPERS and not is_node(value[name]))


def _inside_string(text: str, key: str, depth: int) -> Iterator[FoundDocument]:
    if text.lstrip()[:1] not in ("{", "[", '"'):
        return
    try:
        value = read_json(text)
    except (NotJson, TooDeep):
        return
    yield from _search(value, key, depth + 1)


def is_node(value: object) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("class_type"), str)
        and bool(value["class_type"])
    )


@dataclass(frozen=True, slots=True)
class ExtractedWorkflow:
    """Documents in one file, as parsed JSON: at least one of the two. `where` describes their
    location in the file."""

    prompt: dict[str, Any] | None
    graph: dict[str, Any] | None
    where: str


def find_workflow(data: bytes, name: str) -> ExtractedWorkflow:
    """Return the documents in a file's bytes, or in pasted text as UTF-8. `name` is for messages
    only.

    Raises WorkflowError, and nothing else, for any bytes.
    """
    return _find(io.BytesIO(data), name)


def find_workflow_in(path: Path) -> ExtractedWorkflow:
    """Return the documents in a file like `find_workflow`, but read only as much as its headers
    need. Raises WorkflowError."""
    try:
        with path.open("rb") as file:
            return _find(file, path.name)
    except OSError as error:
        raise WorkflowError(
            message("{file} cannot be read: {why}.", file=_shown(path.name), why=words_of(error))
        ) from error


@dataclass(frozen=True, slots=True)
class _Unread:
    """Text that looks like JSON but can't be parsed. `key` is its name."""

    key: str
    too_deep: bool


@dataclass(frozen=True, slots=True)
class _Family:
    """Family of files with the same beginning. `begins` checks their first bytes."""

    where: str
    begins: Begins
    texts: Callable[[Reader], Iterable[Text]]


def _is_safetensors(head: bytes) -> bool:
    return head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= MAX_TEXT


def _is_svg(head: bytes) -> bool:
    return head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<"


def is_json(head: bytes) -> bool:
    """Return whether a file with this beginning can only be JSON."""
    return file_text(head).lstrip()[:1] in ("{", "[", '"')


_FAMILIES = (
    _Family("PNG text", starts(png.PNG_SIGNATURE), png.read_png),
    _Family("EXIF", is_riff(b"WEBP"), exif.read_exif),
    _Family("EXIF", starts(b"\xff\xd8\xff", b"II*\0", b"MM\0*"), exif.read_exif),
    _Family("EXIF", is_avif, exif.read_exif),
    _Family("GIF comment", starts(b"GIF8"), exif.read_exif),
    _Family("video tags", is_iso, video.read_iso),
    _Family("video tags", starts(b"\x1a\x45\xdf\xa3"), video.read_matroska),
    _Family("audio tags", starts(b"fLaC"), audio.read_flac_file),
    _Family("audio tags", starts(b"OggS"), audio.read_ogg),
    _Family("audio tags", is_mpeg_audio, audio.read_mp3),
    _Family("RIFF tags", is_riff(b"WAVE", b"AVI "), audio.read_riff),
    _Family("GLB extras", starts(b"glTF"), headers.read_glb),
    _Family("EXR header", starts(headers.EXR_SIGNATURE), headers.read_exr),
    _Family("safetensors header", _is_safetensors, headers.read_safetensors),
    _Family("SVG metadata", _is_svg, headers.read_svg),
    _Family("JSON", is_json, lambda reader: _json_file(reader)),
)


def _find(file: BinaryIO, name: str) -> ExtractedWorkflow:
    shown, reader = _shown(name), Reader(file)
    head = file.read(0) if not reader.size else reader.take(min(LENGTH, reader.size))
    if not head.strip(b"\0 \t\r\n"):
        raise WorkflowError(message("{file} is empty.", file=shown), _KINDS)
    family = next((family for family in _FAMILIES if family.begins(head)), None)
    if family is None:
        raise WorkflowError(message("{file} isn't supported.", file=shown), _KINDS)
    reader.position = 0
    texts, problem = _collect(family.texts(reader))
    found_documents, unread = _documents(texts)
    prompt, graph = found_documents.get("prompt"), found_documents.get("graph")
    if prompt is None and graph is None:
        raise _refusal(shown, family, texts, unread, problem)
    where = family.where
    if keys := dict.fromkeys(
        document.key for document in (prompt, graph) if document and document.key
    ):
        where += f" ({', '.join(keys)})"
    return ExtractedWorkflow(prompt.data if prompt else None, graph.data if graph else None, where)


def _collect(texts: Iterable[Text]) -> tuple[list[Text], str]:
    """Collect all texts up to the end or the first damage. Returns the damage's description too."""
    collected: list[Text] = []
    try:
        collected.extend(texts)
    except DamagedFile as damage:
        return collected, str(damage)
    return collected, ""


def _documents(texts: Sequence[Text]) -> tuple[dict[DocumentKind, FoundDocument], list[_Unread]]:
    """Return the document of each kind that counts, and the texts that look like JSON but aren't.

    Texts under ComfyUI's own names come first. The last of several counts, because the editor lets
    a later one replace an earlier one. So texts are read from the end, and only as many as needed.
    """
    own: dict[DocumentKind, FoundDocument] = {}
    other: dict[DocumentKind, FoundDocument] = {}
    unread: list[_Unread] = []
    left = _MAX_WORK
    for text in reversed(texts):
        if len(own) == len(_OWN_KEY):
            break
        key, body = _unprefixed(text)
        if not _may_be_json(body):
            continue
        left -= _TEXT_WORK + sum(map(body.count, "[{,"))
        try:
            if left < 0:
                raise TooDeep  # noqa: TRY301 - the same error for every timeout
            for document in reversed(list(documents(read_json(body), key))):
                (own if document.key == _OWN_KEY[document.kind] else other).setdefault(
                    document.kind, document
                )
        except (NotJson, TooDeep) as error:
            unread.append(_Unread(key, isinstance(error, TooDeep)))
    return other | own, unread[::-1]


def _unprefixed(text: Text) -> tuple[str, str]:
    """Return the name and content of a text from EXIF. EXIF has no names for these, so the name
    precedes the text: `prompt:{…}` or `Workflow: {…}`."""
    head, colon, rest = text.text.partition(":")
    if colon and head.strip().replace("_", "").isalnum() and len(head) <= 40 and _may_be_json(rest):
        return head.strip(), rest
    return text.key, text.text


def _may_be_json(text: str) -> bool:
    return text[:100].lstrip("\0\ufeff \t\r\n")[:1] in ("{", "[", '"')


def _refusal(
    shown: str, family: _Family, texts: Sequence[Text], unread: Sequence[_Unread], problem: str
) -> WorkflowError:
    """Return the most specific error for a file without a workflow."""
    for text in unread:
        if text.key.lower() not in _OWN_KEY.values() and family.where != "JSON":
            continue
        if text.too_deep:
            return _too_large(shown)
        what = (
            message("{file} isn't JSON, or is cut off.", file=shown)
            if family.where == "JSON"
            else message("{file} is damaged.", file=shown)
        )
        return WorkflowError(what, _SAVE_AGAIN if text.key else _KINDS)
    if problem == TOO_MUCH:
        return _too_large(shown)
    if problem:
        log.info("A file is damaged: %s", problem)
        return WorkflowError(message("{file} is damaged.", file=shown), _SAVE_AGAIN)
    others = [_FOREIGN[text.key.lower()] for text in texts if text.key.lower() in _FOREIGN]
    if others:
        return WorkflowError(
            message(
                "{file} contains settings for {program}, but no ComfyUI workflow.",
                file=shown,
                program=others[0],
            ),
            _ORIGINAL,
        )
    return WorkflowError(
        message("No workflow found in {file}.", file=shown),
        _ORIGINAL if family.where != "JSON" else _KINDS,
    )


def _too_large(shown: str) -> WorkflowError:
    return WorkflowError(
        message("{file} is nested too deeply to be a workflow, or too large.", file=shown),
        _ORIGINAL,
    )


def _json_file(reader: Reader) -> Iterator[Text]:
    if reader.size > MAX_TEXT:
        raise DamagedFile(TOO_MUCH)
    yield Text("", file_text(reader.take(reader.size)))


def file_text(data: bytes) -> str:
    """Decode a text file: UTF-16 if it has that byte order mark (Windows Notepad), otherwise UTF-8
    with possible errors."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    return decode_text(data.removeprefix(b"\xef\xbb\xbf"))


def _shown(name: str) -> str:
    """Return a file name for a message, in one line and shortened."""
    line = one_line(name[:400])
    if not line:
        return message("Unnamed file")
    return line if len(line) <= 80 else f"{line[:79]}…"
