"""Summaries of what a version of a form's settings changed. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from comfy.base.messages import labeled, listed, message
from comfy.workflow.config import FieldConfig, FormConfig
from comfy.workflow.settings.values import field_values, form_values

_MOST = 4  # changes in a summary
_LONGEST = 40  # characters of a value
_PARTS = MappingProxyType(
    {
        "title": message("Title"),
        "description": message("Description"),
        "order": message("Position in the list"),
        "cover": message("Cover"),
        "ideas": message("Ideas"),
        "others": message("Other fields"),
        "outputs": message("Results"),
    }
)
_SETTINGS = MappingProxyType(
    {
        "label": message("Name"),
        "help": message("Help text"),
        "group": message("Shown in"),
        "default": message("Default value"),
        "min": message("Minimum"),
        "max": message("Maximum"),
        "step": message("Step"),
        "widget": message("Looks like"),
        "choices": message("Choices"),
        "hidden": message("Hidden"),
        "required": message("Must be filled in"),
        "also": message("Also sets"),
        "closest": message("Similar choice"),
    }
)


def change_summary(before: FormConfig | None, after: FormConfig, labels: Mapping[str, str]) -> str:
    """Return what differs, such as "Title: A → B, Steps (Maximum): 30". `labels`: of fields by
    key."""
    old = before or FormConfig()
    changes = [*_part_changes(old, after), *_field_changes(old, after, labels)]
    if not changes and [one.name for one in old.fields] != [one.name for one in after.fields]:
        changes = [message("Order of the fields")]
    shown = changes if len(changes) <= _MOST else [*changes[: _MOST - 1], "…"]
    return listed(shown)


def _part_changes(old: FormConfig, new: FormConfig) -> Iterator[str]:
    before, after = form_values(old), form_values(new)
    for key, word in _PARTS.items():
        if before.get(key) != after.get(key):
            yield _changed(word, before.get(key), after.get(key))


def _field_changes(old: FormConfig, new: FormConfig, labels: Mapping[str, str]) -> Iterator[str]:
    before = {one.name: one for one in old.fields}
    after = {one.name: one for one in new.fields}
    for key in {**after, **before}:
        one, other = before.get(key), after.get(key)
        first = one or other
        label = (first and first.label) or labels.get(key, key)
        values, others = _values(one), _values(other)
        differing = [name for name in _SETTINGS if values.get(name) != others.get(name)]
        if differing == ["label"]:
            renamed = others.get("label") or labels.get(key, key)
            yield message("{before} → {after}", before=label, after=renamed)
        elif len(differing) == 1:
            name = differing[0]
            word = message("{label} ({detail})", label=label, detail=_SETTINGS[name])
            yield _changed(word, values.get(name), others.get(name))
        elif differing:
            names = listed(_SETTINGS[name] for name in differing)
            yield message("{label} ({detail})", label=label, detail=names)
        elif (one is None) != (other is None):
            yield label


def _values(field: FieldConfig | None) -> Mapping[str, object]:
    return field_values(field) if field else {}


def _changed(word: str, before: object, after: object) -> str:
    """Return a change with both values if they are short, otherwise only what changed."""
    match _shown(before), _shown(after):
        case None, None:
            return word
        case None, str(new):
            return labeled(word, new) if before is None else word
        case str(old), str(new):
            return labeled(word, message("{before} → {after}", before=old, after=new))
        case _:
            return word


def _shown(value: object) -> str | None:
    match value:
        case bool():
            return message("On") if value else message("Off")
        case int() | float():
            return str(value)
        case str():
            return value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…"
        case _:
            return None
