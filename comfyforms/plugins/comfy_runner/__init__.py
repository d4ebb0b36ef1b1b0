"""comfy_runner's calls under its own paths: off unless `--comfy-runner` names its config.toml."""

from __future__ import annotations

NOUNS = ("comfy[-_]runner", "runner_values", "Runner(Settings|Value)", "/update/|/generate/image")
