"""Links between runs through files and texts: parents and uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, false, select

from comfy.records.record import Record
from comfy.records.rows import escaped
from comfy.records.tables import files as _files
from comfy.records.tables import parents as _parents
from comfy.records.tables import runs as _runs


@dataclass(frozen=True, slots=True)
class Lineage:
    """The finished runs before and after a run: `made_from`, in the order of its inputs, and
    `used_for`, newest first."""

    made_from: tuple[Record, ...] = ()
    used_for: tuple[Record, ...] = ()


def may_be_source(record: Record) -> ColumnElement[bool]:
    """Return the condition for rows that may be runs that this one was made from."""
    parents = _runs.c.id.in_([escaped(one) for one in record.parents])
    return parents | _has_one_of(given_files(record))


def may_be_use(record: Record) -> ColumnElement[bool]:
    """Return the condition for rows that may be runs made from this one."""
    children = select(_parents.c.run).where(_parents.c.parent == escaped(record.id))
    by_text = _runs.c.id.in_(children) if record.state.texts else false()
    return by_text | _has_one_of(_made(record))


def find_sources(record: Record, candidates: Iterable[Record]) -> tuple[Record, ...]:
    """Return the runs that `record` was made from. Of several runs that made the same file, choose
    the named one, or the last before `record` was submitted."""
    earlier = sorted(
        (
            one
            for one in candidates
            if one.submitted_at <= record.submitted_at and one.id != record.id
        ),
        key=lambda one: one.submitted_at,
    )
    named = {kept.made_by for kept in record.job.inputs.values()}
    # Named runs come last, and the last one counts.
    in_turn = sorted(earlier, key=lambda one: one.id in named)
    by_digest = {digest: one for one in in_turn for digest in _made(one)}
    chosen = [by_digest[digest] for digest in given_files(record) if digest in by_digest]
    chosen += [one for one in earlier if _is_from_text(record, one)]
    return tuple({one.id: one for one in chosen}.values())


def find_uses(record: Record, candidates: Iterable[Record]) -> tuple[Record, ...]:
    """Return the runs that really used a result of `record`."""
    digests = set(_made(record))
    return tuple(
        one
        for one in candidates
        if one.id != record.id
        and one.submitted_at >= record.submitted_at
        and (digests.intersection(given_files(one)) or _is_from_text(one, record))
    )


def was_given(record: Record, source: Record) -> bool:
    """Return whether a run got another run's result unchanged, not painted over."""
    whole = {kept.digest for kept in record.job.inputs.values()}
    return not whole.isdisjoint(_made(source)) or _is_from_text(record, source)


def used_file(record: Record, source: Record) -> int | None:
    """Return the index, in the files of `source`, of the first one that a run was given; None if it
    was given none."""
    given = given_files(record)
    files = enumerate(source.state.files)
    return next((at for at, file in files if file.digest and file.digest in given), None)


def has_text_of(source: Record, values: Mapping[str, object]) -> bool:
    """Return whether a run's text is unchanged among these values, alone or as whole lines with
    others."""
    given = [f"\n{one}\n" for one in values.values() if isinstance(one, str)]
    return any(f"\n{text.text}\n" in one for text in source.state.texts for one in given)


def given_files(record: Record) -> tuple[str, ...]:
    """Return the digests of the files that a run was given, and of the images under their paint."""
    inputs = record.job.inputs.values()
    return tuple(digest for kept in inputs for digest in (kept.digest, kept.below) if digest)


def _made(record: Record) -> tuple[str, ...]:
    return tuple(file.digest for file in record.state.files if file.digest)


def _is_from_text(record: Record, source: Record) -> bool:
    """Return whether a run has a text of a run that it was made from. Unrelated runs may have the
    same text by chance."""
    return source.id in record.parents and has_text_of(source, record.job.values)


def _has_one_of(digests: tuple[str, ...]) -> ColumnElement[bool]:
    having = select(_files.c.run).where(_files.c.digest.in_(digests))
    return _runs.c.id.in_(having) if digests else false()
