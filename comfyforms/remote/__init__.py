"""Client for an app that runs elsewhere, for scripts and notebooks:
`comfyforms.remote.app.RemoteApp`."""
