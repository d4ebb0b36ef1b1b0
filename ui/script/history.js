// What this person made before with this workflow, below the result; and what can be done with a run of it.

const SEARCH_PAUSE = 250;
const SURE_SECONDS = 10;
const STAYS = "It cannot be brought back. The image server may keep its own copy of the result and of pictures you gave.";

const narrow = () => matchMedia("(max-width: 1023px)").matches;

const past = { place: null, workflow: null, runs: [], more: false, any: false, chosen: null, turn: 0, loading: null };

function mountPast(place) {
  past.place = $(".past", place);
  const head = element("header");
  head.append(element("h2", "", "Earlier"));
  past.which = element("select");
  past.which.ariaLabel = "Earlier results of";
  past.which.append(new Option("This workflow", ""), new Option("All workflows", "all"));
  past.which.addEventListener("change", loadPast);
  head.append(past.which);
  past.search = element("input");
  Object.assign(past.search, { type: "search", placeholder: "Search", ariaLabel: "Search earlier results", maxLength: 200 });
  let typing = null;
  past.search.addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(loadPast, SEARCH_PAUSE); });
  head.append(past.search);
  past.list = element("ul", "past-runs");
  past.said = element("p", "past-said");
  past.moreButton = element("button", "quiet", "Show more");
  past.moreButton.type = "button";
  past.moreButton.addEventListener("click", loadMore);
  past.place.replaceChildren(head, past.list, past.said, past.moreButton);
  if (past.workflow !== null) past.loading = loadPast();
}

// The form says which workflow's past is wanted; drawn again, it is the same one.
function pastOf(workflow) {
  if (past.workflow === workflow) return;
  past.workflow = workflow;
  if (!past.place) return;
  past.search.value = "";
  past.loading = loadPast();
}

async function askPast(before) {
  const turn = ++past.turn;
  const workflow = past.which.value ? "" : past.workflow;
  const query = new URLSearchParams({ workflow, text: past.search.value.trim(), before });
  const answer = await fetch(`${root()}/history?${query}`).catch(() => null);
  const page = answer?.ok ? await answer.json().catch(() => null) : null;
  return turn === past.turn ? page : null; // something else was wanted meanwhile
}

async function loadPast() {
  const page = await askPast("");
  if (!page) return;
  past.runs = page.runs;
  past.more = page.more;
  past.any = page.any;
  paintPast();
}

async function loadMore() {
  const page = await askPast(past.runs.at(-1)?.id ?? "");
  if (!page) return;
  const first = page.runs[0]?.id;
  past.runs = [...past.runs, ...page.runs];
  past.more = page.more;
  paintPast();
  tileOf(first)?.focus();
}

// A run has ended: it comes in front of those that are listed already. One after the other, as an end is told twice.
function pastGrew(run) {
  if (shown === run) {
    $("#columns")?.classList.remove("looking-back");
    if (run.view.results) past.chosen = run.id;
  }
  past.loading = Promise.resolve(past.loading).then(() => grown(run.id));
}

async function grown(id) {
  if (!past.place || past.workflow === null) return;
  if (past.runs.some((run) => run.id === id)) { markChosen(); return; }
  const page = await askPast("");
  if (!page) return;
  const listed = new Set(page.runs.map((run) => run.id));
  const last = page.runs.at(-1)?.id;
  const known = past.runs.findIndex((run) => run.id === last);
  // Where the new page and the old list do not meet, the list starts anew.
  const rest = known < 0 ? [] : past.runs.slice(known + 1).filter((run) => !listed.has(run.id));
  past.more = rest.length ? past.more : page.more;
  past.runs = [...page.runs, ...rest];
  past.any = page.any;
  paintPast();
}

const tileOf = (id) => [...past.list.querySelectorAll("button")].find((tile) => tile.dataset.run === id);

function paintPast() {
  past.place.hidden = !past.any;
  past.said.textContent = past.runs.length ? ""
    : past.search.value.trim() ? "Nothing was found." : "Nothing was made with this workflow yet.";
  past.moreButton.hidden = !past.more;
  const tiles = new Map([...past.list.children].map((item) => [item.firstChild.dataset.run, item]));
  const focused = document.activeElement;
  past.list.replaceChildren(...past.runs.map((run) => tiles.get(run.id) ?? tileFor(run)));
  if (past.list.contains(focused)) focused.focus({ preventScroll: true }); // lost on the way
  markChosen();
}

function markChosen() {
  for (const tile of past.list?.querySelectorAll("button") ?? []) tile.ariaPressed = String(tile.dataset.run === past.chosen);
}

const when = (seconds) => new Date(seconds * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });

function tileFor(run) {
  const tile = element("button", "past-run");
  tile.type = "button";
  tile.dataset.run = run.id;
  const what = run.files > 1 ? `${run.what}, ${run.files} files` : run.what;
  tile.title = [what, run.title, when(run.at), run.asked].filter(Boolean).join(" · ");
  tile.ariaLabel = tile.title;
  const words = () => tile.replaceChildren(element("span", "", run.what));
  if (run.thumb) {
    const image = element("img");
    Object.assign(image, { alt: "", loading: "lazy", decoding: "async", onerror: words, src: root() + run.thumb });
    tile.append(image);
    if (run.files > 1) tile.append(element("span", "count", String(run.files)));
  } else words();
  tile.classList.toggle("in-words", !run.thumb);
  tile.addEventListener("click", () => lookAt(run));
  const item = element("li");
  item.append(tile);
  return item;
}

// Show an earlier run where results are shown, in its own words.
async function lookAt(run) {
  const answer = await fetch(`${root()}/history/${run.id}`).catch(() => null);
  const view = answer?.ok ? await answer.json() : null;
  if (!view) { object("This result is no longer there."); loadPast(); return; }
  past.chosen = run.id;
  markChosen();
  view.headline += ` · ${when(run.at)}`;
  view.again = false; // it is among the buttons below
  shown = Object.assign(add(run.id), { view, at: performance.now() });
  objection = null;
  newest = run.id;
  picked = null;
  stage.finished();
  $("#columns")?.classList.add("has-run");
  $("#columns")?.classList.toggle("looking-back", Boolean(current()));
  if (!current()) removeFrame();
  remember();
  paint();
  if (narrow()) $("#result-side")?.scrollIntoView({ behavior: "smooth" });
  else [$("#picture"), $("#moving")].find((place) => place?.offsetParent)?.scrollIntoView({ behavior: "smooth", block: "nearest" });
}

// What the buttons under a result do; each says of which run.
const ACTS = { values: useValues, again: startAgain, delete: remove };

document.addEventListener("click", ({ target }) => {
  const button = target.closest?.("[data-act]");
  if (button && button.ariaDisabled !== "true") ACTS[button.dataset.act]?.(button.dataset.run, button);
});

const refusal = async (answer) => (await answer?.json().catch(() => null))?.detail ?? "The app does not answer. Try again.";

// Put a run's values into the form as if they had been typed, and draw it anew with them.
async function useValues(id) {
  drawing = performance.now();
  const answer = await fetch(`${root()}/history/${id}/values`).catch(() => null);
  if (!answer?.ok) { drawing = 0; object(await refusal(answer)); return; }
  const { workflow, values } = await answer.json();
  write(sessionStorage, VALUES + workflow, values);
  const address = `?workflow=${encodeURIComponent(workflow)}`;
  if (location.search !== address) history.pushState({}, "", address); // values in the address would win
  refill();
  announce("The form is filled in as it was for this result.");
  if (narrow()) $("#form-side")?.scrollIntoView({ behavior: "smooth" });
}

async function startAgain(id, button) {
  button.ariaDisabled = "true"; // one press, one run
  await runAgain(id);
  button.ariaDisabled = null;
}

// What is deleted cannot be brought back: the first press asks, the second one does it.
async function remove(id, button) {
  if (!button.dataset.sure) {
    button.dataset.sure = "yes";
    button.textContent = "Really delete?";
    const note = element("span", "sure", STAYS);
    button.after(note);
    announce(`Press again to delete this result. ${STAYS}`);
    setTimeout(() => { delete button.dataset.sure; button.textContent = "Delete"; note.remove(); }, 1000 * SURE_SECONDS);
    return;
  }
  const answer = await fetch(`${root()}/history/${id}`, { method: "DELETE" }).catch(() => null);
  if (!answer?.ok && answer?.status !== 404) { object(await refusal(answer)); return; }
  const stays = answer.ok ? (await answer.json()).stays : "";
  const at = past.runs.findIndex((run) => run.id === id);
  past.runs = past.runs.filter((run) => run.id !== id);
  past.chosen = null;
  paintPast();
  runs.delete(id);
  if (shown?.id === id) shown = null;
  newest = null;
  stage.finished();
  remember();
  object("");
  if (!current()) say({ headline: "Deleted here.", advice: stays });
  tileOf(past.runs[Math.min(Math.max(at, 0), past.runs.length - 1)]?.id)?.focus();
}

document.addEventListener("keydown", (event) => {
  const tile = event.target.closest?.(".past-run");
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!tile || !step) return;
  const tiles = [...past.list.querySelectorAll("button")];
  tiles[tiles.indexOf(tile) + step]?.focus();
  event.preventDefault();
});
