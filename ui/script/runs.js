// Runs: all of this person's, wherever they were started. The first unfinished one is shown, over a socket of its own.

const RUNS = "comfyforms.runs"; // of which this browser has not seen the end
const READ = "comfyforms.read"; // whose end this tab shows
const RETRY = [300, 1000, 2000, 5000];
const GONE = 4404;

const runs = new Map();
let order = [];
let stage = null;
let phaseSaid = "";
let ticking = null;
let newest = null;
let picked = null;
let sending = false; // from a press to what the app says of it

const turn = (run) => (order.includes(run.id) ? order.indexOf(run.id) : order.length);
const unfinished = () => [...runs.values()].filter((run) => !run.view?.finished).sort((a, b) => turn(a) - turn(b));
const current = () => unfinished().find((run) => !run.doubtful) ?? null;
const address = (path) => `${root().replace(/^http/, "ws")}${path}`;
const pause = (tries) => RETRY[Math.min(tries, RETRY.length - 1)] * (0.75 + Math.random() / 2);

function remember() {
  write(localStorage, RUNS, unfinished().map((run) => run.id));
  write(sessionStorage, READ, [...grieved(), shown].filter(Boolean).map((run) => run.id));
}

function mount(place, { value, watch, finished }) {
  stage = { place: $(".stage", place), finished };
  draw();
  shadeAsChosen();
  // Gradio's picture has no words of its own for those who cannot see it.
  const name = () => { for (const image of document.querySelectorAll('#picture img[alt=""]')) image.alt = "Result"; };
  new MutationObserver(name).observe($("#result-side") ?? document.body, { childList: true, subtree: true });
  watch("value", () => told(value()));
  // The app tells which runs go on; of these it is asked how they ended.
  for (const id of [...read(sessionStorage, READ, []), ...read(localStorage, RUNS, [])]) add(id, { doubtful: true });
  paint();
  tellReloaded();
  listen();
}

function add(id, { doubtful = false } = {}) {
  const known = runs.get(id);
  if (known) return known;
  const run = { id, doubtful, socket: null, view: null, entry: null, tries: 0 };
  runs.set(id, run);
  return run;
}

function told(text) {
  const said = text ? JSON.parse(text) : {};
  sending = false;
  if (said.run) { object(""); follow(said.run); return; }
  const homeless = showErrors(said.errors ?? {});
  object(said.message, [said.hint, ...homeless].filter(Boolean).join(" "));
}

function pressed() {
  clearErrors();
  object("");
  if (shown) shown.read = true;
  sending = true;
  if (!current()) say(objection = { headline: "Sending…", phase: "waiting" });
}

// A run that this page has just started.
function follow(id) {
  connect(add(id));
  remember();
  paint();
  $("#columns")?.classList.add("has-run");
  if (matchMedia("(max-width: 1023px)").matches) $("#result-side")?.scrollIntoView({ behavior: "smooth" });
}

// What the app says of all unfinished runs. Those further back need no socket; one that is missing has ended.
function listed(entries) {
  order = entries.map((entry) => entry.id);
  for (const entry of entries) Object.assign(add(entry.id), { entry, doubtful: false });
  engage();
  remember();
  paint();
}

function engage() {
  const first = current();
  for (const run of unfinished()) {
    if (run !== first && order.includes(run.id)) letGo(run);
    else if (!run.socket) connect(run);
  }
}

function connect(run) {
  const socket = new WebSocket(address(`/live/${run.id}`));
  socket.binaryType = "arraybuffer";
  run.socket = socket;
  socket.onmessage = async ({ data }) => {
    run.tries = 0;
    run.doubtful = false;
    if (typeof data === "string") { run.view = JSON.parse(data); run.at = performance.now(); changed(run); return; }
    await paintFrame(run, data);
    if (socket.readyState === WebSocket.OPEN) socket.send("painted");
  };
  socket.onclose = ({ code }) => {
    run.socket = null;
    if (run.view?.finished) return;
    if (code === GONE) forget(run);
    else if (!away()) setTimeout(() => { if (!run.socket && !away()) connect(run); }, pause(run.tries++));
  };
}

function letGo(run) {
  if (!run.socket) return;
  run.socket.onclose = run.socket.onmessage = null;
  run.socket.close();
  run.socket = null;
  if (!run.view?.finished) run.view = null;  // by the time it is its turn, what was said is old
}

function changed(run) {
  if (run.view.finished) {
    if (!shown || run.view.ended >= shown.view.ended) {
      shown = run;
      objection = null;
      if (run.view.results) { newest = run.id; stage.finished(); uncover(run.id); }
      const here = run.view.form === $("#heading [data-workflow]")?.dataset.workflow;
      const sentences = here ? showErrors(run.view.errors) : Object.values(run.view.errors);
      run.view.advice = [run.view.advice, ...sentences].filter(Boolean).join(" ");
    }
    if (!run.view.results) removeFrame(run);
    if (!away()) engage();
    remember();
    pastGrew(run);
  }
  paint();
}

// The run whose results Python is to show, and which of them, asked when it comes to it.
const toShow = () => ({ run: newest, at: picked?.run === newest ? picked.at : null });

function pick(at) {
  picked = { run: newest, at };
  stage.finished();
}

// A run that came to grief stays in the list until somebody has read it, unless it stands above the list.
const troubled = (run) => run.view?.finished && (run.view.again || ["failed", "refused", "lost"].includes(run.view.phase));
const grieved = () => [...runs.values()].filter((run) => troubled(run) && !run.read && run !== (current() ?? shown));

function forget(run) {
  runs.delete(run.id);
  if (shown === run) shown = null;
  remember();
  paint();
}

function stop(run = current()) {
  if (run?.socket?.readyState === WebSocket.OPEN) run.socket.send("stop");
  else if (run) ask(`/runs/${run.id}/stop`);
}

async function runAgain(id) {
  const started = await ask(`/runs/${id}/again?keeps_going=${keepsGoing()}`);
  if (!started) return;
  follow(started.run);
  if (runs.has(id)) forget(runs.get(id));
}
