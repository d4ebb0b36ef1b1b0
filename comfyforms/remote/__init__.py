"""Client for an app that runs elsewhere, for scripts and notebooks:
`comfyforms.remote.app.RemoteApp`."""

from __future__ import annotations

NOUNS = (
    r"comfyforms[./]remote",
    r"Remote(App|Run|Batch|Chain|Error)\b",
    r"ApiProblem|AppUnreachable|\b(Run|Batch|Chain)Failed\b",
)
