"""Settings of an app that consists of several processes."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from ui.settings.arguments import read_settings

POSTGRES = ["--database", "postgresql+psycopg://box/forms"]


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return the error messages that refuse these arguments."""
    with pytest.raises(SystemExit):
        read_settings(arguments)
    return capsys.readouterr().err.replace("app.py: ", "").splitlines()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--wire", "http://box"], "--wire: write the URL of Redis or Valkey, like rediss://"),
        (["--wire", "unix://"], "--wire: write the URL of Redis or Valkey"),
        (["--wire", "redis://box"], "--wire needs a --database on Postgres, like postgresql"),
        (
            ["--wire", "redis://box", "--database", "sqlite:////srv/forms.sqlite"],
            "--wire needs a --database on Postgres",
        ),
        (
            [
                "--wire",
                "redis://box",
                *POSTGRES,
                "--comfyui",
                "FAKE",
                "--comfyui-python",
                sys.executable,
            ],
            "--comfyui and --wire: use only one of them. In a cluster, start ComfyUI as a service",
        ),
        (["--process", "a/b"], "--process: write at most 80 letters, digits and -._: for a"),
        (["--pages", "no"], "--pages no and --execute no need --wire."),
        (["--execute", "no"], "--pages no and --execute no need --wire."),
        (
            ["--pages", "no", "--execute", "no", "--wire", "redis://box", *POSTGRES],
            "--pages no and --execute no: use only one of them.",
        ),
    ],
)
def test_a_wrong_setting_of_a_process_is_refused(
    arguments: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error names the option and what it needs."""
    (tmp_path / "main.py").touch()
    places = {"FAKE": str(tmp_path)}
    assert refused([places.get(one, one) for one in arguments], capsys)[0].startswith(sentence)


def test_a_password_on_a_command_line_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    for url, is_warned in (("redis://box", False), ("rediss://:hunter2@box", True)):
        read_settings(["--wire", url, *POSTGRES])
        assert ("--wire" in caplog.text) is is_warned
    assert "COMFYFORMS_WIRE" in caplog.text
    assert "hunter2" not in caplog.text


def test_a_password_elsewhere_is_not_warned_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    given = {"wire": "rediss://:hunter2@box:6379", "database": POSTGRES[1]}
    file = tmp_path / "forms.toml"
    file.write_text("".join(f"{name} = {value!r}\n" for name, value in given.items()))
    file.chmod(0o600)
    in_file = read_settings(["--config", str(file)])
    for name, value in given.items():
        monkeypatch.setenv(f"COMFYFORMS_{name.upper()}", value)
    assert read_settings([]).wire == in_file.wire
    assert not caplog.records


@pytest.mark.parametrize("url", ["redis://box", "rediss://:a@box:1/2", "unix:///run/redis.sock"])
def test_a_process_of_several_has_a_wire_and_a_name(url: str) -> None:
    """A process is named after its machine and its port unless the settings name it."""
    settings = read_settings(["--wire", url, *POSTGRES, "--pages", "no", "--port", "81"])
    assert settings.wire is not None
    assert settings.wire.get_secret_value() == url
    assert (settings.pages, settings.execute) == ("no", "yes")
    assert settings.process_name == f"{socket.gethostname()}:81"
    assert read_settings(["--process", "left-1"]).process_name == "left-1"


def test_a_wire_needs_its_packages(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error about a missing package names the command that installs it. Without a wire, the app
    doesn't look for the packages."""
    assert read_settings(["--wire", "redis://box", *POSTGRES]).wire is not None
    monkeypatch.delitem(sys.modules, "comfyforms.plugins.cluster.messaging.wire", raising=False)
    monkeypatch.setitem(sys.modules, "redis", None)
    monkeypatch.setitem(sys.modules, "dbos", None)
    monkeypatch.setattr(sys, "meta_path", [])
    assert read_settings([]).wire is None
    told = refused(["--wire", "redis://box", *POSTGRES], capsys)
    assert told == ["--wire needs more packages: run pip install '.[cluster]' in the checkout."]
