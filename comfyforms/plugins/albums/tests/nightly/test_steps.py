"""Tables of albums in Postgres databases of earlier versions of the app."""

from __future__ import annotations

import pytest

from comfy.records.blobs import BlobStore
from comfyforms.plugins.albums.tests.test_steps import BEFORE, check_old_database


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
@pytest.mark.parametrize("number", [*BEFORE][1:])
def test_an_old_database_opens_with_its_albums(database: str, kept: BlobStore, number: str) -> None:
    """On Postgres, the older steps keep albums as they do on SQLite."""
    check_old_database(database, kept, number)
