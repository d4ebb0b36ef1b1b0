"""Settings of an app that consists of several processes."""

from __future__ import annotations

import socket
import sys

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
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error names the option and what it needs."""
    assert refused(arguments, capsys)[0].startswith(sentence)


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
