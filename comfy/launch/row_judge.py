"""Checks for the values of successive rows. Values that rows share are checked once. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from comfy.form.model import Form

Check = Callable[[Form, Mapping[str, object]], dict[str, object]]


class RowJudge:
    """Checks only the values that differ from the previous row, as long as the form is the same.
    Not thread-safe."""

    def __init__(self, check: Check) -> None:
        """`check` checks all values of a form. It returns clean values for every field, or
        raises."""
        self._check = check
        self._form: Form | None = None
        self._given: Mapping[str, object] = {}
        self._clean: Mapping[str, object] = {}

    def checked(self, form: Form, values: Mapping[str, object]) -> dict[str, object]:
        """Return clean values for every field of the form. Raises like `check`."""
        others = {
            key
            for key in values.keys() | self._given.keys()
            if not _is_same(values, self._given, key)
        }
        part = form.with_fields(others)
        # Some checks need all values: files are also checked together, and a key without a field is
        # an error of the whole form.
        whole = form is not self._form or len(part.fields) < len(others)
        if whole or any(field.is_media for field in part.fields):
            clean = self._check(form, values)
        else:
            own = {key: values[key] for key in others if key in values}
            clean = {**self._clean, **self._check(part, own)}
        self._form, self._given, self._clean = form, dict(values), clean
        return dict(clean)


def _is_same(row: Mapping[str, object], other: Mapping[str, object], key: str) -> bool:
    """Return whether both have this value, or an equal one of the same type. Collections must be
    the same object."""
    if key not in row or key not in other:
        return False
    value, known = row[key], other[key]
    if value is known or isinstance(value, dict | list | tuple):
        return value is known
    return type(value) is type(known) and value == known
