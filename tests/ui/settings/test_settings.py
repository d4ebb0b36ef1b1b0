"""Settings: their sources, their values and the errors about wrong values."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import app
from comfy.comfyui.client.address import is_loopback
from ui.settings.arguments import has_option, read_settings, secrets, settings_type
from ui.settings.options import Settings

OPTIONS = {f"--{name.replace('_', '-')}": name for name in settings_type().model_fields}
VARIABLES = {f"COMFYFORMS_{name.upper()}": name for name in settings_type().model_fields}
LIGHTHOUSE = (("anna", "lighthouse"),)


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return the error messages that refuse these arguments."""
    with pytest.raises(SystemExit) as ended:
        read_settings(arguments)
    assert ended.value.code == 2
    told = capsys.readouterr()
    assert not told.out
    return told.err.replace("app.py: ", "").splitlines()


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


def test_variables_set_options(monkeypatch: pytest.MonkeyPatch) -> None:
    """A COMFYFORMS_… variable can set every option. The command line takes precedence."""
    given = {
        "SERVER": "http://box:8188",
        "WORKFLOWS": "/srv/flows",
        "HOST": "0.0.0.0",
        "PORT": "80",
        "ROOT_PATH": "/forms",
        "LOGIN": "ann:secret,bob:a:b",
        "GRACE": "5",
        "FINISH": "3",
        "DATA": "/srv/data",
        "DATABASE": "postgresql+psycopg://box/forms",
        "KEEP_DAYS": "7",
        "KEEP_GB": "0.5",
        "WAITING": "4",
        "HOURLY": "50",
        "UPLOAD_MB": "300",
    }
    for name, value in given.items():
        monkeypatch.setenv("COMFYFORMS_" + name, value)
    settings = read_settings([])
    assert [one.url.get_secret_value() for one in settings.server] == ["http://box:8188"]
    assert settings.workflows == Path("/srv/flows")
    assert (settings.host, settings.port, settings.root_path) == ("0.0.0.0", 80, "/forms")
    assert settings.pairs == (("ann", "secret"), ("bob", "a:b"))
    assert (settings.grace, settings.finish) == (5, 3)
    assert settings.database is not None
    assert settings.database.get_secret_value() == "postgresql+psycopg://box/forms"
    assert settings.data == Path("/srv/data")
    assert (settings.keep_days, settings.keep_gb) == (7, 0.5)
    assert (settings.waiting, settings.hourly, settings.upload_mb) == (4, 50, 300)
    assert read_settings(["--port", "81"]).port == 81


def test_a_file_provides_missing_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A TOML file sets settings by name. Variables and options take precedence over it, and a list
    replaces comma-separated text."""
    file = tmp_path / "forms.toml"
    file.write_text(
        'port = 80\nkeep_running = "no"\ngrace = 5\nfinish = 3\nhosts = ["a.example", "b.example"]\nkeep = ""'
    )
    monkeypatch.setenv("COMFYFORMS_CONFIG", str(file))
    monkeypatch.setenv("COMFYFORMS_GRACE", "6")
    settings = read_settings(["--finish", "7"])
    assert (settings.port, settings.grace, settings.finish) == (80, 6, 7)
    assert (settings.hosts, settings.keep) == (("a.example", "b.example"), "auto")
    assert (settings.keep_running, read_settings(["--keep-running", "yes"]).keep_running) == (
        "no",
        "yes",
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('port = "many"', "port: write a whole number, like 30."),
        ('keep = "maybe"', "keep: choose yes, no, auto or operators."),
        ("serverr = 1", "--config: unknown setting 'serverr'. Did you mean server?"),
        ('config = "again.toml"', "--config: unknown setting 'config'."),
        ("port = true", "port: write a whole number, like 30."),
        (
            '[server]\nurl = "http://box:1"',
            "server: write [[server]] above each server, with double",
        ),
        ("port = 1 2", "--config: the file is not valid TOML (at line 1, column 10)."),
    ],
)
def test_a_wrong_file_is_refused(
    text: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error names the setting as it is written in the file."""
    file = tmp_path / "forms.toml"
    file.write_text(text)
    (told,) = refused(["--config", str(file)], capsys)
    assert told.startswith(sentence)


def test_a_home_may_be_written_as_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The app also expands a tilde that no shell has expanded."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "forms.toml").write_text('data = "~/kept"\nworkflows = "~/flows"')
    settings = read_settings(["--config=~/forms.toml", "--users=~/people.json"])
    assert (settings.data, settings.workflows) == (tmp_path / "kept", tmp_path / "flows")
    assert settings.users_path == tmp_path / "people.json"
    monkeypatch.setenv("comfyforms_config", "~/forms.toml")  # variables are taken in any case
    assert read_settings([]).data == tmp_path / "kept"


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_file_in_another_encoding_is_refused(
    encoding: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Windows editors and shells write such files. The app must not read one as an empty file
    without the login."""
    file = tmp_path / "forms.toml"
    file.write_text('login = ["jürgen:secret"]', encoding=encoding)
    sentence = "--config: the file cannot be read: it is not UTF-8 text."
    assert refused(["--config", str(file)], capsys) == [sentence]


def test_a_file_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """The app doesn't take an unreadable file for an empty one."""
    sentence = "--config: the file cannot be read: No such file or directory."
    assert refused(["--config", "/nowhere"], capsys) == [sentence]


def test_passwords_in_a_readable_file_cause_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A file that contains a password is only for its owner."""
    file = tmp_path / "forms.toml"
    file.write_text('login = ["ann:secret"]')
    file.chmod(0o644)
    read_settings(["--config", str(file)])
    assert "chmod 600" in caplog.text
    caplog.clear()
    file.chmod(0o600)
    read_settings(["--config", str(file)])
    assert not caplog.records


def test_an_empty_value_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty variable has no effect. An empty option cancels the value of a variable."""
    monkeypatch.setenv("COMFYFORMS_PORT", "")
    monkeypatch.setenv("COMFYFORMS_SERVER", "http://box:8188")
    settings = read_settings(["--server="])
    assert (settings.port, settings.server) == (7860, ())


@pytest.mark.parametrize(
    ("option", "value", "name", "expected"),
    [
        (
            "--hosts",
            "Forms.example.org., 10.0.0.7,[::1]",
            "hosts",
            ("forms.example.org", "10.0.0.7", "::1"),
        ),
        (
            "--embed",
            "https://Wiki.example.org/, http://[::1]:8080",
            "embed",
            ("https://wiki.example.org", "http://[::1]:8080"),
        ),
        ("--host", "[::1]", "host", "::1"),
        ("--trusted-proxies", "10.0.0.7,10.0.0.0/8", "trusted_proxies", ("10.0.0.7", "10.0.0.0/8")),
        ("--trusted-proxies", "*", "trusted_proxies", ("*",)),
        ("--root-path", "/a/forms/", "root_path", "/a/forms"),
        (
            "--login",
            "anna:light:house\n ben :sea",
            "pairs",
            (("anna", "light:house"), ("ben", "sea")),
        ),
        ("--keep-gb", "0.5", "keep_gb", 0.5),
    ],
)
def test_equivalent_values_give_the_same_setting(
    option: str, value: str, name: str, expected: object
) -> None:
    """Spellings with the same meaning give the same setting."""
    assert getattr(read_settings([option, value]), name) == expected


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--port", "many"], "--port: write a whole number, like 30."),
        (["--port", "65536"], "--port: at most 65535."),
        (["--port", "-1"], "--port: at least 0."),
        (["--grace", "long"], "--grace: write a number, like 30."),
        (["--grace", "nan"], "--grace: write a number, like 30."),
        (["--finish", "1e12"], "--finish: at most 31622400."),
        (["--keep-days", "0"], "--keep-days: more than 0."),
        (["--keep-gb", "inf"], "--keep-gb: at most 1000000."),
        (["--waiting", "0"], "--waiting: at least 1."),
        (["--open", "maybe"], "--open: choose yes, no, auto or operators."),
        (
            ["--open", "operators"],
            "--open operators, --templates operators and --keep operators need --operators NAME,NAME"
            ", or an administrator added with python app.py user add NAME --operator.",
        ),
        (["--operators", "carl"], "--operators: each name needs a login; see --login-file."),
        (
            ["--server-ca", "/nowhere"],
            "--server-ca: the file cannot be read: No such file or directory.",
        ),
        (["--open-nodes", "/"], "--open-nodes: the file cannot be read: Is a directory."),
        (
            ["--workflows", __file__],
            "--workflows: write the path of the folder, not of a file in it.",
        ),
        (["--server-ca", "x" * 5000], "--server-ca: the file cannot be read: File name too long."),
        (
            ["--root-path", "forms"],
            "--root-path: write a path that starts with a slash, like /forms",
        ),
        (["--root-path", "//evil.example"], "--root-path: write a path that starts with a slash"),
        (
            ["--hosts", "http://forms"],
            "--hosts: write host names or addresses without http:// or a port",
        ),
        (
            ["--hosts", "forms:80"],
            "--hosts: write host names or addresses without http:// or a port",
        ),
        (
            ["--webhook-hosts", "https://a"],
            "--webhook-hosts: write hosts without https:// or a path",
        ),
        *(
            (["--embed", value], "--embed: write the addresses of sites without a path")
            for value in (
                *("wiki.example", "https://wiki.example/page", "https://*.example", "*", "https:"),
                *("https://a b", "https://a;script-src *", "https://a@b", "javascript://a"),
                "https://a:٨٠",
            )
        ),
        (["--webhook-hosts", "a:b"], "--webhook-hosts: write hosts without https:// or a path"),
        (
            ["--webhook-secret", "whsec_c2hvcnQ="],
            "--webhook-secret: write whsec_ and 24 to 64 bytes",
        ),
        (["--trusted-proxies", "10.0.0.0/33"], "--trusted-proxies: write addresses or networks"),
        (["--server-header", "X-Api-Key"], "--server-header: write it like 'X-Api-Key: secret'"),
        (["--server-header", "X Key: a"], "--server-header: write it like 'X-Api-Key: secret'"),
        (["--login", "anna"], "--login: write NAME:PASSWORD for each user"),
        (["--login", ":x"], "--login: write NAME:PASSWORD for each user"),
        (["--login", "anna:x,,ben:y"], "--login: write NAME:PASSWORD for each user"),
        (["--login", "anna:x,anna:y"], "--login: a name appears twice."),
        (["--port", "1", "--port", "2"], "--port: use it only once."),
        (["--port"], "--port: the value is missing"),
        (["--prot", "80"], "argument 1 is not an option. Did you mean --port?"),
        (["box:8188"], "argument 1 is not an option."),
        (["--data", "d", "user", "add", "anna"], "argument 3 is not an option. A command comes"),
        (["--help=please"], "-h/--help: the value is missing, or not allowed."),
    ],
)
def test_a_wrong_setting_is_refused(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error names the option and its allowed values, and the exit code is 2."""
    assert refused(arguments, capsys)[0].startswith(sentence)


def test_all_wrong_settings_are_reported_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The administrator sees all mistakes after one start. An error in a variable names the
    variable."""
    monkeypatch.setenv("COMFYFORMS_HOURLY", "0")
    told = refused(
        ["--port", "99999", "--keep", "maybe", "--logn=a:b", "--grace", "-1", "--port", "8"], capsys
    )
    assert sorted(line.split(" ")[0] for line in told) == [
        "--grace:",
        "--keep:",
        "--port:",
        "--port:",
        "COMFYFORMS_HOURLY:",
        "argument",
    ]


def test_contradicting_settings_are_reported_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The app reports two sources of accounts, and administrators who can't sign in, as two
    errors."""
    file = tmp_path / "people"
    file.write_text("anna:lighthouse")
    told = refused(["--login", "ben:sea", "--login-file", str(file), "--operators", "carl"], capsys)
    assert [line.split(":")[0] for line in told] == ["--login and --login-file", "--operators"]


def test_a_file_with_logins(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The file has an account on each line, and empty lines don't count. A password may contain
    commas and colons. The app doesn't warn about a private file."""
    file = tmp_path / "people"
    file.write_bytes("\ufeffanna:light,house\r\n\r\nben:a:b\n".encode())
    file.chmod(0o600)
    assert read_settings(["--login-file", str(file)]).pairs == (
        ("anna", "light,house"),
        ("ben", "a:b"),
    )
    assert not caplog.records


@pytest.mark.parametrize("content", [b"anna:\xff", b"anna\n", b"anna:x\nanna:y\n"])
def test_a_file_that_holds_no_logins(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The app refuses binary data, lines without a password and duplicate names."""
    file = tmp_path / "people"
    file.write_bytes(content)
    assert refused(["--login-file", str(file)], capsys)[0].startswith("--login-file: ")


def test_a_variable_that_is_misspelled(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A misspelled login variable would leave the app open. The log names the variable without its
    value."""
    monkeypatch.setenv("COMFYFORMS_LOGN", "anna:lighthouse")
    assert read_settings([]).pairs == ()
    assert caplog.record_tuples == [
        (
            "ui.settings.arguments",
            logging.WARNING,
            "Unknown setting COMFYFORMS_LOGN. Did you mean COMFYFORMS_LOGIN?",
        )
    ]


def test_help_names_every_setting(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Help gives the option, variable and kind of value of each setting. Settings that aren't
    allowed on a command line have no option. Help shows no Python type and no path of this machine.
    """
    monkeypatch.setenv("COLUMNS", "120")
    with pytest.raises(SystemExit) as ended:
        read_settings(["--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    for option, (variable, name) in zip(OPTIONS, VARIABLES.items(), strict=True):
        assert (option in told) == has_option(name)
        assert variable in told or name in ("brand", "group", "scale")
    assert "own. COMFYFORMS_HUGGINGFACE_TOKEN is therefore not an option" in " ".join(told.split())
    assert "--port PORT" in told
    words = " ".join(told.split())
    belong = words.count("secrets belong in the variable or the file of --config")
    assert belong == len(list(filter(has_option, secrets())))
    assert str(Path(__file__).parents[3]) not in told
    assert not any(word in told for word in ("Secret", "tuple", "Path", "None", "()"))


@pytest.mark.parametrize(
    ("given", "room"),
    [({}, 256 * 1024**2), ({"keep_gb": 0.1}, 25_000_000), ({"server": "http://10.0.0.7:8188"}, 0)],
)
def test_the_built_in_stand_in_takes_a_part_of_the_space(given: dict[str, Any], room: int) -> None:
    """The history's limit is smaller by this."""
    assert app.stand_in_room(Settings(**given)) == room


@pytest.mark.parametrize(
    ("given", "alone"),
    [
        ({}, True),
        ({"host": "localhost"}, True),
        ({"host": "::1"}, True),
        ({"host": "0.0.0.0"}, False),
        ({"host": "192.168.1.7"}, False),
        ({"root_path": "/forms"}, False),
        ({"hosts": "forms.example.org"}, False),
        ({"trusted_proxies": "10.0.0.7"}, False),
        ({"login": "anna:lighthouse"}, True),
    ],
)
def test_addresses_and_proxies_determine_the_apps_reach(given: dict[str, Any], alone: bool) -> None:
    """Addresses other than this machine's, and a proxy, mean that other users can reach the app."""
    assert Settings(**given).only_this_machine is alone


def test_settings_do_not_change() -> None:
    """Settings are a value that functions pass around."""
    with pytest.raises(ValidationError, match="frozen"):
        Settings().port = 1


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("[::1]", True),
        ("::", False),
        ("0.0.0.0", False),
        ("box", False),
    ],
)
def test_which_addresses_are_this_machines_own(host: str, expected: bool) -> None:
    """The app counts all of 127/8 and ::1 as this machine's. It can't know whether a name other
    than localhost is."""
    assert is_loopback(host) is expected
