"""`pip install .` installs the whole app as one package that starts in any folder."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

import pytest
import requests

from tests.support.environments import ROOT, plain_environment, serving
from tests.support.waiting import LONGEST_WAIT
from ui.settings.folders import with_shipped_workflows

PARTS = (
    *("app.py", "comfy", "comfyui_standin", "ui", "workflows", "comfyforms"),
    *("LICENSE", "requirements.txt"),
)
SHIPPED = {
    file.relative_to(ROOT / "workflows").with_suffix("").as_posix()
    for file in (ROOT / "workflows").rglob("*.json")
}


def test_the_wheel_has_every_file_of_the_app_below_one_name(wheel: Path) -> None:
    """The wheel has every file of the app that git doesn't ignore, except for parts' tests, and
    nothing else. It adds no top-level `ui`, `app` or `comfy` that another program would import."""
    kept = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *PARTS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    expected = {
        name if name.startswith("comfyforms/") else f"comfyforms/{name}"
        for name in kept
        if name and (ROOT / name).exists() and "/tests/" not in name
    }
    with zipfile.ZipFile(wheel) as packed:
        found = {name for name in packed.namelist() if ".dist-info/" not in name}
    assert found == expected


# The other way is the custom node's; its own test starts the app that way.
@pytest.mark.parametrize("way", ["comfyforms", "python -m comfyforms"])
def test_an_installed_app_starts_in_any_folder(
    way: str, installed: Path, home: Path, tmp_path: Path
) -> None:
    """The app also starts in a folder with its own `app` and `comfy`, such as ComfyUI's. The page
    answers, and the API lists all shipped workflows. The app keeps its data in the user's own
    folder."""
    here = tmp_path / "ComfyUI"
    for package in ("comfy", "app", "ui"):
        (here / package).mkdir(parents=True)
        (here / package / "__init__.py").write_text("raise SystemExit('not this one')")
    first, *rest = way.split()
    command = [installed / first, *rest, "--port", "0"]
    with serving(command, here, HOME=str(home), XDG_DATA_HOME=str(home / "data")) as url:
        assert requests.get(f"{url}/health", timeout=LONGEST_WAIT).status_code == 200
        page = requests.get(url, timeout=LONGEST_WAIT)
        assert page.status_code == 200
        listed = requests.get(f"{url}/api/v1/workflows", cookies=page.cookies, timeout=LONGEST_WAIT)
        assert {one["name"] for one in listed.json()["workflows"]} >= SHIPPED
    own = home / "data" / "comfyforms"
    assert (own / "secret").exists()
    assert names_in(own / "workflows") == names_in(ROOT / "workflows")
    assert not list(Path(here).glob("data*"))


def names_in(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def test_changed_workflows_survive_a_start(tmp_path: Path) -> None:
    """The app copies the shipped workflows if the folder doesn't exist. It leaves an existing
    folder unchanged."""
    mine = tmp_path / "mine"
    assert with_shipped_workflows(mine) == mine
    assert names_in(mine) == names_in(ROOT / "workflows")
    (mine / "upscale.json").unlink()
    with_shipped_workflows(mine)
    assert names_in(mine) == names_in(ROOT / "workflows") - {"upscale.json"}


def test_messages_name_the_installed_command(installed: Path, home: Path) -> None:
    """--help and errors about wrong options name the command that the user typed. The shell's
    commands are included."""
    said = {
        arguments: subprocess.run(
            [installed / "comfyforms", *arguments],
            cwd=home,
            env={**plain_environment(), "HOME": str(home)},
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST_WAIT,
        )
        for arguments in (
            ("--help",),
            ("--prot", "1"),
            ("form", str(ROOT / "README.md")),
            ("user", "remove", "nobody"),
            ("user", "--help"),
            ("--open", "operators"),
            ("--users", "nowhere.json"),
        )
    }
    helped, wrong, form, user, *others = said.values()
    assert user.stderr.startswith("comfyforms user: ")
    assert "List the users with: comfyforms user list" in user.stderr
    assert not [one for one in said.values() if "app.py" in one.stdout + one.stderr]
    assert ["comfyforms user" in one.stdout + one.stderr for one in others] == [True] * 3
    assert helped.stdout.startswith("usage: comfyforms ")
    assert str(home) in "".join(helped.stdout.split())
    assert wrong.stderr.startswith("comfyforms: ")
    assert form.returncode == 2
    assert "isn't supported" in form.stderr
