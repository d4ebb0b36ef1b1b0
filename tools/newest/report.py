"""The table of a comparison, in Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from tools.newest.comparison import Comparison

_MOST = 12  # names in a cell


def table(
    versions: Mapping[str, str],
    comparisons: Sequence[Comparison],
    not_sent: Mapping[str, str],
    unknown: Mapping[str, Sequence[str]],
) -> str:
    """Return the table. `not_sent`: graphs for which the editor sent no prompt, with the reason.
    `unknown`: what the app doesn't know, by kind."""
    with_truth = [one for one in comparisons if one.truth and not one.exception]
    equal = [one for one in with_truth if not one.differences]
    differing = [one for one in with_truth if one.differences]
    broken = [one for one in comparisons if one.exception]
    formless = [one for one in comparisons if one.form_exception]
    inputs = Counter(name for one in differing for name in set(one.differences))
    share = f" ({100 * len(equal) / len(with_truth):.1f} %)" if with_truth else ""
    slow = max(comparisons, key=lambda one: one.convert_seconds, default=Comparison("none"))
    slow_form = max(comparisons, key=lambda one: one.form_seconds, default=Comparison("none"))
    rows = {
        **versions,
        "templates": str(len(comparisons)),
        "templates with unknown nodes": str(sum(bool(one.missing) for one in comparisons)),
        "unknown nodes": _names(sorted({name for one in comparisons for name in one.missing})),
        "equal in effect": f"{len(equal)} of {len(with_truth)}{share}",
        "of these only by name": _names(one.name for one in equal if one.by_name),
        "differing": _names(one.name for one in differing),
        "differing inputs": _names(f"{name} × {count}" for name, count in inputs.most_common()),
        "not sent by the editor": _names(not_sent),
        "exceptions": _names(f"{one.name}: {one.exception}" for one in broken),
        "forms built": f"{len(comparisons) - len(formless)} of {len(comparisons)}",
        "exceptions of forms": _names(f"{one.name}: {one.form_exception}" for one in formless),
        "forms without fields": _names(
            one.name for one in comparisons if not one.fields and not one.form_exception
        ),
        "slowest conversion": f"{slow.convert_seconds:.2f} s ({slow.name})",
        "slowest form": f"{slow_form.form_seconds:.2f} s ({slow_form.name})",
        **{what: _names(names) for what, names in unknown.items()},
    }
    lines = [f"| {what} | {_cell(value)} |" for what, value in rows.items()]
    return "\n".join(["| what | result |", "|---|---|", *lines])


def _names(names: Iterable[str]) -> str:
    listed = list(names)
    if not listed:
        return "none"
    more = f", and {len(listed) - _MOST} more" if len(listed) > _MOST else ""
    return f"{len(listed)}: " + ", ".join(listed[:_MOST]) + more


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "/").split())[:1500]
