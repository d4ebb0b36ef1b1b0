// @ts-check

import { api } from "../../scripts/api.js";
import { app } from "../../scripts/app.js";

const TITLE = "Open as form";

/** Hand the workflow that is open to ComfyForms, and show its form in a new tab. */
async function openAsForm() {
  const tab = window.open("", "_blank"); // now, while the press allows it
  try {
    const workflow = (app.rootGraph ?? app.graph).serialize();
    const shown = app.extensionManager?.workflow?.activeWorkflow;
    const name = shown?.key ?? "workflow"; // with its folder
    const saved = shown?.isPersisted ?? false;
    const answer = await api.fetchApi("/comfyforms/open", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ name, saved, workflow }),
    });
    const { url, error } = await answer.json();
    if (error) throw new Error(error);
    if (tab) tab.location.href = url;
    else window.location.href = url;
  } catch (problem) {
    tab?.close();
    const detail = problem instanceof Error ? problem.message : String(problem);
    app.extensionManager.toast.add({ severity: "error", summary: TITLE, detail });
  }
}

app.registerExtension({
  name: "comfyforms.openAsForm",
  commands: [{ id: "comfyforms.open", label: TITLE, icon: "pi pi-list", function: openAsForm }],
  menuCommands: [{ path: ["File"], commands: ["comfyforms.open"] }],
});
