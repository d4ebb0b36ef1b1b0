"""Who has added which workflow or chain to the folder, for everybody."""

from __future__ import annotations

from sqlalchemy import Engine, delete, insert, select

from comfy.records.tables import added_workflows as _added
from comfy.records.tables import as_comfy_errors, digest


class AddedWorkflows:
    """What people have added to the folder on the page, in the database of the history: digests
    alone. All methods may be called from any thread.

    ComfyError, with a sentence, wherever the database cannot be used.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def note(self, owner: str, name: str, content: str) -> None:
        """Remember who has added what goes by `name` there. `content`: the digest of its files."""
        row = {"name": digest(name), "owner": digest(owner), "content": content}
        with as_comfy_errors(), self._engine.begin() as connection:
            # What was called so before is gone.
            connection.execute(delete(_added).where(_added.c.name == row["name"]))
            connection.execute(insert(_added).values(row))

    def content(self, name: str, owner: str | None = None) -> str | None:
        """The digest of the files that were added under `name`, by this owner or by anybody; None
        where nobody has."""
        which = _added.c.name == digest(name)
        if owner is not None:
            which &= _added.c.owner == digest(owner)
        with as_comfy_errors(), self._engine.connect() as connection:
            found = connection.execute(select(_added.c.content).where(which)).scalar_one_or_none()
        return None if found is None else str(found)

    def forget(self, name: str, content: str) -> None:
        """It was removed; what has come under the same name since then is another one."""
        which = (_added.c.name == digest(name)) & (_added.c.content == content)
        with as_comfy_errors(), self._engine.begin() as connection:
            connection.execute(delete(_added).where(which))
