"""The editor of a form's settings: what can be edited, drafts, versions, and the file."""
