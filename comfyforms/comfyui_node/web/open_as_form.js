// @ts-check

import { api } from "../../scripts/api.js";
import { app } from "../../scripts/app.js";

const TITLE = "Open as form";
const DEVICES = "ComfyForms on other devices";
const INSTALLING =
  "ComfyForms is being installed into an environment of its own. This takes a few minutes, once.";
// ComfyUI Desktop has no tabs: it opens addresses, but no empty pages, in the system's browser.
const IN_DESKTOP = "electronAPI" in window;
const PAUSE = 1000; // milliseconds between questions whether the app is installed

/**
 * Ask the node, and wait while it installs the app.
 * @param {string} route
 * @param {unknown} order
 * @param {(line: string) => boolean} wait shows the last line of the installation; false gives up
 * @returns {Promise<Response | null>}
 */
async function ask(route, order, wait) {
  for (;;) {
    const answer = await api.fetchApi(route, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(order),
    });
    if (answer.status !== 202) return answer;
    if (!wait((await answer.json()).waiting)) return null;
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

/**
 * Ask ComfyForms for the address of a workflow's form. Return "" if ComfyForms already has a workflow
 * of that name and the user keeps it, or if the user closed the tab.
 * @param {{ name: string; saved: boolean; workflow: unknown; replace?: boolean }} order
 * @param {(line: string) => boolean} wait
 * @param {() => Promise<boolean | null>} mayReplace
 * @returns {Promise<string>}
 */
async function formAddress(order, wait, mayReplace) {
  const answer = await ask("/comfyforms/open", order, wait);
  if (answer?.status === 409 && !order.replace) {
    return (await mayReplace()) ? formAddress({ ...order, replace: true }, wait, mayReplace) : "";
  }
  const { url, error } = answer ? await answer.json() : { url: "" };
  if (error) throw new Error(error);
  return url;
}

/**
 * Show that the app starts: in the new tab, or without one in a message.
 * @param {Window | null} tab
 * @returns {(line: string) => boolean}
 */
function progressIn(tab) {
  if (!tab) {
    let told = false;
    return () => {
      if (!told) showMessage("info", TITLE, INSTALLING);
      told = true;
      return true;
    };
  }
  const page = tab.document;
  page.title = "ComfyForms";
  page.documentElement.style.colorScheme = "light dark";
  page.body.style.cssText = "font: 16px/1.5 system-ui; max-width: 36rem; margin: 20vh auto";
  const title = page.body.appendChild(page.createElement("h1"));
  const note = page.body.appendChild(page.createElement("p"));
  const last = page.body.appendChild(page.createElement("pre"));
  title.textContent = "Starting ComfyForms…";
  last.style.whiteSpace = "pre-wrap";
  return (line) => {
    note.textContent = INSTALLING;
    last.textContent = line;
    return !tab.closed;
  };
}

/** @param {"error" | "info"} severity @param {string} summary @param {unknown} message */
function showMessage(severity, summary, message) {
  const detail = message instanceof Error ? message.message : String(message);
  app.extensionManager.toast.add({ severity, summary, detail });
}

/** Send the open workflow to ComfyForms and show its form in a new tab. */
async function openAsForm() {
  let tab = IN_DESKTOP ? null : window.open("", "_blank"); // now, while the click still allows a pop-up
  const wait = progressIn(tab);
  const manager = app.extensionManager;
  try {
    const workflow = (app.rootGraph ?? app.graph).serialize();
    const shown = manager.workflow?.activeWorkflow;
    const name = shown?.key ?? "workflow"; // including its folder
    const saved = shown?.isPersisted ?? false;
    const url = await formAddress({ name, saved, workflow }, wait, async () => {
      tab?.close(); // the new tab would hide the question
      const message = `ComfyForms has another version of “${name}”. Replace it with this one?`;
      const agreed = manager.dialog
        ? await manager.dialog.confirm({ title: TITLE, message, type: "overwrite" })
        : window.confirm(message);
      tab = agreed && !IN_DESKTOP ? window.open("", "_blank") : null;
      return agreed;
    });
    if (!url) return;
    if (tab) tab.location.href = url;
    else if (IN_DESKTOP) window.open(url, "_blank");
    else window.location.href = url;
  } catch (problem) {
    tab?.close();
    showMessage("error", TITLE, problem);
  }
}

/** Show the app's address and its QR code, and let the user share it on the network. */
async function showDevices() {
  const dialog = document.body.appendChild(document.createElement("dialog"));
  dialog.style.cssText =
    "font: 16px/1.5 system-ui; max-width: 28rem; padding: 1.5rem; border-radius: 8px";
  dialog.setAttribute("aria-label", DEVICES);
  dialog.addEventListener("close", () => dialog.remove());

  /** @param {boolean | null} share */
  async function show(share) {
    dialog.textContent = "Starting ComfyForms…";
    try {
      const answer = await ask("/comfyforms/devices", { share }, (line) => {
        dialog.textContent = `${INSTALLING} ${line}`;
        return dialog.open;
      });
      if (!answer) return;
      const { error, ...devices } = await answer.json();
      if (error) throw new Error(error);
      dialog.replaceChildren(...devicesParts(devices, show, () => dialog.close()));
    } catch (problem) {
      dialog.close();
      showMessage("error", DEVICES, problem);
    }
  }
  dialog.showModal();
  await show(null);
}

/**
 * @param {{ url: string; shared: boolean; code: string; may_change: boolean }} devices
 * @param {(share: boolean) => void} share
 * @param {() => void} close
 */
function devicesParts({ url, shared, code, may_change }, share, close) {
  const link = Object.assign(document.createElement("a"), {
    href: url,
    target: "_blank",
    textContent: url,
  });
  const note = document.createElement("p");
  note.textContent = shared
    ? "Devices on your network can open this address. They don't have to sign in unless you add accounts."
    : "Only this machine can open this address. If you share it, devices on your network can use it without signing in. Active runs end when you switch.";
  const image = Object.assign(document.createElement("img"), { src: code, alt: "QR code" });
  image.style.cssText = "display: block; margin: 0 auto 1rem";
  const change = button(shared ? "Stop sharing" : "Share on this network", () => share(!shared));
  return [
    ...(code ? [image] : []),
    link,
    note,
    ...(may_change ? [change] : []),
    button("Close", close),
  ];
}

/** @param {string} textContent @param {() => void} onclick */
function button(textContent, onclick) {
  const made = Object.assign(document.createElement("button"), { textContent, onclick });
  made.style.cssText =
    "margin-right: 0.5rem; padding: 0.25rem 0.75rem; border: 1px solid; border-radius: 4px";
  return made;
}

/** Open the workflow that ComfyForms has saved here for this tab. */
async function openSaved() {
  const name = new URLSearchParams(location.search).get("comfyforms");
  if (!name) return;
  const file = await api.fetchApi(`/userdata/${encodeURIComponent(`workflows/${name}.json`)}`);
  if (file.ok) await app.loadGraphData(await file.json(), true, true, name.split("/").pop());
}

app.registerExtension({
  name: "comfyforms.openAsForm",
  setup: () => void setTimeout(openSaved, PAUSE), // after ComfyUI has restored the last workflows
  commands: [
    { id: "comfyforms.open", label: TITLE, icon: "pi pi-list", function: openAsForm },
    { id: "comfyforms.devices", label: DEVICES, icon: "pi pi-mobile", function: showDevices },
  ],
  menuCommands: [{ path: ["File"], commands: ["comfyforms.open", "comfyforms.devices"] }],
  actionBarButtons: [
    {
      icon: "pi pi-list",
      label: TITLE,
      tooltip: "Open as form in ComfyForms",
      onClick: openAsForm,
    },
  ],
});
