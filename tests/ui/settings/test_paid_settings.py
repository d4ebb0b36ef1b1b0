"""Settings of paid partner nodes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ui.settings.arguments import read_settings


def test_limits_of_paid_runs_are_per_day() -> None:
    """The unit may be left out."""
    settings = read_settings(["--paid-runs", "20/day", "--paid-runs-all", "100"])
    assert (settings.paid_runs, settings.paid_runs_all, settings.app_key) == (20, 100, None)
    with pytest.raises(SystemExit):
        read_settings(["--paid-runs", "20/hour"])


def test_the_apps_key_is_in_a_file_or_a_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both at once are refused."""
    file = tmp_path / "key"
    file.write_text("comfyui-0123456789\n", encoding="utf-8")
    settings = read_settings(["--comfy-key-file", str(file)])
    assert settings.app_key is not None
    assert settings.app_key.get_secret_value() == "comfyui-0123456789"
    monkeypatch.setenv("COMFYFORMS_COMFY_ORG_KEY", "comfyui-9876543210")
    with pytest.raises(SystemExit):
        read_settings(["--comfy-key-file", str(file)])
