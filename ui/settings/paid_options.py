"""Settings of paid partner nodes."""

from __future__ import annotations

from pydantic import Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from ui.settings.named_servers import OWN, SecretInFile
from ui.settings.server_options import ServerOptions
from ui.settings.setting_values import ComfyKey, PerDay


class PaidOptions(ServerOptions):
    """Settings of paid partner nodes and of ComfyUI servers."""

    comfy_org_key: ComfyKey | None = Field(
        None,
        title="KEY",
        description="comfy.org API key that pays the runs of users without a key of their own",
    )
    comfy_key_file: SecretInFile | None = Field(
        None, title="FILE", description="file with the comfy.org API key of the app"
    )
    paid_runs: PerDay | None = Field(
        None,
        title="RUNS/day",
        description="paid runs that a user may start in 24 hours, like 20/day; default: no limit",
    )
    paid_runs_all: PerDay | None = Field(
        None,
        title="RUNS/day",
        description="paid runs that all users together may start in 24 hours",
    )

    @model_validator(mode="after")
    def _has_one_key(self) -> PaidOptions:
        if self.comfy_org_key and self.comfy_key_file:
            raise PydanticCustomError(
                OWN, "--comfy-key-file: use either the file or COMFYFORMS_COMFY_ORG_KEY."
            )
        return self

    @property
    def app_key(self) -> SecretStr | None:
        """Return the app's comfy.org API key."""
        return self.comfy_org_key or self.comfy_key_file
