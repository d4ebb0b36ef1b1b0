"""Form of a step, with the fields that its values add: fields of a choice, and added files.

Pure, except for the forms that the callback returns.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice, product
from typing import TypeVar

from comfy.batches.find_field import UnknownField, find_field
from comfy.batches.values import values_of
from comfy.chains.model import Step
from comfy.form.model import Field, Form
from comfy.prompt.arrange import further_keys
from comfy.prompt.value_types import BadValue

_Value = TypeVar("_Value")
FormOf = Callable[[Mapping[str, object]], Form]

_COMBINATIONS = 200  # of repeated choices; more would take too long


@dataclass(frozen=True, slots=True)
class StepForm:
    """Form of a step, with the step's and the user's values by the keys of its fields.

    Names without a field are kept unchanged. `step` lacks the author's values for fields of another
    choice than the user made, and shows the fields that come with the user's choices. If the step
    repeats a choice, the form has the fields of each choice. `source` and `given` are the original
    step and values.
    """

    form: Form
    step: Step
    settings: Mapping[str, object]
    source: Step
    given: Mapping[str, object] = field(default_factory=dict)

    def with_settings(self, step: Step, settings: Mapping[str, object]) -> StepForm | None:
        """Return this form with other values, or None if they need other fields."""
        if step != self.source or self._shape(settings) != self._shape(self.given):
            return None
        return replace(self, settings=settings, given=settings)

    def _shape(self, settings: Mapping[str, object]) -> dict[str, object]:
        """Return the values that may change the fields: choices, added files, and names without a
        field."""
        fields = {one.key: one for one in self.form.fields}
        return {
            key: None if item and item.is_media else value
            for key, value in settings.items()
            if (item := fields.get(key)) is None or item.is_media or item.redraws
        }


def step_form(form_of: FormOf, step: Step, settings: Mapping[str, object]) -> StepForm:
    """Return the form of a step with a user's settings.

    `form_of` returns the form of the step's workflow with values by key; it ignores values without
    a field.
    """
    form_of = partial(_form_with_options, form_of, step.repeat)
    named = dict.fromkeys((*step.inputs, *step.repeat, *step.show)) | dict(step.values)
    form, keys, values = _with_fields(form_of, named, {})
    set_form, set_keys = form, dict[str, str]()
    if settings:
        set_form, set_keys, _ = _with_fields(form_of, settings, values)
    own_keys = _keys(form)
    gone = own_keys - _keys(set_form)
    brought = _keys(set_form) - own_keys

    def by_key(named: Mapping[str, _Value]) -> dict[str, _Value]:
        return {key: value for key, value in _by_key(keys, named).items() if key not in gone}

    keyed = replace(
        step,
        values=by_key(step.values),
        show=_with_brought(set_form, tuple(by_key(dict.fromkeys(step.show))), brought),
        inputs=by_key(step.inputs),
        repeat=by_key(step.repeat),
    )
    return StepForm(set_form, keyed, _by_key(set_keys, settings), step, settings)


def _form_with_options(
    form_of: FormOf, repeat: Mapping[str, str | Sequence[object]], values: Mapping[str, object]
) -> Form:
    """Return the form with these values, and the fields of all other choices that the step repeats;
    these fields may be choices themselves."""
    form, options = form_of(values), dict[str, tuple[object, ...]]()
    while new := {
        key: _repeated(form, form.field(key), text)
        for name, text in repeat.items()
        if (key := _key(form, name)) and key not in options and form.field(key).redraws
    }:
        options |= new
        for combination in islice(product(*options.values()), _COMBINATIONS):
            other = form_of({**values, **dict(zip(options, combination, strict=True))})
            known = _keys(form)
            more = (item for item in other.fields if item.key not in known)
            form = replace(form, fields=(*form.fields, *more))
    return form


def _repeated(form: Form, item: Field, values: str | Sequence[object]) -> tuple[object, ...]:
    with suppress(BadValue):  # reported when all values are read
        return values_of(form, item, values) if isinstance(values, str) else tuple(values)
    return ()


def _with_fields(
    form_of: FormOf, named: Mapping[str, object], values: Mapping[str, object]
) -> tuple[Form, dict[str, str], dict[str, object]]:
    """Return the form with `values` and all `named` values that have a field there.

    Also returns the key of each name that has a field, and all values by key, including the keys of
    the files that had to be added.
    """
    values, keys = dict(values), dict[str, str]()
    while True:
        left = {name: value for name, value in named.items() if name not in keys}
        form = form_of({**values, **left})
        if new_keys := {name: key for name in left if (key := _key(form, name))}:
            keys |= new_keys
            values |= {key: named[name] for name, key in new_keys.items()}
        elif added := tuple(_added_files(form_of, form, values, left)):
            values |= dict.fromkeys(added)
        else:
            existing = _keys(form)
            return form, {name: key for name, key in keys.items() if key in existing}, values


def _added_files(
    form_of: FormOf, form: Form, values: Mapping[str, object], names: Iterable[str]
) -> Iterator[str]:
    """Yield the keys of the files to add for names such as “Image 3”: that file and the ones
    before it."""
    names = tuple(names)
    for growing in filter(None, (item.grows for item in form.fields if names)):
        keys = further_keys(form.prompt, form.nodes, growing)
        wide = form_of({**values, **dict.fromkeys(keys)})
        meant = {_key(wide, name) for name in names}
        last = max((number for number, key in enumerate(keys, 1) if key in meant), default=0)
        yield from keys[:last]


def _with_brought(form: Form, show: tuple[str, ...], brought: Collection[str]) -> tuple[str, ...]:
    """Return the keys that a step shows, with each additional field after the field before it in
    the form."""
    shown = list(show)
    index = 0
    for item in form.fields if show else ():
        if item.key in shown:
            index = shown.index(item.key) + 1
        elif item.key in brought and item.group != "hidden" and _belongs_to(item, show):
            shown.insert(index, item.key)
            index += 1
    return tuple(shown)


def _belongs_to(item: Field, show: Collection[str]) -> bool:
    return item.is_media or any(item.key.startswith(f"{key}.") for key in show)


def _by_key(keys: Mapping[str, str], named: Mapping[str, _Value]) -> dict[str, _Value]:
    """Return named values by their fields' keys. A second value of a field keeps its name, so that
    it is reported."""
    values_by_key: dict[str, _Value] = {}
    for name, value in named.items():
        key = keys.get(name, name)
        values_by_key[name if key in values_by_key else key] = value
    return values_by_key


def _key(form: Form, name: str) -> str:
    """Return the key of the field with this name, or ""."""
    try:
        return find_field(form, name).key
    except UnknownField:
        return ""


def _keys(form: Form) -> set[str]:
    return {item.key for item in form.fields}
