// Files dropped or pasted: a field's value, or a workflow to open.

// Gradio takes a drop only on an empty field, a paste only after a click on its own button; outside of both the
// browser would leave the page to show the file.
function give(field, files) {
  const input = $("input[type=file]", field);
  if (!input) return false;
  const transfer = new DataTransfer();
  transfer.items.add(files[0]);
  input.files = transfer.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
  return true;
}

// What is wrong with a file is said on the field that was given it; Gradio would say it in a corner, or not at all.
let given = "";
for (const kind of ["change", "drop", "paste"])
  document.addEventListener(kind, ({ target }) => { given = target.closest?.(".takes-files")?.id ?? given; }, true);

function refuse(said, id = given) {
  clearErrors();
  // Not before Gradio has drawn the field anew.
  setTimeout(() => { const field = document.getElementById(id); if (field) showError(field, said); }, 200);
}

const askServer = window.fetch;
window.fetch = async (...asked) => {
  const id = given;
  const answer = await askServer(...asked);
  if (answer.ok || !id || !String(asked[0]?.url ?? asked[0]).includes("/gradio_api/upload?")) return answer;
  refuse(await answer.text(), id);
  return new Response("[]", { headers: { "content-type": "application/json" } });
};
addEventListener("unhandledrejection", (event) => {
  // Gradio's picture editor has no word for a picture that the browser cannot read.
  if (!given || event.reason?.name !== "InvalidStateError") return;
  event.preventDefault();
  refuse("This picture cannot be read: it may be damaged, or too large.");
});

const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
const fileFields = () => [...document.querySelectorAll(".takes-files")];

document.addEventListener("dragover", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  document.body.classList.toggle("dropping", mayOpen() && !event.target.closest?.(".takes-files"));
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("dropping");
});
// A file dropped on a field is its value; anywhere else it is opened for the workflow inside.
document.addEventListener("drop", (event) => {
  document.body.classList.remove("dropping");
  if (!carriesFiles(event)) return;
  event.preventDefault();
  const file = event.dataTransfer.files[0];
  const field = event.target.closest?.(".takes-files");
  if (!field) openWorkflow(file, file.name);
  else if (give(field, event.dataTransfer.files)) event.stopPropagation();
}, true);
document.addEventListener("paste", (event) => {
  const files = event.clipboardData?.files;
  const text = event.clipboardData?.getData("text/plain").trim() ?? "";
  if (text && event.target.closest?.("input, textarea")) return;
  const field = fileFields().find((one) => one.matches(":hover") || one.contains(event.target)) ?? fileFields()[0];
  const media = /^(image|audio|video)\//.test(files?.[0]?.type ?? "");
  if (files?.length) { if (!media || !field || !give(field, files)) openWorkflow(files[0], files[0].name); }
  else if (text.startsWith("{")) openWorkflow(new Blob([text]), "pasted.json");
  else return;
  event.preventDefault();
  event.stopPropagation();
}, true);
