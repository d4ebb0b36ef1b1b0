"""Routes of the editor, for the attacks."""

from __future__ import annotations

from comfyforms.plugins.comfyui_editor.host import PAGE, WITHIN
from tests.attacks.parts import AttackedPart

# no server of the attacks has a front end
PART = AttackedPart(elsewhere=WITHIN, special={f"GET {PAGE}": (404, 404, 401)})
