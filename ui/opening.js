// Workflows that people bring: a file dropped beside the fields, or JSON pasted there, opens its form for them alone.
// And the folder's own: when one is added, edited or removed, the page hears of it and draws itself again.
"use strict";

window.comfyopening = (() => {
  const RETRY_SECONDS = 5;
  const $ = (selector) => document.querySelector(selector);
  const root = () => (window.gradio_config?.root ?? location.origin).replace(/\/$/, "");

  // A picture dropped on a field is an input; everywhere else it is opened for the workflow inside.
  const isField = (target) => Boolean(target?.closest?.("[id^='field-']"));
  const isTyping = (target) => Boolean(target?.closest?.("input, textarea, [contenteditable='true']"));

  async function ask(path, body) {
    const answer = await fetch(`${root()}${path}`, { method: "POST", body });
    const said = await answer.json().catch(() => ({}));
    if (answer.ok) return said;
    window.comfyforms.tell({ headline: said.message ?? said.detail ?? "That did not work.", advice: said.hint, phase: "refused" });
    return null;
  }

  async function open(file, name) {
    const opened = await ask(`/workflows?file=${encodeURIComponent(name)}`, file);
    if (opened) window.comfyforms.visit(opened.name);
  }

  async function keep(name) {
    const kept = await ask(`/workflows/${encodeURIComponent(name)}/keep`);
    if (kept) window.comfyforms.visit(kept.name);
  }

  function choose() {
    const picker = document.createElement("input");
    picker.type = "file";
    picker.onchange = () => { if (picker.files[0]) open(picker.files[0], picker.files[0].name); };
    picker.click();
  }

  const carriesFile = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");

  document.addEventListener("dragover", (event) => {
    if (!carriesFile(event) || isField(event.target)) return;
    event.preventDefault();
    document.body.classList.add("dropping");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("dropping");
  });
  document.addEventListener("drop", (event) => {
    document.body.classList.remove("dropping");
    if (!carriesFile(event) || isField(event.target)) return;
    event.preventDefault();
    const file = event.dataTransfer.files[0];
    if (file) open(file, file.name);
  });
  document.addEventListener("paste", (event) => {
    if (isTyping(event.target) || isField(event.target)) return;
    const file = event.clipboardData?.files[0];
    const text = event.clipboardData?.getData("text/plain")?.trim() ?? "";
    if (file) open(file, file.name);
    else if (text.startsWith("{")) open(new Blob([text]), "pasted.json");
    else return;
    event.preventDefault();
  });

  function listen() {
    const socket = new WebSocket(`${root().replace(/^http/, "ws")}/changes`);
    socket.onmessage = ({ data }) => window.comfyforms.folderChanged(JSON.parse(data).changed);
    socket.onclose = () => setTimeout(listen, RETRY_SECONDS * 1000 * (0.75 + Math.random() / 2));
  }
  listen();

  return { choose, keep };
})();
