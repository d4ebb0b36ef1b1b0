"""The form of a workflow: from a prompt and the server's catalogue to fields, and from their values back to a prompt.

Three stages, each pure and in a file of its own: every literal input becomes a *candidate*, *exposure rules* decide
which candidates a person meets and under what name, and the *form* is what remains.
"""

from __future__ import annotations

from comfy.form_fields import MEDIA_WIDGETS, Field, Form, Group, Output, Widget

__all__ = ["MEDIA_WIDGETS", "Field", "Form", "Group", "Output", "Widget"]
