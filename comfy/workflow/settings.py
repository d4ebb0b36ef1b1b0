"""The author's settings of a form as values: JSON for the editor, and the TOML file beside a
workflow.

Saving touches only what differs: comments, unknown keys, the names of fields and the formatting
stay.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import tomlkit

from comfy.base.json_values import as_mapping
from comfy.workflow.config import FieldConfig, FormConfig, parse_config

# Parts of a line in which brackets and line breaks count: strings, comments, brackets, line breaks.
_TOKEN = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|#[^\n]*"
    r"|[\[\]{}\n]",
    re.DOTALL,
)
_Kind = Literal["blank", "comment", "header", "value"]
_LINE = 80  # characters of a list on one line
_FIELDS, _OUTPUTS = "fields", "outputs"


@dataclass(frozen=True, slots=True)
class TomlBlock:
    """Part of a TOML file. `path`: the keys in the header of its table; empty for the keys before
    the first table, and for a comment that stands alone between two tables. `is_new`: it gets an
    empty line before and after it."""

    path: tuple[str, ...]
    text: str
    is_new: bool = False


def _split_blocks(text: str) -> list[TomlBlock]:
    """Return the blocks of a valid TOML text with Unix line breaks; their texts joined are `text`.

    The first block has the keys before the first table, and may be empty. A comment right above a
    header, without an empty line in between, belongs to that table. A comment with empty lines
    around it is a block of its own.
    """
    lines = list(_lines(text))
    starts = [_with_comments(lines, at) for at, (kind, _) in enumerate(lines) if kind == "header"]
    headers = [at for at, (kind, _) in enumerate(lines) if kind == "header"]
    blocks = [TomlBlock((), _joined_blocks(lines[: starts[0] if starts else None]))]
    for start, header, end in zip(starts, headers, [*starts, len(lines)][1:], strict=True):
        alone = _comment_alone(lines, header, end)
        blocks.append(TomlBlock(_path(lines[header][1]), _joined_blocks(lines[start:alone])))
        if alone < end:
            blocks.append(TomlBlock((), _joined_blocks(lines[alone:end])))
    return blocks


def _lines(text: str) -> Iterator[tuple[_Kind, str]]:
    """Yield the lines with their kinds. A value on several lines counts as one line."""
    start = depth = 0
    for token in _TOKEN.finditer(text):
        match token[0]:
            case "[" | "{":
                depth += 1
            case "]" | "}":
                depth -= 1
            case "\n" if not depth:
                yield _kind(text[start : token.end()]), text[start : token.end()]
                start = token.end()
    if start < len(text):
        yield _kind(text[start:]), text[start:]


def _kind(line: str) -> _Kind:
    match line.strip()[:1]:
        case "":
            return "blank"
        case "#":
            return "comment"
        case "[":
            return "header"
        case _:
            return "value"


def _with_comments(lines: list[tuple[_Kind, str]], header: int) -> int:
    """Return the index of the first comment line right above a header."""
    start = header
    while start and lines[start - 1][0] == "comment":
        start -= 1
    return start


def _comment_alone(lines: list[tuple[_Kind, str]], header: int, end: int) -> int:
    """Return the index of the first comment line after the last value that follows an empty line,
    or `end`."""
    last = max(at for at in range(header, end) if lines[at][0] in ("header", "value"))
    blank = next((at for at in range(last, end) if lines[at][0] == "blank"), end)
    return next((at for at in range(blank, end) if lines[at][0] == "comment"), end)


def _joined_blocks(lines: list[tuple[_Kind, str]]) -> str:
    return "".join(line for _, line in lines)


def _path(header: str) -> tuple[str, ...]:
    table: object = tomllib.loads(header)
    path: list[str] = []
    while table:
        if isinstance(table, list):
            (table,) = table
        elif isinstance(table, dict):
            ((key, table),) = table.items()
            path.append(key)
    return tuple(path)


@dataclass(frozen=True, slots=True)
class FieldBlock:
    """The table of a field with the tables inside it, or another part of the file with an empty
    `key`. `repeats`: the key of a field that has an earlier table."""

    key: str
    blocks: tuple[TomlBlock, ...]
    repeats: str = ""


def _field_blocks(blocks: Iterable[TomlBlock], key: Callable[[str], str]) -> list[FieldBlock]:
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


@dataclass(frozen=True, slots=True)
class FieldNames:
    """Names of inputs in a TOML file. `keys`: the key of each lower-case name, such as
    `canvas.width` or `4.width`; `preferred`: the name to write for a key."""

    keys: Mapping[str, str] = field(default_factory=dict)
    preferred: Mapping[str, str] = field(default_factory=dict)

    def key(self, name: str) -> str:
        """Return the key of the input with this name. An unknown name stays unchanged."""
        return self.keys.get(name.lower(), name)

    def name(self, key: str) -> str:
        """Return the name to write for a key."""
        return self.preferred.get(key, key)


def parsed_settings(text: str, names: FieldNames) -> FormConfig:
    """Return the settings in a TOML text, with the inputs' keys as names. Of two tables for one
    input, the first counts. Raises tomllib.TOMLDecodeError."""
    return with_keys(parse_config("", tomllib.loads(text)), names)


def with_keys(config: FormConfig, names: FieldNames) -> FormConfig:
    """Return the settings with the inputs' keys in the place of other names."""
    fields: dict[str, FieldConfig] = {}
    for one in config.fields:
        key = names.key(one.name)
        also = tuple(map(names.key, one.also))
        fields.setdefault(key, replace(one, name=key, also=also))
    ideas = tuple(_renamed_values(idea, names.key) for idea in config.ideas)
    return replace(config, fields=tuple(fields.values()), ideas=ideas)


def form_values(config: FormConfig) -> dict[str, Any]:
    """Return the form's own settings by their names in TOML, without its fields. The outputs are
    pairs, because their order counts."""
    values = {
        "title": config.title,
        "description": config.description,
        "order": config.order,
        "cover": config.cover,
        "ideas": [dict(one) if isinstance(one, Mapping) else one for one in config.ideas],
        "others": None if config.others == "advanced" else config.others,
        "outputs": [[*pair] for pair in config.outputs.items()],
    }
    return _without_empty(values)


def field_values(config: FieldConfig) -> dict[str, Any]:
    """Return a field's settings by their names in TOML."""
    values = {
        "label": config.label,
        "help": config.help,
        "group": config.section or config.group,
        "default": config.default,
        "min": config.min,
        "max": config.max,
        "step": config.step,
        "widget": config.widget,
        "choices": list(config.choices),
        "hidden": config.hidden,
        "required": config.required,
        "also": list(config.also),
        "closest": config.closest,
    }
    return _without_empty(values)


def _settings_values(config: FormConfig) -> dict[str, Any]:
    """Return all settings by their names in TOML, with `fields` by key."""
    return form_values(config) | {"fields": {one.name: field_values(one) for one in config.fields}}


def _renamed_values(idea: Any, name: Callable[[str], str]) -> Any:  # noqa: ANN401 - a text or values
    return idea if isinstance(idea, str) else {name(key): value for key, value in idea.items()}


def _without_empty(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None and value != []}


def merge_settings(text: str, wanted: FormConfig, names: FieldNames) -> str:
    """Return the text with the wanted settings, whose fields are named by key.

    Reading the result gives these settings, and the fields in their order. A field that isn't
    wanted is removed with the comments in its table. Raises tomllib.TOMLDecodeError.
    """
    present = _settings_values(parsed_settings(text, names))
    after = _settings_values(wanted)
    fields_before, fields_after = present.pop(_FIELDS), after.pop(_FIELDS)
    top = _changes(present, after)
    if not top and _same_fields(fields_before, fields_after):
        return text
    plain = text.replace("\r\n", "\n")
    first, *blocks = _split_blocks(plain)
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

    return arranged(_field_blocks(blocks, names.key), [*after], written)


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
