"""Several app processes on one database, and the commands `comfyforms cluster`."""

from __future__ import annotations

EXTRA = "cluster"  # in pyproject.toml, with the packages that it needs
