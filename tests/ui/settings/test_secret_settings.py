"""Secrets in the settings belong in variables or files that other users can't read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ui.settings.arguments import read_settings, secrets
from ui.settings.named_servers import WITH_PASSWORD
from ui.settings.options import Settings


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COMFYFORMS_DATA", raising=False)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--login="], []),
        (["--login", "anna:hunter2", "--port", "80"], ["login"]),
        (["--server", "http://a", "--server", "http://b"], []),
        (["--server", "http://anna:hunter2@a", "--server", "http://b"], ["server"]),
        (["--server", "http://a", "--server-token", "hunter2"], ["server_token"]),
        (["--server", "http://a", "--server-header", "X-Key: hunter2"], ["server_header"]),
        (["--database", "postgresql+psycopg://forms@box/forms"], []),
        (["--database", "sqlite:////srv/a@b.sqlite"], []),
        (["--database", "postgresql+psycopg://forms:hunter2@box/forms"], ["database"]),
        (["--database", "postgresql+psycopg://box/forms?password=hunter2"], ["database"]),
        (
            ["--webhook-secret", f"whsec_{'hunter2x' * 4}", "--login", "anna:hunter2"],
            ["webhook_secret", "login"],
        ),
    ],
)
def test_secrets_on_a_command_line_are_warned_about(
    arguments: list[str], named: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """A single line names the options and the alternatives, but not their values."""
    read_settings(arguments)
    assert [record.levelname for record in caplog.records] == ["WARNING"] * bool(named)
    told = "".join(caplog.messages)
    options = [f"--{name.replace('_', '-')}" for name in named]
    assert re.findall(r"--[\w-]+", told) == ([*options, "--config"] if named else [])
    assert re.findall(r"COMFYFORMS_\w+", told) == [f"COMFYFORMS_{name.upper()}" for name in named]
    assert "hunter2" not in caplog.text


def test_secrets_elsewhere_are_not_warned_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Each secret can be in a variable, or in a file that only its owner can read."""
    given = {
        "server": "http://box",
        "server_token": "hunter2",
        "server_header": "X-Key: hunter2",
        "login": "anna:hunter2",
        "database": "postgresql+psycopg://forms:hunter2@box/forms",
        "webhook_secret": f"whsec_{'hunter2x' * 4}",
        "openid_secret": "hunter2",
        "node_secret": "hunter2-hunter2-hunter2-hunter2",
        "huggingface_token": "hunter2",
        "comfy_org_key": "comfyui-hunter2",
    }
    own = {name for name, mark in secrets().items() if mark is not WITH_PASSWORD}  # no URLs
    given |= dict.fromkeys(own - given.keys(), "hunter2")  # of plugins
    file = tmp_path / "forms.toml"
    file.write_text("".join(f"{name} = {value!r}\n" for name, value in given.items()))
    file.chmod(0o600)
    in_file = read_settings(["--config", str(file)])
    for name, value in given.items():
        monkeypatch.setenv(f"COMFYFORMS_{name.upper()}", value)
    assert read_settings([]).model_dump(exclude={"config"}) == in_file.model_dump(
        exclude={"config"}
    )
    assert not caplog.records


def test_settings_show_no_secret() -> None:
    """Printed or logged settings show stars instead of secrets."""
    given = {"server": "http://box", "server_token": "hunter2", "server_header": "X-Key: hunter2"}
    settings = Settings(**given, database="postgresql://a:hunter2@box/db", login="anna:hunter2")  # type: ignore[arg-type]
    assert settings.pairs == (("anna", "hunter2"),)
    assert "hunter2" not in f"{settings!r} {settings} {settings.model_dump_json()}"


def test_a_login_file_readable_by_all_causes_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The log warns about it once, without the passwords."""
    file = tmp_path / "people"
    file.write_text("anna:lighthouse")
    file.chmod(0o644)
    assert read_settings(["--login-file", str(file)]).pairs == (("anna", "lighthouse"),)
    assert "can read the secrets in people" in caplog.text
    assert "lighthouse" not in caplog.text
