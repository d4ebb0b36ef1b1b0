"""Records of uploaded assets, in the history's database."""

from __future__ import annotations

import time
import uuid
from dataclasses import asdict, dataclass, replace

from sqlalchemy import Engine, delete, insert, select

from comfy.records.people import forget_beyond
from comfy.records.rows import escaped, unescaped
from comfy.records.tables import digest as digest_of
from comfy.records.tables import reading, transaction
from comfyforms.plugins.comfy_api_v2.tables import assets

_MOST = 10_000  # per owner


@dataclass(frozen=True, slots=True)
class Asset:
    """Uploaded file. `hash`: the hex BLAKE3 of its content, and `digest` its SHA-256; `name`: the
    owner's name for it in prompts; `created_at`: in seconds since 1970."""

    id: str
    hash: str
    digest: str
    name: str
    created_at: float


class AssetStore:
    """Assets of all owners. All methods raise ComfyError if the database can't be used.
    Thread-safe."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, owner: str, asset_id: str) -> Asset | None:
        """Return an asset of this owner."""
        found = self._found(owner, id=asset_id)
        return found[0] if found else None

    def with_hash(self, owner: str, hash_: str) -> list[Asset]:
        """Return the owner's assets with this content, newest first."""
        return self._found(owner, hash=hash_)

    def with_name(self, owner: str, name: str) -> list[Asset]:
        """Return the owner's assets that are one file."""
        return self._found(owner, name=escaped(name))

    def add(self, owner: str, hash_: str, digest: str, name: str) -> Asset:
        asset = Asset(str(uuid.uuid4()), hash_, digest, name, time.time())
        row = {**asdict(asset), "owner": digest_of(owner), "name": escaped(name)}
        with transaction(self._engine) as connection:
            connection.execute(insert(assets).values(row))
            near = assets.c.owner == digest_of(owner)
            forget_beyond(connection, assets, _MOST, near, counts=True)
        return asset

    def remove(self, asset_id: str) -> None:
        with transaction(self._engine) as connection:
            connection.execute(delete(assets).where(assets.c.id == asset_id))

    def _found(self, owner: str, **values: str) -> list[Asset]:
        columns = [assets.c[name] for name in Asset.__slots__]
        query = select(*columns).where(assets.c.owner == digest_of(owner))
        for name, value in values.items():
            query = query.where(assets.c[name] == value)
        query = query.order_by(assets.c.created_at.desc())
        with reading(self._engine) as connection:
            found = [Asset(*row) for row in connection.execute(query)]
        return [replace(one, name=unescaped(one.name)) for one in found]
