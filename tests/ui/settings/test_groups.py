"""Groups of users in the settings file: members, workflows, rights, servers and limits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from comfy.base.errors import WorkflowNotFound
from comfy.base.user_groups import UserGroup
from comfy.library.permissions import Permissions
from comfy.runs.limits import RunLimits
from ui.accounts.openid_people import OpenIDPerson, OpenIDSettings
from ui.accounts.openid_store import OpenIDPeople
from ui.accounts.users import UsersFile
from ui.settings.arguments import read_settings
from ui.settings.web_settings import permissions_of

FILE = """
host = "0.0.0.0"
templates = "yes"
keep = "yes"
open = "no"
operators = ["root"]
login = "root:lighthouse"
[[server]]
url = "http://one.example"
name = "slow"
[[server]]
url = "http://two.example"
name = "fast"

[[group]]
name = "everyone"
members = "*"
workflows = ["text-to-image"]

[[group]]
name = "artists"
members = ["group:art", "anna@example.org", "user:ben"]
workflows = ["art/*"]
templates = ["flux*"]
open = true
publish = false
servers = ["fast"]
waiting = 50
runs = "100/day"
paid_runs = 3
storage_gb = 2

[[group]]
name = "students"
members = ["group:students"]
workflows = "school/*, art/easy"
edit = true
publish = true
servers = ["slow"]
waiting = 2
"""


def permitted(folder: Path, text: str = FILE) -> Permissions:
    config = folder / "comfyforms.toml"
    config.write_text(text, encoding="utf-8")
    members = {"ben": [], "cleo": ["art", "students"], "dora": ["students"]}
    listed = [{"name": one, "password": "", "groups": own} for one, own in members.items()]
    (folder / "users.json").write_text(json.dumps(listed), encoding="utf-8")
    users = UsersFile(folder / "users.json")
    users.refresh()
    people = OpenIDPeople(OpenIDSettings("https://id.example", "forms", "", "", ("*",)))
    people.put(OpenIDPerson("1", "https://id.example", "Anna", "", "anna@example.org", (), 1.0))
    people.put(OpenIDPerson("2", "https://id.example", "Art", "", "", ("art",), 1.0))
    return permissions_of(read_settings(["--config", str(config)]), users, people)


ART = ("everyone", "artists")


@pytest.mark.parametrize(
    ("owner", "groups"),
    [
        ("user:ben", ART),
        ("user:cleo", (*ART, "students")),
        ("user:dora", ("everyone", "students")),
        ("user:anna@example.org", ART),  # named by a proxy
        ("user:anna", ("everyone",)),
        ("openid:1", ART),
        ("openid:2", ART),
        ("openid:3", ("everyone",)),
        ("browser:ben", ("everyone",)),
        ("browser:", ("everyone",)),
        ("ben", ("everyone",)),
    ],
)
def test_rules_name_the_members(tmp_path: Path, owner: str, groups: tuple[str, ...]) -> None:
    """A guest belongs only to groups of all users, also if the browser has a member's name."""
    group = permitted(tmp_path).group(owner)
    assert group is not None
    assert group.names == groups


def test_several_groups_give_their_union(tmp_path: Path) -> None:
    """A key that none of the groups sets follows the options. Administrators have no group."""
    may = permitted(tmp_path)
    cleo, anna, root = "user:cleo", "user:anna", "user:root"
    assert [may.sees(cleo, one) for one in ("art/a/b", "school/a", "text-to-image", "x")] == [
        *(True, True, True),
        False,
    ]
    assert [one for one in ("art/easy", "art/x") if may.sees("user:dora", one)] == ["art/easy"]
    assert (may.open(cleo), may.open(anna), may.open("user:dora")) == (True, False, False)
    assert (may.keep(cleo), may.keep("user:ben"), may.keep(anna)) == (True, False, True)
    assert (may.may_shape(cleo), may.may_shape("user:ben"), may.may_shape(anna)) == (
        *(True, False, True),
    )
    assert (may.sees_template(cleo, "flux_dev"), may.sees_template(cleo, "wan")) == (True, False)
    assert may.sees_template(anna, "wan")
    assert may.group(root) is None
    assert may.sees(root, "anything")


def test_sharing_a_workflow_names_who_can_use_it(tmp_path: Path) -> None:
    """It names the groups that get it and the people who don't, unless everyone gets it."""
    may, to_all = permitted(tmp_path), FILE.replace('["text-to-image"]', '"*"')
    said = may.readers("user:cleo", "new")  # in the folder `art`
    assert said == "artists and administrators can use it. dora can't."
    said = may.readers("user:root", "new")
    assert said == "Only administrators can use it. Anna and 4 others can't."
    everyone = "Everyone here can use this workflow."
    assert permitted(tmp_path, to_all).readers("user:root", "new") == everyone
    without_groups = permitted(tmp_path, FILE[: FILE.index("[[group]]")])
    assert without_groups.readers("user:cleo", "new") == everyone


def test_a_workflow_of_other_groups_names_whom_to_ask(tmp_path: Path) -> None:
    """The answer is the same as for a name that doesn't exist. Guests learn no names."""
    may = permitted(tmp_path)
    for owner, asks in (("user:dora", "Ask root."), ("browser:1", "Ask the administrator.")):
        with pytest.raises(WorkflowNotFound) as refused:
            may.check_sees(owner, "art/a")
        headline = "Your groups don't have the workflow “art/a”."
        assert (str(refused.value), str(refused.value.hint)) == (headline, asks)


def test_limits_are_the_largest_of_the_groups(tmp_path: Path) -> None:
    """Servers of several groups count together."""
    limits = RunLimits(groups=permitted(tmp_path).group, paid=9)
    of = {name: limits.of(f"user:{name}") for name in ("ben", "cleo", "dora", "anna", "root")}
    assert {name: one.person for name, one in of.items()} == {
        **{"ben": 50, "cleo": 50, "dora": 2},
        **{"anna": 30, "root": 30},
    }
    assert [of[name].daily for name in ("ben", "cleo", "dora", "root")] == [100, 100, None, None]
    assert [of[name].paid for name in ("ben", "dora")] == [3, 9]
    assert set(limits.servers_of("user:cleo") or ()) == {"fast", "slow"}
    assert limits.servers_of("user:anna") is None


def test_without_everyone_other_users_see_nothing(tmp_path: Path) -> None:
    """Someone in no group can't open or add workflows either. Without any group, the options
    decide."""
    start, end = FILE.index('[[group]]\nname = "everyone"'), FILE.index('[[group]]\nname = "art')
    may = permitted(tmp_path, FILE[:start] + FILE[end:])
    other = "user:anna"
    assert not may.sees(other, "text-to-image")
    assert not any(right(other) for right in (may.open, may.templates, may.keep, may.may_shape))
    (tmp_path / "users.json").unlink()
    may = permitted(tmp_path, FILE[:start])
    assert may.sees(other, "text-to-image")
    assert (may.open(other), may.templates(other), may.keep(other)) == (False, True, True)


def test_a_published_workflow_is_where_its_group_sees_it(tmp_path: Path) -> None:
    """The top folder comes first, then the group's own folder."""
    may = permitted(tmp_path)
    assert may.folder_for("user:dora", "cat") == "school"
    assert may.folder_for("user:root", "cat") == ""
    assert UserGroup(workflows=("*",)).folder_for("cat") == ""
    named = UserGroup(workflows=("text-to-image",))
    assert (named.folder_for("cat"), named.folder_for("text-to-image")) == (None, None)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('members = "everybody"', "group: members: write *, @example.org"),
        ("open = 3", "group: open: the value has the wrong type."),
        ("waiting = 0", "group: waiting: at least 1."),
        ('servers = ["quick"]', "names the unknown server 'quick'"),
        ('workflow = ["a"]', "group: unknown key in a table; use name, members, workflows"),
        ('name = "students"', "Two groups have the same name"),
    ],
)
def test_mistakes_name_the_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, says: str
) -> None:
    """The app doesn't start with a group that it would misunderstand."""
    table = f'\n[[group]]\nname = "x"\nmembers = "*"\n{line}\n'
    if line.startswith(("name", "members")):
        key = line.partition(" ")[0]
        table = (
            "\n".join(one for one in table.splitlines() if not one.startswith(key)) + f"\n{line}"
        )
    with pytest.raises(SystemExit):
        permitted(tmp_path, FILE + table)
    assert says in capsys.readouterr().err
