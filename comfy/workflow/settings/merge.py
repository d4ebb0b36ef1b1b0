"""Write a form's settings into the text of an existing TOML file.

Only what differs is touched: comments, unknown keys, the names of fields and the formatting stay.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import tomlkit

from comfy.base.json_values import as_mapping
from comfy.workflow.config import FormConfig
from comfy.workflow.settings.blocks import TomlBlock, split_blocks
from comfy.workflow.settings.field_blocks import FieldBlock, arranged, field_blocks
from comfy.workflow.settings.values import FieldNames, parsed_settings, settings_values

_FIELDS, _OUTPUTS = "fields", "outputs"
_LINE = 80  # characters of a list on one line


def merge_settings(text: str, wanted: FormConfig, names: FieldNames) -> str:
    """Return the text with the wanted settings, whose fields are named by key.

    Reading the result gives these settings, and the fields in their order. A field that isn't
    wanted is removed with the comments in its table. Raises tomllib.TOMLDecodeError.
    """
    present = settings_values(parsed_settings(text, names))
    after = settings_values(wanted)
    fields_before, fields_after = present.pop(_FIELDS), after.pop(_FIELDS)
    top = _changes(present, after)
    if not top and _same_fields(fields_before, fields_after):
        return text
    plain = text.replace("\r\n", "\n")
    first, *blocks = split_blocks(plain)
    name = _names_in(plain, names)
    if top:
        first, blocks = _with_top(first, blocks, top, name)
    if not _same_fields(fields_before, fields_after):
        first, blocks = _unfolded(first, blocks)
        blocks = _with_fields(blocks, fields_before, fields_after, names, name)
    merged = _joined([first, *blocks])
    if not plain.endswith("\n\n"):
        merged = merged.rstrip("\n") + "\n"
    return merged.replace("\n", "\r\n") if "\r\n" in text else merged


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return the new values of the keys that differ, None for the keys to remove."""
    return {
        key: after.get(key)
        for key in {**before, **after}
        if not _is_same(before.get(key), after.get(key))
    }


def _is_same(one: object, other: object) -> bool:
    """Return whether two values are equal. Other than in Python, true isn't 1."""
    match one, other:
        case list(), list():
            return len(one) == len(other) and all(map(_is_same, one, other))
        case dict(), dict():
            return one.keys() == other.keys() and all(_is_same(one[key], other[key]) for key in one)
        case _:
            return isinstance(one, bool) == isinstance(other, bool) and one == other


def _same_fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    return [*before] == [*after] and all(_is_same(before[key], after[key]) for key in before)


def _names_in(text: str, names: FieldNames) -> Callable[[str], str]:
    """Return a function for the name of a key: as the file writes it, otherwise the preferred
    one."""
    written: dict[str, str] = {}
    data = tomllib.loads(text)
    fields = data.get(_FIELDS)
    tables = fields if isinstance(fields, dict) else {}
    also = [one.get("also") for one in tables.values() if isinstance(one, dict)]
    ideas = data.get("ideas")
    for some in (tables, *also, *(ideas if isinstance(ideas, list) else ())):
        for one in some if isinstance(some, list | dict) else ():
            if isinstance(one, str):
                written.setdefault(names.key(one), one)
    return lambda key: written.get(key) or names.name(key)


def _with_top(
    first: TomlBlock,
    blocks: list[TomlBlock],
    changes: Mapping[str, Any],
    name: Callable[[str], str],
) -> tuple[TomlBlock, list[TomlBlock]]:
    """Return the blocks with these settings of the form. Tables such as `[[ideas]]` become keys."""
    values = dict(changes)
    if outputs := values.get(_OUTPUTS):
        names = dict(outputs)
        values[_OUTPUTS] = names if any(names.values()) else [*names]
        if any(one.path == (_OUTPUTS,) for one in blocks) and any(names.values()):
            del values[_OUTPUTS]
            blocks = [_with_outputs(one, names) for one in blocks]
    if ideas := values.get("ideas"):
        values["ideas"] = [_renamed(one, name) for one in ideas]
    rest = [one for one in blocks if not (one.path and one.path[0] in values)]
    return _edited(first, (), values), rest


def _with_outputs(block: TomlBlock, names: Mapping[str, str]) -> TomlBlock:
    """Return the block with these names of outputs in this order, if it is their table."""
    if block.path != (_OUTPUTS,):
        return block
    present = as_mapping(tomllib.loads(block.text).get(_OUTPUTS))
    kept = [node for node in present if node in names]
    if kept != [*names][: len(kept)]:
        block, present = _edited(block, (_OUTPUTS,), dict.fromkeys(present)), {}
    return _edited(block, (_OUTPUTS,), _changes(present, names))


def _renamed(idea: Any, name: Callable[[str], str]) -> Any:  # noqa: ANN401 - a text or values
    return {name(key): value for key, value in idea.items()} if isinstance(idea, dict) else idea


def _unfolded(first: TomlBlock, blocks: list[TomlBlock]) -> tuple[TomlBlock, list[TomlBlock]]:
    """Return the blocks with a table of its own for each field, also for fields that are written
    inline: before the first table, or below `[fields]`."""
    tables = _inline_fields(first)
    unfolded = []
    for block in blocks:
        inline = _inline_fields(block) if block.path == (_FIELDS,) else {}
        unfolded.append(_edited(block, (_FIELDS,), dict.fromkeys(inline)))
        tables |= inline
    new = [_new_block(name, values) for name, values in tables.items()]
    return _edited(first, (), {_FIELDS: None} if tables else {}), [*unfolded, *new]


def _inline_fields(block: TomlBlock) -> dict[str, dict[str, Any]]:
    fields = as_mapping(tomllib.loads(block.text).get(_FIELDS))
    return {name: values for name, values in fields.items() if isinstance(values, dict)}


def _new_block(name: str, values: Mapping[str, Any]) -> TomlBlock:
    header = f"[{_FIELDS}.{tomlkit.string(name).as_string()}]\n"
    return _edited(TomlBlock((_FIELDS, name), header, is_new=True), (_FIELDS, name), values)


def _with_fields(
    blocks: Iterable[TomlBlock],
    before: Mapping[str, Mapping[str, Any]],
    after: Mapping[str, Mapping[str, Any]],
    names: FieldNames,
    name: Callable[[str], str],
) -> list[TomlBlock]:
    """Return the blocks with the wanted fields in their order."""

    def written(key: str, block: FieldBlock | None) -> FieldBlock:
        changes = _changes(before.get(key, {}), after[key])
        if changes.get("also"):
            changes["also"] = [*map(name, changes["also"])]
        if block is None:
            return FieldBlock(key, (_new_block(name(key), changes),))
        head, *rest = block.blocks
        if len(head.path) > 2 and changes:
            return replace(block, blocks=(_new_block(head.path[1], changes), head, *rest))
        return replace(block, blocks=(_edited(head, head.path, changes), *rest))

    return arranged(field_blocks(blocks, names.key), [*after], written)


def _edited(block: TomlBlock, path: tuple[str, ...], changes: Mapping[str, Any]) -> TomlBlock:
    """Return the block with these keys of a table set, or removed if None."""
    if not changes:
        return block
    body = block.text.rstrip()
    end = block.text[len(body) :]
    document = tomlkit.parse(body + "\n" if body else "")
    table: Any = document
    for key in path:
        table = table[key]
    for key, value in changes.items():
        if value is not None:
            table[key] = _item(value)
        elif key in table:
            table.remove(key)
    text = document.as_string()
    return replace(block, text=text + end.removeprefix("\n"), is_new=block.is_new or not end[1:])


def _item(value: Any) -> Any:  # noqa: ANN401 - any TOML value
    """Return a value for TOML: a long list has a line per item, and a table is inline."""
    if isinstance(value, dict):
        return tomlkit.value(_inline(value))
    if not isinstance(value, list):
        return tomlkit.item(value)
    items = [_inline(one) for one in value]
    line = f"[{', '.join(items)}]"
    lines = "".join(f"    {item},\n" for item in items)
    text = line if len(line) <= _LINE else f"[\n{lines}]"
    return tomlkit.value(text)


def _inline(value: Any) -> str:  # noqa: ANN401 - any TOML value
    if not isinstance(value, dict):
        return str(tomlkit.item(value).as_string())
    pairs = (
        f"{tomlkit.string(key).as_string()} = {tomlkit.item(one).as_string()}"
        for key, one in value.items()
    )
    return f"{{ {', '.join(pairs)} }}"


def _joined(blocks: Iterable[TomlBlock]) -> str:
    """Return the text of the blocks, with an empty line around new and moved ones."""
    text, was_new = "", False
    for block in blocks:
        if text and block.text:
            text += "\n" * (not text.endswith("\n"))
            text += "\n" * ((block.is_new or was_new) and not text.endswith("\n\n"))
        text += block.text
        was_new = block.is_new if block.text else was_new
    return text
