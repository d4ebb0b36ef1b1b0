"""Find the values of a run that the user didn't set, although they differ from the form's: drawn
texts, and file prefixes that are filled in when the prompt is queued. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime

from comfy.form.fill import is_drawn
from comfy.form.model import Field, Form
from comfy.prompt.model import with_inputs
from comfy.prompt.text_replacements import PrefixNames, replace_prefixes
from comfy.prompt.wildcards import every_text, resolve_wildcards
from comfy.records.record import Record

_MOST_TEXTS = 1000  # compared texts of a default with alternatives
_SECONDS = 5  # maximum time between the dates in a prompt and the run's start


def is_untouched(record: Record, form: Form, names: PrefixNames, field: Field) -> bool:
    """Return whether a field of the run has its default, or a text that the default stands for.

    A default may have alternatives, or be a file prefix with names and dates. If it has too many
    alternatives to compare, the value counts as set.
    """
    value, default = record.job.values.get(field.key), field.default
    if value == default or not isinstance(default, str):
        return bool(value == default)
    return any(value == text for text in (*_prefixes(record, names, field), *_texts(form, field)))


def _texts(form: Form, field: Field) -> Iterator[str]:
    """Yield the texts that a default with alternatives stands for."""
    texts = every_text(field.default, _MOST_TEXTS) if is_drawn(form, field) else ()
    return (resolve_wildcards(text, random.Random(0)) for text in texts)


def _prefixes(record: Record, names: PrefixNames, field: Field) -> Iterator[str]:
    """Yield the default as filled in when the run started."""
    prompt = dict(record.job.prompt)
    inputs = names.places.intersection(field.targets)
    for node, name in (one for one in inputs if one.node in prompt):
        prompt[node] = with_inputs(prompt[node], {**prompt[node]["inputs"], name: field.default})
        for seconds in range(_SECONDS):
            date = datetime.fromtimestamp(record.submitted_at - seconds)
            _, changed = replace_prefixes(prompt, names, date)
            yield from changed.values()
