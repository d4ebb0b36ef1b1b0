"""Users' requests to the administrator for missing models."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from sqlalchemy import Engine, delete, func, insert, select

from comfy.base.errors import ComfyError
from comfy.base.messages import message
from comfy.records.administration.tables import model_requests
from comfy.records.tables import as_comfy_errors, digest
from comfy.requirements.model import ModelFile

_MOST = 500
_MOST_OF_ONE = 20
_MOST_FILES = 100


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """Request of a user. `person`: their name, "" for guests; `workflow`: its name, and `title`:
    as users see it. `at`: seconds since 1970."""

    id: str
    at: float
    person: str
    workflow: str
    title: str
    files: tuple[ModelFile, ...]


class ModelRequestStore:
    """Requests in the history's database. All methods raise ComfyError if it can't be used."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(
        self, owner: str, person: str, workflow: str, title: str, files: Iterable[ModelFile]
    ) -> None:
        """Record a request, in place of the user's earlier one for this workflow. Raises ComfyError
        if there are too many."""
        stored = json.dumps([asdict(one) for one in [*files][:_MOST_FILES]])
        owners = model_requests.c.owner == digest(owner)
        same = owners & (model_requests.c.workflow == workflow)
        with as_comfy_errors(), self._engine.begin() as connection:
            connection.execute(delete(model_requests).where(same))
            count = select(func.count()).select_from(model_requests)
            everyone, own = (
                connection.execute(query).scalar() or 0 for query in (count, count.where(owners))
            )
            if everyone >= _MOST or own >= _MOST_OF_ONE:
                raise ComfyError(
                    message("There are too many open requests for models."),
                    message("Contact the administrator."),
                )
            connection.execute(
                insert(model_requests).values(
                    id=secrets.token_hex(8),
                    at=time.time(),
                    owner=digest(owner),
                    person=person,
                    workflow=workflow,
                    title=title,
                    files=stored,
                )
            )

    def has(self, owner: str, workflow: str) -> bool:
        """Return whether this user has an open request for a workflow."""
        same = (model_requests.c.owner == digest(owner)) & (model_requests.c.workflow == workflow)
        with as_comfy_errors(), self._engine.connect() as connection:
            return connection.execute(select(model_requests.c.id).where(same)).first() is not None

    def all(self) -> tuple[ModelRequest, ...]:
        """Return all open requests, oldest first."""
        query = select(model_requests).order_by(model_requests.c.at)
        with as_comfy_errors(), self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return tuple(
            ModelRequest(
                row.id,
                row.at,
                row.person,
                row.workflow,
                row.title,
                tuple(ModelFile(**one) for one in json.loads(row.files)),
            )
            for row in rows
        )

    def remove(self, request: str) -> bool:
        """Delete a request. Return whether it existed."""
        which = model_requests.c.id == request
        with as_comfy_errors(), self._engine.begin() as connection:
            return bool(connection.execute(delete(model_requests).where(which)).rowcount)
