"""Checks of the pages for the administrator of a team's app."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from comfy.media.checks import FileLimits
from ui.brand import Brand
from ui.page.plain.layout import ICON
from ui.settings.arguments import read_settings, settings_type
from ui.settings.groups import GroupTable
from ui.settings.server_options import PREFIX
from ui.settings.web_settings import permissions_of

ROOT = Path(__file__).parents[2]
OPERATING, PEOPLE, BRANDING, STORAGE, MONITORING, SERVERS, SPACES, *OTHERS = (
    (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    for name in (
        *("operating", "people", "branding", "storage", "monitoring", "servers", "spaces"),
        *("comfyui_menu", "network"),
    )
)
ALL = "".join((OPERATING, PEOPLE, BRANDING, STORAGE, MONITORING, SERVERS, SPACES, *OTHERS))


def blocks(page: str, language: str) -> list[str]:
    """Return a page's blocks of code in a language."""
    return re.findall(rf"```{language}\n(.*?)```", page, re.S)


(TOML,), (OPENID, GROUPS), (BRAND,) = (
    blocks(page, "toml") for page in (OPERATING, PEOPLE, BRANDING)
)
(START,), (BACKUP,), (LOCKING,) = (blocks(page, "sh") for page in (OPERATING, STORAGE, SPACES))
(SCRAPING,) = blocks(MONITORING, "yaml")


def test_it_names_settings_that_there_are() -> None:
    """The pages name options and variables of the app. Options of `docker`, `hf`, `pip` and ComfyUI
    appear only in commands."""
    words = re.sub(
        r"`(docker|hf|pip|main.py)[^`]*`|`--(stop-timeout|lowvram|base-directory|flavor zero-a10g)`",
        "",
        ALL,
    )
    options = {f"--{name.replace('_', '-')}" for name in settings_type().model_fields}
    options |= {"--help", "--version", "--check", "--files-only"}  # the latter of `backup`
    options |= {"--out", "--demo", "--title", "--license", "--gpu"}  # of `space`
    options |= {"--operator", "--password-file"}  # of `user add`
    variables = {f"{PREFIX}{name.upper()}" for name in settings_type().model_fields}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", words)) <= options
    assert set(re.findall(rf"{PREFIX}[A-Z_]+", ALL)) <= variables
    assert f"{FileLimits().size >> 20} MB" in SERVERS


def test_its_settings_can_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The app accepts the pages' settings file with the start command."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COMFYFORMS_DATA")
    Path("comfyforms.toml").write_text(TOML, encoding="utf-8")
    logins = Path("logins")
    logins.write_text("anna:lighthouse\nben:harbour\n", encoding="utf-8")
    logins.chmod(0o600)
    program, *arguments = START.split()
    settings = read_settings(arguments)
    assert program == "comfyforms"
    assert settings.pairs == (("anna", "lighthouse"), ("ben", "harbour"))
    permissions = permissions_of(settings, None)
    assert permissions.keep("user:anna")
    assert not permissions.keep("user:ben")
    assert tomllib.loads(TOML + OPENID).keys() <= settings_type().model_fields.keys()
    Path("comfyforms.toml").write_text(TOML + OPENID, encoding="utf-8")
    openid = read_settings(arguments).openid
    assert openid is not None
    assert (openid.name, openid.allowed[0]) == ("Studio", "group:artists")


def test_the_app_accepts_the_groups(tmp_path: Path) -> None:
    """The page's table has every key."""
    config = tmp_path / "comfyforms.toml"
    server = '[[server]]\nurl = "http://127.0.0.1:8188"\nname = "fast"\n'
    config.write_text(server + GROUPS, encoding="utf-8")
    everyone, artists = read_settings(["--config", str(config)]).group
    assert (everyone.runs, artists.workflows, artists.publish) == (50, ("art/*",), True)
    table = PEOPLE[PEOPLE.index("## Groups") :]
    assert all(f"`{key}`" in table for key in GroupTable.model_fields if key != "name")


def test_the_app_accepts_the_brand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's table has every key."""
    monkeypatch.chdir(tmp_path)
    Path("logo.svg").write_bytes(ICON.read_bytes())
    Path("comfyforms.toml").write_text(BRAND, encoding="utf-8")
    brand = read_settings(["--config", "comfyforms.toml"]).brand
    assert brand.model_fields_set == Brand.model_fields.keys()
    assert all(f"`{key}`" in BRANDING for key in Brand.model_fields)


def test_runs_get_time_before_the_app_is_killed() -> None:
    """The units of systemd and Docker wait at least half a minute longer than the settings let runs
    continue."""
    needed = tomllib.loads(TOML)["finish"] + 30
    unit = (ROOT / "docs" / "deploy" / "comfyforms.service").read_text(encoding="utf-8")
    compose = yaml.safe_load((ROOT / "docs" / "deploy" / "compose.yaml").read_text("utf-8"))
    (minutes,) = re.findall(r"^TimeoutStopSec=(\d+)min$", unit, re.M)
    assert 60 * int(minutes) >= needed
    grace = compose["services"]["comfyforms"]["stop_grace_period"]
    assert 60 * int(grace.removesuffix("m")) >= needed
    (seconds,) = re.findall(r"docker run --stop-timeout (\d+) ", OPERATING)
    assert int(seconds) >= needed


def test_the_metrics_are_valid_prometheus_text() -> None:
    """The page's configuration scrapes Prometheus' default path, and the app has its metrics
    there."""
    (job,) = yaml.safe_load(SCRAPING)["scrape_configs"]
    assert job.keys() == {"job_name", "authorization", "static_configs", "scheme"}
    assert "`GET /metrics`" in MONITORING
