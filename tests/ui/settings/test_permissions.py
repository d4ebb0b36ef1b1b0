"""The settings for opening workflows, and the list of node classes."""

from __future__ import annotations

from pathlib import Path

import pytest

from comfy.base.errors import ComfyError, WorkflowError
from comfy.library.permissions import Permissions
from tests.support.samples.forms import node
from ui.accounts.users import UsersFile
from ui.settings.arguments import read_settings
from ui.settings.options import Settings
from ui.settings.web_settings import permissions_of, read_node_classes

ANN, BOB, BROWSER = "user:ann", "user:bob", "browser:" + "b" * 43
LOGIN = ["--login", "ann:lighthouse,bob:harbour", "--operators", "ann"]
NETWORK = ["--host", "0.0.0.0"]


def permitted(*arguments: str) -> Permissions:
    settings: Settings = read_settings(arguments)
    return permissions_of(settings, None)


@pytest.mark.parametrize(
    ("arguments", "may"),
    [
        ([], {BROWSER}),
        (NETWORK, set()),
        (["--hosts", "forms.example"], set()),
        (["--root-path", "/forms"], set()),
        (["--open", "no"], set()),
        ([*NETWORK, "--open", "yes"], {BROWSER, ANN, BOB}),
        ([*NETWORK, *LOGIN, "--open", "operators"], {ANN}),
    ],
)
def test_opening_workflows_depends_on_settings_and_reach(
    arguments: list[str], may: set[str]
) -> None:
    """By default, opening is allowed only if other machines can't reach the app. Otherwise the
    setting decides."""
    permissions = permitted(*arguments)
    for person in (ANN, BOB, BROWSER) if "--login" in arguments else (BROWSER,):
        assert permissions.open(person) == (person in may)
        if person in may:
            permissions.check_open(person)
        else:
            with pytest.raises(WorkflowError, match="turned off"):
                permissions.check_open(person)


@pytest.mark.parametrize(
    ("arguments", "may"),
    [
        ([], {BROWSER}),
        (NETWORK, set()),
        (["--hosts", "forms.example"], set()),
        (["--share-link", "yes"], set()),
        (LOGIN, {ANN}),
        ([*NETWORK, *LOGIN], {ANN}),
    ],
)
def test_the_settings_name_the_administrators(arguments: list[str], may: set[str]) -> None:
    """The settings name the administrators. Without sign-in, every user is an administrator, but
    only if other machines can't reach the app. Guests never are."""
    permissions = permitted(*arguments)
    people = (ANN, BOB, BROWSER) if "--login" in arguments else (BROWSER,)
    assert {one for one in people if permissions.operates(one)} == may


@pytest.mark.parametrize(
    ("arguments", "keeps", "trusted"),
    [
        ([], {BROWSER}, {BROWSER}),
        ([*NETWORK, "--keep", "yes"], {BROWSER}, set()),
        ([*NETWORK, *LOGIN, "--open", "yes", "--keep", "yes"], {ANN, BOB}, {ANN}),
        ([*NETWORK, *LOGIN, "--open", "yes", "--keep", "operators"], {ANN}, {ANN}),
        ([*LOGIN, "--keep", "no"], set(), set()),
        (LOGIN, {ANN, BOB}, {ANN}),
    ],
)
def test_trust_depends_on_settings_and_reach(
    arguments: list[str], keeps: set[str], trusted: set[str]
) -> None:
    """The app trusts users who may keep workflows. If other machines can reach the app, or users
    sign in, only administrators among them are trusted."""
    permissions = permitted(*arguments)
    for person in (ANN, BOB) if "--login" in arguments else (BROWSER,):
        assert permissions.keep(person) == (person in keeps)
        assert permissions.trusts(person) == (person in trusted)


def test_keeping_requires_the_permission_to_open() -> None:
    """The app has to open a file before it can keep it."""
    with pytest.raises(WorkflowError, match="turned off"):
        permitted("--open", "no", "--keep", "yes").check_keep(BROWSER)


def test_a_list_of_nodes(tmp_path: Path) -> None:
    """The file has one class per line. The app ignores comments and empty lines."""
    path = tmp_path / "nodes.txt"
    path.write_text("# basic\nKSampler\n  SaveImage  # keeps\n\nText|pysssss\n", "utf-8")
    assert read_node_classes(path) == {"KSampler", "SaveImage", "Text|pysssss"}
    permissions = permitted("--open-nodes", str(path))
    permissions.check_nodes({"1": node("KSampler"), "2": node("SaveImage")})
    others = {str(number): node(f"Other{number}") for number in range(5)}
    with pytest.raises(WorkflowError, match="“Other0”, “Other1”, “Other2”, …"):
        permissions.check_nodes({"k": node("KSampler"), **others})
    permitted().check_nodes(others)


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"\xff\xfe\x00"])
def test_a_list_without_nodes_is_a_mistake(tmp_path: Path, content: bytes) -> None:
    """The app reports an empty or binary file at startup, not when a user opens a workflow."""
    path = tmp_path / "nodes.txt"
    path.write_bytes(content)
    with pytest.raises(ComfyError, match="--open-nodes"):
        permitted("--open-nodes", str(path))


def test_a_missing_list_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    """The program exits with an error message."""
    with pytest.raises(SystemExit):
        permitted("--open-nodes", "/nowhere/nodes.txt")
    assert "--open-nodes" in capsys.readouterr().err


def test_operators_are_named_by_settings_or_by_the_file_of_users(tmp_path: Path) -> None:
    """A browser with the same name is not an administrator. A user who becomes an administrator
    later needs no restart."""
    file = UsersFile(tmp_path / "users.json")
    file.add("cleo", "lighthouse", "operator")
    settings = read_settings(["--users", str(file.path), *NETWORK, *LOGIN, "--open", "operators"])
    permissions = permissions_of(settings, file)
    people = ("user:ann", "user:cleo", "user:bob", "browser:ann", "browser:cleo", "ann", "user:dan")
    assert [one for one in people if permissions.open(one)] == ["user:ann", "user:cleo"]
    file.add("dan", "harbour in rain", "operator")
    assert permissions.open("user:dan")
    file.remove("cleo")
    assert not permissions.open("user:cleo")
