"""Arrange the tables of fields in a TOML file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from comfy.workflow.settings.blocks import TomlBlock


@dataclass(frozen=True, slots=True)
class FieldBlock:
    """The table of a field with the tables inside it, or another part of the file with an empty
    `key`. `repeats`: the key of a field that has an earlier table."""

    key: str
    blocks: tuple[TomlBlock, ...]
    repeats: str = ""


def field_blocks(blocks: Iterable[TomlBlock], key: Callable[[str], str]) -> list[FieldBlock]:
    """Return the parts of a file in order. `key`: returns the key for a name in the file."""
    parts: list[FieldBlock] = []
    at: dict[str, int] = {}  # by name
    keys: set[str] = set()
    for block in blocks:
        if block.path[:1] != ("fields",) or len(block.path) < 2:
            parts.append(FieldBlock("", (block,)))
            continue
        name = block.path[1]
        if name in at:
            part = parts[at[name]]
            parts[at[name]] = replace(part, blocks=(*part.blocks, block))
            continue
        at[name] = len(parts)
        own = key(name)
        parts.append(FieldBlock("", (block,), own) if own in keys else FieldBlock(own, (block,)))
        keys.add(own)
    return parts


def arranged(
    parts: Sequence[FieldBlock],
    order: Sequence[str],
    written: Callable[[str, FieldBlock | None], FieldBlock],
) -> list[TomlBlock]:
    """Return the blocks with the fields in this order, and without others.

    `written`: returns a field's new table, given the present one. Fields that stay exchange their
    places; a new one follows the field before it.
    """
    known = {part.key: part for part in parts if part.key}
    kept = [part for part in parts if not (part.key or part.repeats) or _key(part) in order]
    places = [at for at, part in enumerate(kept) if part.key]
    for at, key in zip(places, [key for key in order if key in known], strict=True):
        is_moved = kept[at].key != key
        kept[at] = _marked(written(key, known[key]), is_moved=is_moved)
    before = ""
    for key in order:
        if key not in known:
            after = next(
                (at + 1 for at, part in enumerate(kept) if before and part.key == before), 0
            )
            first = places[0] if places else len(kept)
            kept.insert(after or first, _marked(written(key, None), is_moved=True))
        before = key
    return [block for part in kept for block in part.blocks]


def _key(part: FieldBlock) -> str:
    return part.key or part.repeats


def _marked(part: FieldBlock, *, is_moved: bool) -> FieldBlock:
    if not is_moved:
        return part
    return replace(part, blocks=tuple(replace(one, is_new=True) for one in part.blocks))
