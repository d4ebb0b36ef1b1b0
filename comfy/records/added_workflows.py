"""Owners of the workflows and chains that users added to the folder."""

from __future__ import annotations

from sqlalchemy import Engine, delete, insert, select

from comfy.records.tables import added_workflows as _added
from comfy.records.tables import as_comfy_errors, digest


class AddedWorkflows:
    """Workflows that users added to the folder on the page, stored in the history's database as
    digests. Thread-safe.

    All methods raise ComfyError if the database can't be used.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def note(self, owner: str, name: str, content: str) -> None:
        """Remember which user added the workflow `name`. `content`: the digest of its files."""
        row = {"name": digest(name), "owner": digest(owner), "content": content}
        with as_comfy_errors(), self._engine.begin() as connection:
            # An earlier workflow with this name no longer exists.
            connection.execute(delete(_added).where(_added.c.name == row["name"]))
            connection.execute(insert(_added).values(row))

    def content(self, name: str, owner: str | None = None) -> str | None:
        """Return the digest of the files added under `name`, by this owner or by any owner; None if
        nothing was added."""
        which = _added.c.name == digest(name)
        if owner is not None:
            which &= _added.c.owner == digest(owner)
        with as_comfy_errors(), self._engine.connect() as connection:
            content = connection.execute(select(_added.c.content).where(which)).scalar_one_or_none()
        return None if content is None else str(content)

    def forget(self, name: str, content: str) -> None:
        """Forget a removed workflow, unless another one was added under the same name since
        then."""
        which = (_added.c.name == digest(name)) & (_added.c.content == content)
        with as_comfy_errors(), self._engine.begin() as connection:
            connection.execute(delete(_added).where(which))
