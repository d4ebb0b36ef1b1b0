"""Packages with given versions, as pip would install them."""

from __future__ import annotations

from pathlib import Path


def package_in(folder: Path, name: str, version: str) -> Path:
    """Install an empty package with this version in the folder, and return the folder."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / name / "__init__.py").touch()
    told = folder / f"{name}-{version}.dist-info"
    told.mkdir()
    lines = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (told / "METADATA").write_text(lines, encoding="utf-8")
    return folder
