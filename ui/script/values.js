// Which workflow is shown, and what was typed: kept in the browser, carried by links.

const VALUES = "comfyforms.values.";

const asked = (name, linked) => ({ workflow: name, linked, kept: name ? read(sessionStorage, VALUES + name, {}) : {} });

function open() {
  const address = new URLSearchParams(location.search);
  const name = address.get("workflow");
  const unfolded = [...document.querySelectorAll("#form .section button.label-wrap.open")]
    .map((label) => label.innerText.replace(/\s*\(\d+\)[^]*$/, "").trim());
  const linked = {};
  for (const [key, value] of address) if (key.includes(".")) linked[key] = value;
  const wanted = { ...asked(name, linked), list_only: !formWanted, unfolded, filling, keeps_going: keepsGoing() };
  formWanted = false;
  return wanted;
}

// Draw the form again, or only the list of workflows, from what the server and the address say now.
// Two wishes may come before the first is served: whoever wants the form gets it.
let formWanted = true;
function redraw(onlyList = false) {
  formWanted ||= !onlyList;
  if (!onlyList) drawing = performance.now();
  $("#redraw")?.click();
}

// While a form is being drawn, Generate would start what is no longer there: such a press waits for the new form.
const DRAWN_WITHIN = 15000;
let drawing = 0;
let pressWaits = false;
function waitsForForm() {
  pressWaits = drawing > 0 && performance.now() - drawing < DRAWN_WITHIN;
  return pressWaits;
}

// There is nothing to start where the address names no workflow of this app.
function noForm() {
  const missing = !$("#heading [data-workflow]");
  if (missing) object("There is no form to run.", "Choose a workflow first.");
  return missing;
}

function drawn(name) {
  drawing = 0;
  pastOf(name);
  if (pressWaits) { pressWaits = false; $("#generate")?.click(); }
}

// What Gradio draws again keeps what was typed there; a form to be filled anew has to be another one.
let filling = 0;
function refill() {
  filling += 1;
  redraw();
}

// Whether runs go on when the page is closed: a habit of the person, not a value of the workflow.
const KEEPS_GOING = "comfyforms.keeps_going";
const keepsGoing = () => read(localStorage, KEEPS_GOING, false) === true;
function keepRunning(wanted) {
  write(localStorage, KEEPS_GOING, wanted);
  return [];
}

function visit(name) {
  history.pushState({}, "", `?workflow=${encodeURIComponent(name)}`);
  redraw();
}

// One more field where a node takes many files: its key among the values is what asks for it.
function grow(key) {
  const name = $("#heading [data-workflow]").dataset.workflow;
  write(sessionStorage, VALUES + name, { ...read(sessionStorage, VALUES + name, {}), [key]: null });
  redraw();
}

function folderChanged(names) {
  const shownName = $("#heading [data-workflow]")?.dataset.workflow;
  redraw(Boolean(shownName) && !names.includes(shownName));
}

// Gradio's dropdown tells of one choice twice: the second time there is nothing to do.
function go(name) {
  if (!name || new URLSearchParams(location.search).get("workflow") === name) return null;
  history.pushState({}, "", `?workflow=${encodeURIComponent(name)}`);
  drawing = performance.now();
  return { ...asked(name, {}), filling };
}

// As ui/widgets.py reads it: nothing for a random seed, a plus before one that is counted on from.
const seedKept = (text, mode) => (mode === "random" || !text ? null : mode === "counting" ? `+${text}` : text);

// A file is an object that says where Gradio put it.
const fileKept = (value) => {
  const file = value?.video ?? value;
  return file?.path ? { file: file.path } : null;
};

function keep(name, keys, values) {
  const kept = read(sessionStorage, VALUES + name, {});
  let at = 0;
  for (const [key, count] of keys) {
    const own = values.slice(at, at + count);
    kept[key] = count === 2 ? seedKept(...own) : fileKept(own[0]) ?? own[0];
    at += count;
  }
  write(sessionStorage, VALUES + name, kept);
  return [];
}

function copyLink(name) {
  const link = new URL(location.href.split(/[?#]/)[0]);
  link.searchParams.set("workflow", name);
  for (const [key, value] of Object.entries(read(sessionStorage, VALUES + name, {})))
    if (value !== null && value !== "" && typeof value !== "object") link.searchParams.set(key, value);
  copyText(link.href).then(
    () => showDone("#copy-link", "Link copied", "The link to this form, as it is filled in now, is copied."),
    () => object("The link could not be copied.", `Copy it from here: ${link.href}`),
  );
}

// Browsers hand out the clipboard over TLS and on this machine only; in an office over plain HTTP the old way is left.
async function copyText(text) {
  if (navigator.clipboard) { await navigator.clipboard.writeText(text); return; }
  const field = document.body.appendChild(element("textarea", "spoken"));
  field.value = text;
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  if (!copied) throw new Error("not copied");
}

// For two seconds the button itself says that it has worked.
function showDone(button, words, spoken) {
  const place = $(button);
  if (!place.dataset.label) place.dataset.label = place.textContent;
  place.textContent = words;
  announce(spoken);
  setTimeout(() => { place.textContent = place.dataset.label; }, 2000);
}

function shape(ratio, width, height, step, least, most) {
  const wanted = Number(ratio);
  if (!wanted) return ["", width, height];
  const area = Math.max(1, width * height);
  const fit = (size) => Math.min(most, Math.max(least, Math.round(size / step) * step));
  return ["", fit(Math.sqrt(area * wanted)), fit(Math.sqrt(area / wanted))];
}
