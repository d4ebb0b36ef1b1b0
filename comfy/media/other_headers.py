"""Files that keep their metadata in one header: safetensors and latents, GLB models, SVG and
OpenEXR images."""

from __future__ import annotations

import json
from collections.abc import Iterator

from comfy.base.json_values import NotJson, TooDeep, read_json
from comfy.media.reader import DAMAGED, MAX_TEXT, DamagedFile, Reader, Text, decode_text

EXR_SIGNATURE = b"\x76\x2f\x31\x01"
_GLB_JSON = 0x4E4F534A


def read_safetensors(reader: Reader) -> Iterator[Text]:
    """Yield the `__metadata__` of a safetensors file, where SaveLatent and the model savers put
    both documents. Raises DamagedFile."""
    reader.position = 0
    yield from _entries(reader.take(reader.number(8, "little")), "__metadata__")


def read_glb(reader: Reader) -> Iterator[Text]:
    """Yield the `asset.extras` of a binary glTF model, where SaveGLB puts both documents. Raises
    DamagedFile."""
    reader.position = 12
    length, kind = reader.number(4, "little"), reader.number(4, "little")
    if kind != _GLB_JSON:
        raise DamagedFile(DAMAGED)
    yield from _entries(reader.take(length), "asset", "extras")


def read_svg(reader: Reader) -> Iterator[Text]:
    """Yield the CDATA in `<metadata>`, where SaveSVGNode puts one JSON object of all documents.
    Raises DamagedFile."""
    reader.position = 0
    text = decode_text(reader.take(min(reader.size, MAX_TEXT)))
    _, _, inside = text.partition("<metadata")
    _, marker, data = inside.partition("<![CDATA[")
    if marker:
        yield Text("metadata", data.partition("]]>")[0])


def read_exr(reader: Reader) -> Iterator[Text]:
    """Yield the string attributes of an OpenEXR header, where SaveImageAdvanced puts both
    documents. Raises DamagedFile."""
    reader.position = 8
    while head := _string(reader):
        kind = _string(reader)
        length = reader.number(4, "little")
        end = reader.position + length
        if kind == "string":
            yield Text(head, decode_text(reader.take(length)))
        reader.position = end


def _string(reader: Reader) -> str:
    """Read a NUL-terminated name; OpenEXR allows 255 bytes."""
    start = reader.position
    name, _, _ = reader.take(min(256, reader.left)).partition(b"\0")
    reader.position = start + len(name) + 1
    return decode_text(name)


def _entries(header: bytes, *path: str) -> Iterator[Text]:
    try:
        value = read_json(decode_text(header))
    except (NotJson, TooDeep) as error:
        raise DamagedFile(DAMAGED) from error
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    if isinstance(value, dict):
        for key, text in value.items():
            yield Text(key, text if isinstance(text, str) else json.dumps(text))
