"""Read a chain's file, `<name>.chain.toml`. docs/chains.md describes it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from comfy.base.files import is_beside
from comfy.base.messages import listed, sentences
from comfy.base.wording import did_you_mean, quoted, short
from comfy.chains.model import Chain, ChainErrors, Condition, Source, Step, Switch
from comfy.chains.order import circle
from comfy.workflow.config import (
    FORM_KEYS,
    SettingReaders,
    as_flag,
    as_scalar,
    as_table,
    as_texts,
    filled_text,
    load_toml,
    no_flag,
    no_table,
    no_text,
    readable_settings,
)

SUFFIX = ".chain.toml"
_NAME = re.compile(r"\w[\w-]{0,59}")
_SOURCE = re.compile(
    r"(?P<step>\w[\w-]*)(?:@(?P<node>.+?))?(?P<text>\.text)?(?:\[(?P<pick>each|all|[1-9]\d{0,5})\])?"
)
_MOST_STEPS = 100
_FLAGS = {True: ("true", "false"), False: ("false", "true")}  # the default comes first


def read_chain(path: Path) -> Chain:
    """Return the chain in a file. Raises ChainErrors with all problems."""
    data, problem = load_toml(path)
    if problem:
        raise ChainErrors([problem])
    return parse_chain(path.name, data)


def parse_chain(source: str, data: Mapping[str, Any]) -> Chain:
    """Return parsed TOML as a chain. `source` is the file's name in error messages. Raises
    ChainErrors with all problems."""
    problems: list[str] = []
    top = readable_settings(data, CHAIN_KEYS, source, problems)
    switches = tuple(_switches(top.pop("switches", {}), source, problems))
    tables = top.pop("steps", [])
    steps = [_step(source, number, table, problems) for number, table in enumerate(tables, 1)]
    chain = Chain(steps=tuple(steps), switches=switches, **top)
    if "steps" not in data:
        problems.append(f"{source} has no steps.")
    problems += _structural(chain, source)
    if problems:
        raise ChainErrors(dict.fromkeys(problems))
    return chain


def _step(source: str, number: int, table: Mapping[str, Any], problems: list[str]) -> Step:
    """Return a step without its unreadable settings; its name may be ""."""
    name = table.get("name")
    is_name = isinstance(name, str) and _NAME.fullmatch(name)
    where = f"{source}, step {name if is_name else number}"
    read = readable_settings(table, STEP_KEYS, where, problems)
    for key in ("name", "workflow"):
        if key not in table:
            problems.append(f"{where}: “{key}” is missing.")
    inputs = _inputs(read.pop("inputs", {}), where, problems)
    return Step(
        name=read.pop("name", ""),
        number=number,
        workflow=read.pop("workflow", ""),
        inputs=inputs,
        **read,
    )


def _inputs(
    table: Mapping[str, Any], where: str, problems: list[str]
) -> dict[str, tuple[Source, ...]]:
    read: dict[str, tuple[Source, ...]] = {}
    for name, value in table.items():
        sources = [_source(text) for text in (value if isinstance(value, list) else [value])]
        if sources and None not in sources:
            read[name] = tuple(filter(None, sources))
        else:
            problems.append(
                f"{where}: the input “{short(name)}” must be a step, such as “base”, "
                "“base[2]”, “base[each]”, “base[all]”, “base@9” or “base.text”."
            )
    return read


def _source(value: object) -> Source | None:
    parts = _SOURCE.fullmatch(value.strip()) if isinstance(value, str) else None
    if parts is None:
        return None
    match parts["pick"]:
        case "each" | "all" as pick:
            pass
        case number:
            pick = int(number or 1)
    return Source(parts["step"], pick, bool(parts["text"]), (parts["node"] or "").strip())


def _switches(table: Mapping[str, Any], where: str, problems: list[str]) -> Iterator[Switch]:
    for name, value in table.items():
        choices = _FLAGS[value] if isinstance(value, bool) else as_texts(value)
        if _NAME.fullmatch(name) and choices and len(set(choices)) == len(choices) > 1:
            yield Switch(name, choices)
        else:
            problems.append(
                f"{where}: the switch “{short(name)}” must be true, false or a list of "
                "several choices."
            )


def _structural(chain: Chain, source: str) -> Iterator[str]:
    """Yield the problems of the connections between steps."""
    names = [step.name for step in chain.steps if step.name]
    for name in (name for name, count in Counter(names).items() if count > 1):
        yield f"{source}: several steps are called “{name}”."
    for step in chain.steps:
        where = f"{source}, step {step.name or step.number}"
        sources = (source.step for several in step.inputs.values() for source in several)
        for name in dict.fromkeys(sources):
            if name == step.name:
                yield f"{where}: it can't use its own results."
            elif name not in names:
                yield sentences(
                    f"{where}: there is no step “{short(name)}”.",
                    did_you_mean(name, names),
                )
        for name in step.show:
            if name in step.inputs or name in step.repeat:
                yield f"{where}: “{short(name)}” can't be in “show”: the chain sets it."
        if step.when is not None:
            yield from _unknown_choice(step.when, chain.switches, where)
    if round_ := circle(chain.steps):
        yield f"{source}: these steps wait for each other: {listed(map(quoted, round_))}."


def _unknown_choice(when: Condition, switches: Iterable[Switch], where: str) -> Iterator[str]:
    known = {switch.name: switch for switch in switches}
    if when.switch not in known:
        yield sentences(
            f"{where}: there is no switch “{short(when.switch)}”.",
            did_you_mean(when.switch, known),
        )
    elif when.choice not in known[when.switch].choices:
        yield f"{where}: the switch “{when.switch}” has no choice “{short(when.choice)}”."


# Readers of individual settings


def _step_name(value: object) -> str | None:
    return value if isinstance(value, str) and _NAME.fullmatch(value) else None


def _workflow_name(value: object) -> str | None:
    name = filled_text(value)
    return name if name and is_beside(name) else None


def _steps(value: object) -> list[dict[str, Any]] | None:
    if not isinstance(value, list) or not 0 < len(value) <= _MOST_STEPS:
        return None
    return value if all(isinstance(one, dict) for one in value) else None


def _scalars(value: object) -> dict[str, Any] | None:
    table = as_table(value)
    return None if table is None or None in map(as_scalar, table.values()) else table


def _repeat(value: object) -> dict[str, str | tuple[object, ...] | None] | None:
    lists = {name: _several(one) for name, one in (as_table(value) or {"": None}).items()}
    return None if None in lists.values() else lists


def _several(value: object) -> str | tuple[object, ...] | None:
    if not isinstance(value, list):
        return filled_text(value)
    return tuple(value) if value and None not in map(as_scalar, value) else None


def _condition(value: object) -> Condition | None:
    text = filled_text(value)
    if text is None:
        return None
    switch, _, choice = text.partition("=")
    return Condition(switch.strip(), choice.strip() or "true")


CHAIN_KEYS: SettingReaders = {
    "title": FORM_KEYS["title"],
    "description": FORM_KEYS["description"],
    "cover": FORM_KEYS["cover"],
    "switches": (as_table, no_table),
    "steps": (
        _steps,
        lambda place, name: (
            f"{place}: “{name}” must be at most {_MOST_STEPS} tables, each written as [[steps]]."
        ),
    ),
}
STEP_KEYS: SettingReaders = {
    "name": (
        _step_name,
        lambda place, name: f"{place}: “{name}” must be a word of letters, digits, “-” and “_”.",
    ),
    "workflow": (
        _workflow_name,
        lambda place, name: f"{place}: “{name}” must be the name of a workflow beside the chain.",
    ),
    "title": (filled_text, no_text),
    "values": (
        _scalars,
        lambda place, name: (
            f"{place}: “{name}” must be a table of strings, numbers, true or false."
        ),
    ),
    "show": (
        as_texts,
        lambda place, name: f"{place}: “{name}” must be a list of fields.",
    ),
    "inputs": (as_table, no_table),
    "repeat": (
        _repeat,
        lambda place, name: (
            f"{place}: “{name}” must be a table of lists, or of strings such as “1..4”."
        ),
    ),
    "optional": (as_flag, no_flag),
    "when": (_condition, no_text),
}
