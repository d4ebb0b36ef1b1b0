// @ts-check

import { api } from "../../scripts/api.js";
import { app } from "../../scripts/app.js";

const TITLE = "Open as form";

/**
 * Ask ComfyForms for the address of a workflow's form. Return "" if ComfyForms already has a workflow
 * of that name and the user keeps it.
 * @param {{ name: string; saved: boolean; workflow: unknown; replace?: boolean }} order
 * @param {() => Promise<boolean | null>} mayReplace
 * @returns {Promise<string>}
 */
async function formAddress(order, mayReplace) {
  const answer = await api.fetchApi("/comfyforms/open", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(order),
  });
  if (answer.status === 409 && !order.replace) {
    return (await mayReplace()) ? formAddress({ ...order, replace: true }, mayReplace) : "";
  }
  const { url, error } = await answer.json();
  if (error) throw new Error(error);
  return url;
}

/** Send the open workflow to ComfyForms and show its form in a new tab. */
async function openAsForm() {
  let tab = window.open("", "_blank"); // now, while the click still allows a pop-up
  const manager = app.extensionManager;
  try {
    const workflow = (app.rootGraph ?? app.graph).serialize();
    const shown = manager.workflow?.activeWorkflow;
    const name = shown?.key ?? "workflow"; // including its folder
    const saved = shown?.isPersisted ?? false;
    const url = await formAddress({ name, saved, workflow }, async () => {
      tab?.close(); // the new tab would hide the question
      const message = `ComfyForms has another version of “${name}”. Replace it with this one?`;
      const agreed = manager.dialog
        ? await manager.dialog.confirm({ title: TITLE, message, type: "overwrite" })
        : window.confirm(message);
      tab = agreed ? window.open("", "_blank") : null;
      return agreed;
    });
    if (!url) return;
    if (tab) tab.location.href = url;
    else window.location.href = url;
  } catch (problem) {
    tab?.close();
    const detail = problem instanceof Error ? problem.message : String(problem);
    manager.toast.add({ severity: "error", summary: TITLE, detail });
  }
}

app.registerExtension({
  name: "comfyforms.openAsForm",
  commands: [{ id: "comfyforms.open", label: TITLE, icon: "pi pi-list", function: openAsForm }],
  menuCommands: [{ path: ["File"], commands: ["comfyforms.open"] }],
});
