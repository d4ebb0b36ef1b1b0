"""Checks of the pages about security: figures, settings, commands and tests match the program."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from comfy.media.checks import MIB
from comfy.runs.limits import BatchLimits, ChainLimits, RunLimits
from tests.imports import files_of_tests
from ui.settings.arguments import settings_type
from ui.web.limits import WebLimits

ROOT = Path(__file__).parents[2]
PAGE = "".join(
    (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    for name in ("security", "security_settings", "limits", "kept_data", "audits")
)
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("|")
]
LIMITS = [row for row in ROWS if re.fullmatch(r"`(Web|Run|Batch|Chain)Limits[\w.]*`", row[-1])]
FINDINGS = [row for row in ROWS if row[0].isdecimal()]
TESTS = "\n".join(path.read_text(encoding="utf-8") for path in files_of_tests("tests"))
FOR_SECURITY = """
users session-days idle-days share-link user-header sign-out-address openid-issuer openid-client openid-allow openid-operators login login-file hosts trusted-proxies open open-nodes keep operators operator-images server-token server-header server-ca webhook-hosts webhook-secret
"""


def figure(cell: str) -> float | None:
    """Convert a table figure to the program's number: “4,096 MB” to bytes, other figures
    unchanged."""
    number, _, unit = cell.replace(",", "").partition(" ")
    return float(number) * (MIB if unit == "MB" else 1) if cell else None


def in_force(name: str) -> tuple[object, object, object]:
    """Return the defaults of a limit: in total, per user and per address. None means no limit."""
    match name.split("."):
        case ["RunLimits"]:
            return RunLimits().all, RunLimits().person, getattr(RunLimits(), "address", None)
        case ["BatchLimits"]:
            return BatchLimits().all, BatchLimits().person, BatchLimits().address
        case ["ChainLimits"]:
            return ChainLimits().all, ChainLimits().person, ChainLimits().address
        case ["RunLimits", field]:
            return None, getattr(RunLimits(), field), None
        case ["WebLimits", "file", field]:
            return getattr(WebLimits().file, field), None, None
        case [_, field]:
            limits = WebLimits()
            return tuple(
                getattr(limits, prefix + field, None) for prefix in ("", "person_", "address_")
            )  # type: ignore[return-value]
    raise AssertionError(name)


@pytest.mark.parametrize("row", LIMITS, ids=lambda row: row[0])
def test_a_limit_is_the_one_in_force(row: list[str]) -> None:
    """Each figure in the table matches the program's default."""
    _, *figures, name = row
    assert tuple(map(figure, figures)) == in_force(name.strip("`"))


def test_every_limit_is_documented() -> None:
    """The table has a row for every limit, including new limits."""
    told = {row[-1].strip("`").split(".")[1] for row in LIMITS if "Web" in row[-1]}
    names = {re.sub("^(person|address)_", "", field.name) for field in fields(WebLimits)}
    assert told == names, "the table of docs/limits.md has a row for each limit of ui/web/limits.py"


def test_every_documented_setting_exists() -> None:
    """The options and variables on the page are those that the program has."""
    options = {"help"} | {name.replace("_", "-") for name in settings_type().model_fields}
    page = re.sub(r"```.*?```", "", PAGE, flags=re.S)
    assert set(re.findall(r"`--([a-z-]+)", page)) <= options
    assert {name.lower() for name in re.findall(r"COMFYFORMS_([A-Z_]+)", page)} <= set(
        settings_type().model_fields
    )


@pytest.mark.parametrize("setting", FOR_SECURITY.split())
def test_every_setting_for_security_is_explained(setting: str) -> None:
    """The page has every setting by which an administrator decides about other users."""
    assert f"`--{setting}`" in PAGE


def test_every_finding_has_a_test() -> None:
    """The table has findings 1 to 27. Each finding has a test named by its number."""
    assert [int(row[0]) for row in FINDINGS] == list(range(1, 28))
    held = {int(number) for number in re.findall(r"def test_finding_(\d\d)_", TESTS)}
    assert not set(range(1, 28)) - held, f"no test for findings {sorted(set(range(1, 28)) - held)}"


def test_the_files_it_names_exist() -> None:
    """Paths into the project exist, and the README links to the first page."""
    for path in re.findall(r"`((?:docs|tests|ui|comfy)/[\w./]+)`", PAGE):
        assert (ROOT / path).exists(), path
    assert "docs/security.md" in (ROOT / "README.md").read_text(encoding="utf-8")
