"""Which values of a run nobody has set, though they are not what the form says: what is drawn, and
filled in, when a prompt is queued. Pure."""

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

_LOOKED_AT = 1000  # texts that one may stand for
_SECONDS = 5  # at most from the moment that a prompt's dates tell to its run's


def is_untouched(record: Record, form: Form, names: PrefixNames, field: Field) -> bool:
    """Whether a field of the run has its default, or what comes of that: one of the texts that it
    stands for, or a file prefix with names and dates filled in. What nobody can tell, as of very
    many alternatives, was set."""
    value, default = record.job.values.get(field.key), field.default
    if value == default or not isinstance(default, str):
        return bool(value == default)
    return any(value == one for one in (*_prefixes(record, names, field), *_texts(form, field)))


def _texts(form: Form, field: Field) -> Iterator[str]:
    """Those that a default with alternatives stands for."""
    texts = every_text(field.default, _LOOKED_AT) if is_drawn(form, field) else ()
    return (resolve_wildcards(one, random.Random(0)) for one in texts)


def _prefixes(record: Record, names: PrefixNames, field: Field) -> Iterator[str]:
    """The default as it was filled in when the run was begun."""
    prompt = dict(record.job.prompt)
    places = names.places.intersection(field.targets)
    for node, name in (one for one in places if one.node in prompt):
        prompt[node] = with_inputs(prompt[node], {**prompt[node]["inputs"], name: field.default})
        for seconds in range(_SECONDS):
            then = datetime.fromtimestamp(record.submitted_at - seconds)
            _, changed = replace_prefixes(prompt, names, then)
            yield from changed.values()
