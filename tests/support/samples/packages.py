"""Packages of certain versions, as pip would have put them there."""

from __future__ import annotations

from pathlib import Path


def package_in(folder: Path, name: str, version: str) -> Path:
    """The folder, with a package in it that has this version and nothing else."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / name / "__init__.py").touch()
    told = folder / f"{name}-{version}.dist-info"
    told.mkdir()
    lines = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (told / "METADATA").write_text(lines, encoding="utf-8")
    return folder
