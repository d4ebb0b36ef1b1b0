"""Summaries of what a version of a form's settings changed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from comfy.base.messages import listed, message
from comfy.workflow.config import FormConfig
from comfy.workflow.settings.values import field_values, form_values

_MOST = 4  # names in a summary
_PARTS = MappingProxyType(
    {
        "title": message("Title"),
        "description": message("Description"),
        "order": message("Position in the list"),
        "cover": message("Cover"),
        "ideas": message("Ideas"),
        "others": message("Other inputs"),
        "outputs": message("Results"),
    }
)


def change_summary(before: FormConfig | None, after: FormConfig, labels: Mapping[str, str]) -> str:
    """Return the names of what differs, such as "Title, Steps". `labels`: of fields by key."""
    old = before or FormConfig()
    old_parts, new_parts = form_values(old), form_values(after)
    names: list[str] = [
        word for key, word in _PARTS.items() if old_parts.get(key) != new_parts.get(key)
    ]
    old_fields = {one.name: one for one in old.fields}
    new_fields = {one.name: one for one in after.fields}
    for key in {**new_fields, **old_fields}:
        one, other = old_fields.get(key), new_fields.get(key)
        if one is None or other is None or field_values(one) != field_values(other):
            said = (other and other.label) or (one and one.label)
            names.append(said or labels.get(key, key))
    if not names and [*old_fields] != [*new_fields]:
        names = [message("Order of the fields")]
    shown = names if len(names) <= _MOST else [*names[: _MOST - 1], "…"]
    return listed(shown)
