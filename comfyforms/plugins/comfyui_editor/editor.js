// ComfyForms in ComfyUI's editor: opens a form's workflow, opens the workflow as a form, and stops
// only what this tab runs. It uses what ComfyUI offers to scripts of node packs.
import { api } from "/scripts/api.js";
import { app } from "/scripts/app.js";

const LABEL = "Open as form";
const COMMAND = "ComfyForms.OpenAsForm";
const ICON = "pi pi-external-link";
const QUIET = 1000; // milliseconds after the last graph that the front end opened by itself
let timer = 0;
// As it was opened: some versions of the front end drop the query at once.
const [opened] = performance.getEntriesByType("navigation");
const wanted = new URL(opened.name).searchParams.get("form");
const OWN_HASH = /^#%7B.*/;
const values = decodeURIComponent(location.hash.match(OWN_HASH)?.[0].slice(1) ?? "{}");
let changes = []; // of the graph that opens next: a node's path, its widget and the value

// Without another tab to restore, the front end would open its default graph beside the form's.
const load = app.loadGraphData.bind(app);
app.loadGraphData = (graph, ...others) => {
  if (graph || !wanted || timer < 0) return load(graph, ...others);
  timer = -1;
  return openWorkflow(wanted);
};

// Without an id, ComfyUI's call would stop all running prompts of this person.
const interrupt = api.interrupt.bind(api);
api.interrupt = async (id) => (id ? interrupt(id) : undefined);

async function openWorkflow(name) {
  const answer = await api.fetchApi(`/comfyforms/workflow?name=${encodeURIComponent(name)}`);
  if (!answer.ok) {
    tell("This workflow can't be opened in the editor.");
    return load();
  }
  const address = `/comfyforms/values?name=${encodeURIComponent(name)}`;
  const told = await api.fetchApi(address, { method: "POST", body: values });
  if (told.ok) changes = await told.json();
  else tell("The form's values can't be shown in the editor.");
  const file = decodeURIComponent(answer.headers.get("x-file-name") ?? "workflow.json");
  const type = file.endsWith(".json") ? "application/json" : "";
  await app.handleFile(new File([await answer.blob()], file, { type }), "file_button");
  history.replaceState(history.state, "", location.pathname + location.hash.replace(OWN_HASH, ""));
}

/** Put the form's values into the graph, before the front end looks for missing models. */
function change() {
  for (const [path, name, value] of changes.splice(0)) {
    let [graph, node] = [app.rootGraph ?? app.graph];
    for (const id of path.split(":")) {
      node = graph?._nodes.find((one) => String(one.id) === id);
      graph = node?.subgraph;
    }
    const widget = node?.widgets?.find((one) => one.name === name);
    if (widget) widget.value = value;
  }
}

async function openAsForm() {
  const tab = globalThis.open("", "_blank"); // now, while the click still allows a new tab
  const { workflow } = await app.graphToPrompt();
  const title = app.extensionManager?.workflow?.activeWorkflow?.filename ?? "";
  const answer = await api.fetchApi(`/comfyforms/form?title=${encodeURIComponent(title)}`, {
    method: "POST",
    body: JSON.stringify(workflow),
  });
  const { url, error } = await answer.json();
  if (url && tab) Object.assign(tab, { opener: null }).location.href = url;
  else tab?.close();
  if (!url) tell(error);
}

function tell(detail) {
  app.extensionManager?.toast?.add({ severity: "warn", summary: "ComfyForms", detail });
}

app.registerExtension({
  name: "ComfyForms.Editor",
  commands: [{ id: COMMAND, label: LABEL, icon: ICON, function: openAsForm }],
  menuCommands: [{ path: ["File"], commands: [COMMAND] }],
  actionBarButtons: [{ icon: ICON, label: LABEL, tooltip: LABEL, onClick: openAsForm }],
  async afterConfigureGraph() {
    change();
    // The front end first restores its own tabs, and the last one that opens is shown.
    if (!wanted || timer < 0) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      timer = -1;
      openWorkflow(wanted);
    }, QUIET);
  },
});
