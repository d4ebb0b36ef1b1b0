"""Conversion of a form's settings to the values of a TOML file, and back."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from comfy.workflow.config import FieldConfig, FormConfig, parse_config


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


def parsed_settings(text: str, names: FieldNames, source: str = "") -> FormConfig:
    """Return the settings in a TOML text, with the inputs' keys as names. Of two tables for one
    input, the first counts. Raises tomllib.TOMLDecodeError."""
    return with_keys(parse_config(source, tomllib.loads(text)), names)


def with_keys(config: FormConfig, names: FieldNames) -> FormConfig:
    """Return the settings with the inputs' keys in the place of other names."""
    fields: dict[str, FieldConfig] = {}
    for one in config.fields:
        key = names.key(one.name)
        also = tuple(map(names.key, one.also))
        fields.setdefault(key, replace(one, name=key, also=also))
    ideas = tuple(_renamed(idea, names.key) for idea in config.ideas)
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


def settings_values(config: FormConfig) -> dict[str, Any]:
    """Return all settings by their names in TOML, with `fields` by key."""
    return form_values(config) | {"fields": {one.name: field_values(one) for one in config.fields}}


def _renamed(idea: Any, name: Callable[[str], str]) -> Any:  # noqa: ANN401 - a text or values
    return idea if isinstance(idea, str) else {name(key): value for key, value in idea.items()}


def _without_empty(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None and value != []}
