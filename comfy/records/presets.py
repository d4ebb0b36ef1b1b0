"""Values of a form under a name, for one person or for everybody."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, delete, func, insert, select

from comfy.errors import ComfyError
from comfy.messages import message, plural
from comfy.records.database import erase_deleted
from comfy.records.tables import as_comfy_errors, digest
from comfy.records.tables import presets as _presets

EVERYBODY = ""  # the owner of presets that all people have
_MOST = 200  # of one owner
_MOST_IN_ALL = 20_000  # anybody can be many owners
_LARGEST = 32_000  # characters
_LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Preset:
    """Values by field key, as the browser keeps them."""

    name: str
    values: Mapping[str, Any]


class PresetStore:
    """The presets of all owners, in the database of the history. All methods may be called from any
    thread.

    ComfyError, with a sentence, wherever the database cannot be used.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, owner: str, workflow: str) -> tuple[Preset, ...]:
        """Those of one owner for a workflow, by their names."""
        which = (_presets.c.owner == digest(owner)) & (_presets.c.workflow == digest(workflow))
        with as_comfy_errors(), self._engine.connect() as connection:
            found = connection.execute(select(_presets.c.preset).where(which)).scalars().all()
        presets = [preset for text in found if (preset := _preset(text)) is not None]
        return tuple(sorted(presets, key=lambda preset: (preset.name.casefold(), preset.name)))

    def save(self, owner: str, workflow: str, preset: Preset) -> None:
        """Keep it, in the place of one with the same name.

        ComfyError where it has no name, is too large, or is one too many.
        """
        if not 0 < len(preset.name) <= _LONGEST_NAME or not preset.name.isprintable():
            raise ComfyError(
                message("This preset cannot be saved under that name."),
                plural(
                    "Give it a name of at most {count} letter.",
                    "Give it a name of at most {count} letters.",
                    count=_LONGEST_NAME,
                ),
            )
        told = json.dumps({"name": preset.name, "values": dict(preset.values)})
        if len(told) > _LARGEST:
            raise ComfyError(
                message("This preset is too large to be saved."),
                message("Shorten the texts in the form."),
            )
        row = {
            "owner": digest(owner),
            "workflow": digest(workflow),
            "name": digest(preset.name),
            "preset": told,
        }
        with as_comfy_errors(), self._engine.begin() as connection:
            # First what writes: SQLite lets nobody else do so from here on.
            connection.execute(delete(_presets).where(*_is(row)))
            connection.execute(insert(_presets).values(row))
            count = select(func.count()).select_from(_presets)
            own = connection.execute(count.where(_presets.c.owner == row["owner"])).scalar_one()
            if own > _MOST:
                raise ComfyError(
                    plural(
                        "There is {count} preset already.",
                        "There are {count} presets already.",
                        count=_MOST,
                    ),
                    message("Delete one of them first."),
                )
            if connection.execute(count).scalar_one() > _MOST_IN_ALL:
                raise ComfyError(
                    message("This app has no room for more presets."),
                    message("Ask whoever runs it for help."),
                )

    def delete(self, owner: str, workflow: str, name: str) -> bool:
        """Forget one; False if there is none."""
        row = {"owner": digest(owner), "workflow": digest(workflow), "name": digest(name)}
        with as_comfy_errors(), self._engine.begin() as connection:
            found = connection.execute(delete(_presets).where(*_is(row))).rowcount
        if found:
            erase_deleted(self._engine)
        return bool(found)


def _preset(text: object) -> Preset | None:
    """What is kept in a row; None where it cannot be read: SQLite keeps any type in any column."""
    try:
        told = json.loads(text)  # type: ignore[arg-type]
    except (ValueError, TypeError, RecursionError):
        return None
    match told:
        case {"name": str(name), "values": dict(values)}:
            return Preset(name, values)
    return None


def _is(row: Mapping[str, str]) -> list[Any]:
    """Which row has this key."""
    return [_presets.c[name] == row[name] for name in ("owner", "workflow", "name")]
