"""Form of a batch in the shell, with the fields that its values add."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from comfy.base.errors import ComfyError
from comfy.batches.find_field import find_field
from comfy.batches.values import choices_as_shown, values_of
from comfy.cli.forms import OWNER, WORKFLOW
from comfy.form.model import Form
from comfy.library.forms import Forms
from comfy.prompt.value_types import BadValue

_COMBINATIONS = 200  # checked option combinations; more would take too long


def form_of_batch(
    forms: Forms, settings: Sequence[str], rows: Sequence[Mapping[str, object]]
) -> Form:
    """Return the form with the fields of the first option in each --set, in any order, and of all
    options in a table's rows. Includes files that are added by key. `rows` has cells by column
    name."""
    named = dict(text.partition("=")[::2] for text in settings)
    given: dict[str, object] = dict.fromkeys((*named, *(name for row in rows for name in row)))
    _, form = forms.form(WORKFLOW, OWNER, given)
    for _ in named:
        for name, values in named.items():
            with suppress(ComfyError, BadValue):  # reported when all values are read
                field = find_field(form, name)
                if field.redraws:
                    given[field.key] = values_of(form, field, values)[0]
        _, form = forms.form(WORKFLOW, OWNER, given)
    return _with_options(forms, form, given, rows)


def _with_options(
    forms: Forms, form: Form, given: Mapping[str, object], rows: Sequence[Mapping[str, object]]
) -> Form:
    """Return the form with the added fields of the options in these rows, including nested
    options."""
    looked_at: set[str] = set()
    while new := {name for row in rows for name in row if _chooses(form, name)} - looked_at:
        looked_at |= new
        for chosen in _combinations(form, looked_at, rows):
            _, other = forms.form(WORKFLOW, OWNER, {**given, **chosen})
            known = {field.key for field in form.fields}
            more = (field for field in other.fields if field.key not in known)
            form = replace(form, fields=(*form.fields, *more))
    return form


def _chooses(form: Form, name: str) -> bool:
    """Tell if a column selects an option with its own fields, as far as is known."""
    with suppress(ComfyError):
        return find_field(form, name).redraws
    return False


def _combinations(
    form: Form, names: Iterable[str], rows: Sequence[Mapping[str, object]]
) -> list[dict[str, object]]:
    """Return the rows' combinations in these columns, by field key."""
    fields = {name: find_field(form, name) for name in names}
    meant = {name: choices_as_shown(field) for name, field in fields.items()}
    combinations = {
        tuple((name, str(row[name])) for name in fields if name in row): None for row in rows
    }
    return [
        {fields[name].key: meant[name].get(cell, cell) for name, cell in cells}
        for cells in list(combinations)[:_COMBINATIONS]
    ]
