"""ComfyForms, as it is installed by pip: this package has the app with all its parts in it."""
