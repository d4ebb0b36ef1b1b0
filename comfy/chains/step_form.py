"""The form of a step, with the fields that its own values bring: those of a choice, and files that
are added. Pure but for the forms that are asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice, product
from typing import TypeVar

from comfy.batches.find_field import UnknownField, find_field
from comfy.batches.values import values_of
from comfy.chains.model import Step
from comfy.form.model import Field, Form
from comfy.prompt.autogrow import further_keys
from comfy.prompt.value_types import BadValue

_Value = TypeVar("_Value")
FormOf = Callable[[Mapping[str, object]], Form]

_COMBINATIONS = 200  # of choices that a step repeats: nobody waits for more


@dataclass(frozen=True, slots=True)
class StepForm:
    """The `form` of a step; the step and the `settings` of people with the keys of its fields in
    the place of their names. Names that are no field's stay as they are. What the author says of
    fields that go with another choice than was set is left out, and the step shows those that come
    with what people have set in fields that it shows. Of a choice that the step repeats the form
    has the fields of each."""

    form: Form
    step: Step
    settings: Mapping[str, object]


def step_form(form_of: FormOf, step: Step, settings: Mapping[str, object]) -> StepForm:
    """The form of a step, by what people have set in it. `form_of`: the form of its workflow with
    values, by key; those that it has no field for count for nothing."""
    form_of = partial(_form_of_options, form_of, step.repeat)
    named = dict.fromkeys((*step.inputs, *step.repeat, *step.show)) | dict(step.values)
    form, keys, values = _with_fields(form_of, named, {})
    set_form, set_keys, _ = _with_fields(form_of, settings, values)
    has = _keys(form)
    gone = has - _keys(set_form)

    def left(said: Mapping[str, _Value]) -> dict[str, _Value]:
        return {key: one for key, one in _by_key(keys, said).items() if key not in gone}

    keyed = replace(
        step,
        values=left(step.values),
        show=_with_brought(set_form, (*left(dict.fromkeys(step.show)),), _keys(set_form) - has),
        inputs=left(step.inputs),
        repeat=left(step.repeat),
    )
    return StepForm(set_form, keyed, _by_key(set_keys, settings))


def _form_of_options(
    form_of: FormOf, repeat: Mapping[str, str | Sequence[object]], values: Mapping[str, object]
) -> Form:
    """The form with these values, and beside its fields those that come with the other choices that
    are repeated; these may bring others."""
    form, options = form_of(values), dict[str, tuple[object, ...]]()
    while new := {
        key: _several(form, form.field(key), said)
        for name, said in repeat.items()
        if (key := _key(form, name)) and key not in options and form.field(key).redraws
    }:
        options |= new
        for chosen in islice(product(*options.values()), _COMBINATIONS):
            other = form_of({**values, **dict(zip(options, chosen, strict=True))})
            known = _keys(form)
            more = (field for field in other.fields if field.key not in known)
            form = replace(form, fields=(*form.fields, *more))
    return form


def _several(form: Form, field: Field, said: str | Sequence[object]) -> tuple[object, ...]:
    with suppress(BadValue):  # told where all values are read
        return values_of(form, field, said) if isinstance(said, str) else tuple(said)
    return ()


def _with_fields(
    form_of: FormOf, named: Mapping[str, object], values: Mapping[str, object]
) -> tuple[Form, dict[str, str], dict[str, object]]:
    """The form with these `values` and those that are `named`, as far as it has their fields then;
    the keys of these by name; and all values by key, with those of files that had to be added."""
    values, keys = dict(values), dict[str, str]()
    while True:
        left = {name: value for name, value in named.items() if name not in keys}
        form = form_of({**values, **left})
        if found := {name: key for name in left if (key := _key(form, name))}:
            keys |= found
            values |= {key: named[name] for name, key in found.items()}
        elif added := tuple(_added_files(form_of, form, values, left)):
            values |= dict.fromkeys(added)
        else:
            has = _keys(form)
            return form, {name: key for name, key in keys.items() if key in has}, values


def _added_files(
    form_of: FormOf, form: Form, values: Mapping[str, object], names: Iterable[str]
) -> Iterator[str]:
    """The keys of the files to add to a form so that there are fields that go by these names, as
    “Image 3”: it and those before it."""
    names = tuple(names)
    for growing in filter(None, (field.grows for field in form.fields if names)):
        keys = further_keys(form.prompt, form.nodes, growing)
        wide = form_of({**values, **dict.fromkeys(keys)})
        meant = {_key(wide, name) for name in names}
        last = max((place for place, key in enumerate(keys, 1) if key in meant), default=0)
        yield from keys[:last]


def _with_brought(form: Form, show: tuple[str, ...], brought: Collection[str]) -> tuple[str, ...]:
    """What a step shows, and what was brought by that, each after the field that it stands behind
    in the form."""
    shown = list(show)
    place = 0
    for field in form.fields if show else ():
        if field.key in shown:
            place = shown.index(field.key) + 1
        elif field.key in brought and field.group != "hidden" and _goes_with(field, show):
            shown.insert(place, field.key)
            place += 1
    return tuple(shown)


def _goes_with(field: Field, show: Collection[str]) -> bool:
    return field.is_media or any(field.key.startswith(f"{key}.") for key in show)


def _by_key(keys: Mapping[str, str], said: Mapping[str, _Value]) -> dict[str, _Value]:
    """What is said by names, by the keys of these; but by its name where a key has its value."""
    found: dict[str, _Value] = {}
    for name, value in said.items():
        key = keys.get(name, name)
        found[name if key in found else key] = value
    return found


def _key(form: Form, name: str) -> str:
    """The key of the field that goes by this name, "" where none does."""
    try:
        return find_field(form, name).key
    except UnknownField:
        return ""


def _keys(form: Form) -> set[str]:
    return {field.key for field in form.fields}
