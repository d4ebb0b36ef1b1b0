"""The values of rows that are run one after the other: what they have in common is judged once.
Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from comfy.form.model import Form

Check = Callable[[Form, Mapping[str, object]], dict[str, object]]


class RowJudge:
    """Judges of each row only the values that are others than in the row before, as long as the
    form is the same. For one thread."""

    def __init__(self, check: Check) -> None:
        """`check` judges all values of a form: clean ones for every field, or it raises."""
        self._check = check
        self._form: Form | None = None
        self._given: Mapping[str, object] = {}
        self._clean: Mapping[str, object] = {}

    def checked(self, form: Form, values: Mapping[str, object]) -> dict[str, object]:
        """Clean values for every field of the form. Raises as `check` does."""
        others = {
            key
            for key in values.keys() | self._given.keys()
            if not _is_same(values, self._given, key)
        }
        part = form.with_fields(others)
        # Files are also checked together, and all fields report a key without a field.
        whole = form is not self._form or len(part.fields) < len(others)
        if whole or any(field.is_media for field in part.fields):
            clean = self._check(form, values)
        else:
            own = {key: values[key] for key in others if key in values}
            clean = {**self._clean, **self._check(part, own)}
        self._form, self._given, self._clean = form, dict(values), clean
        return dict(clean)


def _is_same(one: Mapping[str, object], other: Mapping[str, object], key: str) -> bool:
    """Tell if both have this value, or an equal one with the same types throughout."""
    if key not in one or key not in other:
        return False
    value, known = one[key], other[key]
    if value is known or isinstance(value, dict | list | tuple):
        return value is known
    return type(value) is type(known) and value == known
