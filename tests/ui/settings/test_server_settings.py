"""The ComfyUI servers in the settings: one or several, each with its own credentials."""

from __future__ import annotations

from pathlib import Path

import pytest

from ui.settings.arguments import read_settings

TWO = ("http://one:8188", "http://other:8188")


def urls(*arguments: str) -> tuple[str, ...]:
    return tuple(address.url for address in read_settings(arguments).server_addresses)


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit):
        read_settings(arguments)
    return capsys.readouterr().err


def test_several_servers_are_named_in_any_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An administrator can repeat the option, set one variable or write a list in a file."""
    assert urls("--server", TWO[0], "--server", TWO[1]) == TWO
    assert urls("--server", f"{TWO[0]},{TWO[1]}") == TWO
    file = tmp_path / "forms.toml"
    file.write_text(f'server = ["{TWO[0]}", "{TWO[1]}"]')
    assert urls("--config", str(file)) == TWO
    monkeypatch.setenv("COMFYFORMS_SERVER", f"{TWO[0]} {TWO[1]}")
    assert urls() == TWO
    monkeypatch.setenv("COMFYFORMS_SERVER", "http://me:a,b@one:8188")
    assert urls() == TWO[:1]  # a password may have commas


def test_each_server_has_a_login_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The credentials are in the file, which only the administrator reads, or in a file or
    variables that it names. The app shows none of them."""
    file, token = tmp_path / "forms.toml", tmp_path / "token"
    token.write_text("hunter4\n")
    token.chmod(0o600)
    file.write_text(
        '[[server]]\nurl = "http://one:8188"\ntoken = "hunter2"\n'
        '[[server]]\nurl = "http://other:8188"\nheader = "X-Key: hunter3"\n'
        f'[[server]]\nurl = "http://third:8188"\ntoken_file = "{token}"\n'
        'header = ["X-Id: hunter5", "X-Secret: hunter6"]\n'
        '[[server]]\nurl = "http://fourth:8188"\ntoken_env = "FOURTH_TOKEN"\n'
        'header_env = ["FOURTH_ID"]\nheader = "X-Secret: hunter9"\n'
        '[[server]]\nurl = "http://fifth:8188"\nheader_env = "FOURTH_ID"\n'
    )
    monkeypatch.setenv("FOURTH_TOKEN", " hunter7\n")
    monkeypatch.setenv("FOURTH_ID", "X-Id: hunter8")
    file.chmod(0o600)
    settings = read_settings(["--config", str(file)])
    one, other, third, fourth, fifth = settings.server_addresses
    assert dict(one.headers) == {"Authorization": "Bearer hunter2"}
    assert dict(other.headers) == {"X-Key": "hunter3"}
    assert dict(third.headers) == {
        "Authorization": "Bearer hunter4",
        "X-Id": "hunter5",
        "X-Secret": "hunter6",
    }
    assert dict(fourth.headers) == {
        "Authorization": "Bearer hunter7",
        "X-Id": "hunter8",
        "X-Secret": "hunter9",
    }
    assert dict(fifth.headers) == {"X-Id": "hunter8"}
    assert "hunter" not in f"{settings!r} {settings.server_addresses!r}"


def test_a_server_has_a_name_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Users read the name in place of the address. Two servers can't have the same name."""
    file = tmp_path / "forms.toml"
    text = '[[server]]\nurl = "http://one:8188"\nname = " GPU box "\n'
    file.write_text(f'{text}[[server]]\nurl = "http://other:8188"\n')
    box, other = read_settings(["--config", str(file)]).server_addresses
    assert (box.name, box.short_name, box.place) == ("GPU box", "GPU box", "GPU box")
    assert other.short_name == "other:8188"
    file.write_text(text + text.replace("one", "other"))
    assert "Two servers have the same name." in refused(["--config", str(file)], capsys)


def test_a_server_has_a_limit_of_its_own(tmp_path: Path) -> None:
    """The limit applies however the address is written. Credentials from another option still
    apply."""
    file = tmp_path / "forms.toml"
    file.write_text(
        '[[server]]\nurl = "http://One:8188/"\nlimit = 3\n[[server]]\nurl = "http://other:8188"\n'
    )
    settings = read_settings(["--config", str(file)])
    assert settings.server_limits == {settings.server_addresses[0].url: 3}
    file.write_text('[[server]]\nurl = "http://one:8188"\nlimit = 2\n')
    (address,) = read_settings(["--config", str(file), "--server-token", "x"]).server_addresses
    assert dict(address.headers) == {"Authorization": "Bearer x"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('server = ["http://a", "http://a"]', "A server is listed twice."),
        ('server = ["http://a", "http://b"]\nserver_token = "x"', "but there are several"),
        (
            '[[server]]\nurl = "http://a"\npassword = "hunter2"',
            "in a table; use url, name, token, token_file",
        ),
        ('[[server]]\ntoken = "hunter2"', "a table has no url."),
        ('[[server]]\nurl = "http://a"\ntoken_file = "hunter2"', "the file cannot be read"),
        (
            f'[[server]]\nurl = "http://a"\ntoken = "x"\ntoken_file = "{__file__}"',
            "A server has several tokens.",
        ),
        ('[[server]]\nurl = "http://a"\ntoken = "x"\ntoken_env = "PATH"', "several tokens"),
        (
            '[[server]]\nurl = "http://a"\ntoken_env = "hunter2"',
            "the environment variable with this name",
        ),
        (
            '[[server]]\nurl = "http://a"\nheader_env = ["hunter2"]',
            "the environment variable with this name",
        ),
        ('[[server]]\nurl = "http://a"\nheader_env = "PATH"', "write it like"),
        ('[[server]]\nurl = "http://a"\ntoken_env = 3', "the value has the wrong type."),
        ('[[server]]\nurl = "http://a"\nheader = ["X: y", "hunter2"]', "write it like"),
        ('[[server]]\nurl = "http://a"\nlimit = 0', "server: limit: at least 1."),
        ('[[server]]\nurl = "http://a"\nlimit = "hunter2"', "server: limit: write a whole number"),
        ('[[server]]\nurl = "hunter2"', "This is not a server address."),
        ("server = 3", "the value has the wrong type."),
    ],
)
def test_wrong_servers_are_refused(
    text: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error says what to write instead, and doesn't repeat the input."""
    file = tmp_path / "forms.toml"
    file.write_text(text)
    told = refused(["--config", str(file)], capsys)
    assert sentence in told
    assert "hunter" not in told
