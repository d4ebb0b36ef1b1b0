"""The app's secret, which is kept beside its data."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from comfy.base.errors import ComfyError
from ui.web.cookies import SIZE, derived, kept_secret, kept_webhook_secret


def test_the_same_folder_has_the_same_secret(tmp_path: Path) -> None:
    """The app creates the secret once. Each folder has its own secret, and only the file's owner
    can read it."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = kept_secret(tmp_path / "a")
    assert len(first) == SIZE
    assert kept_secret(tmp_path / "a") == first
    assert kept_secret(tmp_path / "b") != first
    assert (tmp_path / "a" / "secret").stat().st_mode & 0o777 == 0o600


def test_programs_that_start_at_once_share_it(tmp_path: Path) -> None:
    """The first program creates the secret, and all others get the same one."""
    got: list[bytes] = []
    threads = [threading.Thread(target=lambda: got.append(kept_secret(tmp_path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(got)) == 1
    assert len(got) == 8


def test_a_partly_written_secret_is_replaced(tmp_path: Path) -> None:
    """The app replaces a partial file that a killed process left."""
    (tmp_path / "secret.part").write_bytes(b"half")
    assert len(kept_secret(tmp_path)) == SIZE


def test_a_damaged_secret_is_refused(tmp_path: Path) -> None:
    """With an empty secret, any client could forge signatures. The app refuses the file."""
    (tmp_path / "secret").write_bytes(b"")
    with pytest.raises(ComfyError, match="damaged"):
        kept_secret(tmp_path)


def test_the_webhook_secret_is_text_that_receivers_can_use(tmp_path: Path) -> None:
    """The secret is a line of text, created once, and signs as the receivers' library does. The app
    doesn't use a damaged secret."""
    told = kept_webhook_secret(tmp_path)
    path = tmp_path / "webhook_secret"
    assert kept_webhook_secret(tmp_path) == told == path.read_text().strip()
    assert path.stat().st_mode & 0o777 == 0o600
    assert Webhook(told).sign("id", datetime.now(UTC), "text").startswith("v1,")
    path.write_bytes(b"whsec_\xff")
    with pytest.raises(ComfyError, match="damaged"):
        kept_webhook_secret(tmp_path)


def test_a_path_that_is_not_a_folder(tmp_path: Path) -> None:
    """If the app can't keep a secret there, an error says so."""
    (tmp_path / "secret").mkdir()
    with pytest.raises(ComfyError, match="could not be used") as told:
        kept_secret(tmp_path)
    assert "--data" in told.value.hint
    assert os.listdir(tmp_path / "secret") == []


def test_each_purpose_has_its_own_key() -> None:
    """A signature for one purpose isn't valid for another."""
    assert derived(b"s", "a") != derived(b"s", "b")
    assert derived(b"s", "a") != derived(b"t", "a")
