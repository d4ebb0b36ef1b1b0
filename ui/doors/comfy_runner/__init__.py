"""What comfy_runner's clients ask for, under its own paths: off unless `--comfy-runner` names its
config.toml."""
