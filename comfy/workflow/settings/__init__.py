"""The author's settings of a form as values: JSON for the editor, and the TOML file beside a
workflow."""
