"""Users' requests to the administrator for missing models."""

from __future__ import annotations

import json
import secrets
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from sqlalchemy import ColumnElement, Engine, delete, insert, select

from comfy.base.errors import ComfyError
from comfy.base.messages import message
from comfy.records.administration.tables import model_requests
from comfy.records.tables import as_comfy_errors, digest, share_of
from comfy.requirements.model import ModelFile

_MOST = 500
_MOST_OF_ONE = 20
_MOST_OF_ADDRESS = 40  # of users without an account
_SHARE, _RANDOM = 16, 16  # characters of an id: a digest of the address if it has one, the rest
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
        self,
        owner: str,
        person: str,
        workflow: str,
        title: str,
        files: Iterable[ModelFile],
        address: str = "",
    ) -> None:
        """Record a request, in place of the user's earlier one for this workflow. If there isn't
        enough room, the oldest request of the address or account with the most goes.

        `address`: see `RunRegistry.submit`. Raises ComfyError if the user has too many.
        """
        stored = json.dumps([asdict(one) for one in [*files][:_MOST_FILES]])
        person_digest, share = digest(owner), share_of(address)[:_SHARE]
        owners = model_requests.c.owner == person_digest
        row = {
            "id": f"{share}{secrets.token_hex(_RANDOM // 2)}",
            "at": time.time(),
            "owner": person_digest,
            "person": person,
            "workflow": workflow,
            "title": title,
            "files": stored,
        }
        with as_comfy_errors(), self._engine.begin() as connection:
            connection.execute(delete(model_requests).where(owners, _is_for(workflow)))
            columns = select(model_requests.c.id, model_requests.c.owner)
            rows = connection.execute(columns.order_by(model_requests.c.at)).all()
            if sum(row.owner == person_digest for row in rows) >= _MOST_OF_ONE:
                raise ComfyError(
                    message("There are too many open requests for models."),
                    message("Contact the administrator."),
                )
            holders = {one.id: one.id[:-_RANDOM] or one.owner for one in rows}
            counts = Counter(holders.values())
            fullest = share if counts[share] >= _MOST_OF_ADDRESS else ""
            if not fullest and len(rows) >= _MOST:
                fullest = counts.most_common(1)[0][0]
            if fullest:
                oldest = next(one for one, holder in holders.items() if holder == fullest)
                connection.execute(delete(model_requests).where(model_requests.c.id == oldest))
            connection.execute(insert(model_requests).values(row))

    def has(self, owner: str, workflow: str) -> bool:
        """Return whether this user has an open request for a workflow."""
        same = (model_requests.c.owner == digest(owner)) & _is_for(workflow)
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

    def remove_all(self) -> None:
        """Delete all requests."""
        with as_comfy_errors(), self._engine.begin() as connection:
            connection.execute(delete(model_requests))


def _is_for(workflow: str) -> ColumnElement[bool]:
    return model_requests.c.workflow == workflow
