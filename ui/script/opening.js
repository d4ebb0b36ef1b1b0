// Workflows that people bring: they open for them alone.

async function ask(path, body) {
  const answer = await fetch(`${root()}${path}`, { method: "POST", body }).catch(() => null);
  if (!answer) { object("The app does not answer.", "Try again."); return null; }
  const said = await answer.json().catch(() => ({}));
  if (answer.ok) return said;
  object(said.message ?? said.detail ?? "That did not work.", said.hint);
  return null;
}

// The button is there for those who may.
const mayOpen = () => Boolean($("#open button"));

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
