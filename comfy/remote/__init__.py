"""An app that runs elsewhere, for scripts and notebooks: `comfy.remote.app.RemoteApp`."""
