"""Checks of `docs.md` and the files in `deploy`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from comfyforms.plugins.cluster.command import manage_cluster
from comfyforms.plugins.cluster.processes import ABSENT
from ui.settings.arguments import read_settings, settings_type
from ui.settings.server_options import PREFIX

FOLDER = Path(__file__).parents[1]
PAGE = (FOLDER / "docs.md").read_text(encoding="utf-8")
FILES = FOLDER / "deploy"
(TOML,) = re.findall(r"```toml\n(.*?)```", PAGE, re.S)
COMPOSE = yaml.safe_load((FILES / "compose.yaml").read_text(encoding="utf-8"))
GIVEN = {"POSTGRES_PASSWORD": "p", "VALKEY_PASSWORD": "v", "COMFYFORMS_HOSTS": "forms.example.org"}
GIVEN["COMFYFORMS_SERVER"] = "http://gpu:8188"


def test_every_link_leads_somewhere() -> None:
    """Links lead to existing files of the project."""
    for target in re.findall(r"\]\(([^)#]+)", PAGE):
        assert (FOLDER / target).exists(), target


def test_its_settings_can_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COMFYFORMS_DATA", raising=False)
    config = tmp_path / "cluster.toml"
    config.write_text(TOML, encoding="utf-8")
    config.chmod(0o600)
    settings = read_settings(["--config", str(config)])
    assert settings.wire is not None
    assert len(settings.server_addresses) == 2


@pytest.mark.parametrize("action", ["check", "import"])
def test_it_names_the_commands(action: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert re.search(rf"^comfyforms cluster {action} .*--config cluster.toml$", PAGE, re.M)
    with pytest.raises(SystemExit) as end:
        manage_cluster([action, "--help"])
    assert end.value.code == 0
    assert action in capsys.readouterr().out


def test_the_compose_file_has_settings_of_the_app(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both processes have the same settings except for their names, and the app accepts them. The
    balancer sends requests to both, and only the balancer has a port."""
    services = COMPOSE["services"]
    apps = {name: services[name]["environment"] for name in ("app-1", "app-2")}
    variables = {f"{PREFIX}{name.upper()}" for name in settings_type().model_fields}
    for name, environment in apps.items():
        assert environment.keys() <= variables
        assert environment["COMFYFORMS_PROCESS"] == name
        with monkeypatch.context() as patch:
            for variable, value in environment.items():
                patch.setenv(variable, re.sub(r"\$\{(\w+):\?\}", lambda m: GIVEN[m[1]], value))
            settings = read_settings([])
        assert settings.process_name == name
        assert settings.database is not None
        assert "p@postgres" in settings.database.get_secret_value()
    assert {**apps["app-1"], "COMFYFORMS_PROCESS": ""} == {
        **apps["app-2"],
        "COMFYFORMS_PROCESS": "",
    }
    (balancer,) = (name for name, service in services.items() if "ports" in service)
    address = services[balancer]["networks"]["default"]["ipv4_address"]
    assert address == apps["app-1"]["COMFYFORMS_TRUSTED_PROXIES"]
    assert "app-1:7860 app-2:7860" in COMPOSE["configs"]["caddyfile"]["content"]


def test_the_unit_starts_the_command() -> None:
    unit = (FILES / "comfyforms@.service").read_text(encoding="utf-8")
    (command,) = re.findall(r"^ExecStart=\S+/comfyforms (.*)$", unit, re.M)
    options = re.findall(r"--([a-z-]+)", command)
    assert {name.replace("-", "_") for name in options} <= settings_type().model_fields.keys()


def test_it_tells_when_a_process_counts_as_dead() -> None:
    assert ABSENT == 5
    assert "at most 10 s" in PAGE
    assert "for longer than five seconds" in PAGE
