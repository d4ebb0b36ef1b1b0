// Workflows that people bring open for them alone; the folder's own are drawn again when they change.

const LISTEN_AGAIN = 5000;

async function ask(path, body) {
  const answer = await fetch(`${root()}${path}`, { method: "POST", body });
  const said = await answer.json().catch(() => ({}));
  if (answer.ok) return said;
  say({ headline: said.message ?? said.detail ?? "That did not work.", advice: said.hint, phase: "refused" });
  return null;
}

async function openWorkflow(file, name) {
  const opened = await ask(`/workflows?file=${encodeURIComponent(name)}`, file);
  if (opened) visit(opened.name);
}

async function keepWorkflow(name) {
  const kept = await ask(`/workflows/${encodeURIComponent(name)}/keep`);
  if (kept) visit(kept.name);
}

function chooseWorkflow() {
  const picker = document.createElement("input");
  picker.type = "file";
  picker.onchange = () => { if (picker.files[0]) openWorkflow(picker.files[0], picker.files[0].name); };
  picker.click();
}

function listen() {
  const socket = new WebSocket(`${root().replace(/^http/, "ws")}/changes`);
  socket.onmessage = ({ data }) => folderChanged(JSON.parse(data).changed);
  socket.onclose = () => setTimeout(listen, LISTEN_AGAIN * (0.75 + Math.random() / 2));
}
