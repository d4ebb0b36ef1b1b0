"""Elastic servers in the file of `--config`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from comfyforms.plugins.scaling.plugin import scale_of
from comfyforms.plugins.scaling.settings import ScaleTable
from tests.imports import ROOT
from ui.settings.arguments import read_settings

SERVER = '[[server]]\nurl = "http://one:8188"\n'
BOTH = 'up = "up"\ndown = "down"\n'
PAGE = (ROOT / "comfyforms/plugins/scaling/docs.md").read_text(encoding="utf-8")


def test_commands_are_split_without_a_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command is one text or a list. Each started server gets the credentials."""
    monkeypatch.setenv("HOME", "/home/ann")
    file = tmp_path / "forms.toml"
    file.write_text(
        f'{SERVER}[[scale]]\nup = "~/up.sh \'a b\' $HOME;"\ndown = ["down", "*"]\ntoken = "x"\n'
        f'[[scale]]\nname = "other"\n{BOTH}spot = true\nlimit = 2\n'
    )
    first, other = map(scale_of, read_settings(["--config", str(file)]).scale)
    assert first.up == ("/home/ann/up.sh", "a b", "$HOME;")
    assert first.down == ("down", "*")
    assert dict(first.address("http://new:8188").headers) == {"Authorization": "Bearer x"}
    assert (first.name, first.after_waiting, first.idle, first.most) == ("scale", 30, 600, 1)
    assert (other.name, other.spot, other.limit) == ("other", True, 2)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (f"[[scale]]\n{BOTH}", "scale: name a server that is always there, too"),
        (f'{SERVER}[[scale]]\nup = "x"', "scale: a table has no down"),
        (f'{SERVER}[[scale]]\n{BOTH}hunter = "2"', "use name, up, down, after_waiting, idle, max"),
        (f'{SERVER}[[scale]]\nup = "hunter \'"\ndown = "x"', "scale: up: a quotation mark"),
        (f'{SERVER}[[scale]]\nup = ""\ndown = "x"', "scale: up: write a command"),
        (f"{SERVER}[[scale]]\nup = 3\ndown = 4", "scale: down: the value has the wrong type."),
        (f'{SERVER}[[scale]]\n{BOTH}name = "Hunter 2"', "scale: name: write at most 30 small"),
        (f"{SERVER}[[scale]]\n{BOTH}max = 0", "scale: max: at least 1."),
        (f"{SERVER}[[scale]]\n{BOTH}[[scale]]\n{BOTH}", "give each [[scale]] its own name."),
        (f'{SERVER}[[scale]]\n{BOTH}token_env = "hunter2"', "the environment variable with this"),
        (f"{SERVER}[scale]\n{BOTH}", "write [[scale]] tables into the file of --config."),
    ],
)
def test_wrong_tables_are_refused(
    text: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error says what to write instead, and doesn't repeat the input."""
    file = tmp_path / "forms.toml"
    file.write_text(text)
    with pytest.raises(SystemExit) as ended:
        read_settings(["--config", str(file)])
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert sentence in told
    assert "hunter" not in told.lower()


def test_a_variable_cannot_hold_tables(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COMFYFORMS_SCALE", "hunter2")
    with pytest.raises(SystemExit):
        read_settings([])
    assert "write [[scale]] tables into the file of --config." in capsys.readouterr().err


def test_the_app_accepts_the_documented_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page's table has every key."""
    monkeypatch.setenv("CLOUD_TOKEN", "a-token")
    config = tmp_path / "comfyforms.toml"
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.S)
    config.write_text(example, encoding="utf-8")
    (scale,) = read_settings(["--config", str(config)]).scale
    assert scale_of(scale).address("http://127.0.0.1:8188").headers
    assert (scale.max, scale.spot) == (3, True)
    assert all(f"`{key}`" in PAGE for key in ScaleTable.model_fields)
