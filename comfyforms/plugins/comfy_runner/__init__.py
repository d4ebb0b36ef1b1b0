"""comfy_runner's calls under its own paths: off unless `--comfy-runner` names its config.toml."""
