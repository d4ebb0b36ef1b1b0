// Runs: one socket each, the first unfinished one is shown.

const RUNS = "comfyforms.runs";
const RETRY = [300, 1000, 2000, 5000];
const GONE = 4404;

const runs = new Map();
let stage = null;
let phaseSaid = "";
let ticking = null;
let newest = null;

const unfinished = () => [...runs.values()].filter((run) => !run.view?.finished);
const current = () => unfinished()[0] ?? null;
const remember = () => write(sessionStorage, RUNS, unfinished().map((run) => run.id));

function mount(place, { value, watch, finished }) {
  stage = { place: $(".stage", place), finished };
  draw();
  shadeAsChosen();
  // Gradio's picture has no words of its own for those who cannot see it.
  const name = () => { for (const image of document.querySelectorAll('#picture img[alt=""]')) image.alt = "Result"; };
  new MutationObserver(name).observe($("#result-side") ?? document.body, { childList: true, subtree: true });
  watch("value", () => told(value()));
  for (const id of read(sessionStorage, RUNS, [])) follow(id);
  paint();
}

function told(text) {
  const said = text ? JSON.parse(text) : {};
  if (said.run) {
    follow(said.run);
    $("#columns")?.classList.add("has-run");
    if (matchMedia("(max-width: 1023px)").matches) $("#result-side")?.scrollIntoView({ behavior: "smooth" });
    return;
  }
  const homeless = showErrors(said.errors ?? {});
  say({ headline: said.message, advice: [said.hint, ...homeless].filter(Boolean).join(" "), phase: "refused" });
}

function pressed() {
  clearErrors();
  if (!current()) say({ headline: "Sending…", phase: "waiting" });
}

function follow(id) {
  const run = { id, socket: null, view: null, tries: 0, frame: null };
  runs.set(id, run);
  remember();
  connect(run);
}

function connect(run) {
  const socket = new WebSocket(`${root().replace(/^http/, "ws")}/live/${run.id}`);
  socket.binaryType = "arraybuffer";
  run.socket = socket;
  socket.onmessage = async ({ data }) => {
    run.tries = 0;
    if (typeof data === "string") { run.view = JSON.parse(data); run.at = performance.now(); changed(run); return; }
    await paintFrame(run, data);
    if (socket.readyState === WebSocket.OPEN) socket.send("painted");
  };
  socket.onclose = ({ code }) => {
    if (run.view?.finished) return;
    if (code === GONE) { runs.delete(run.id); remember(); paint(); return; }
    const wait = RETRY[Math.min(run.tries++, RETRY.length - 1)];
    setTimeout(() => connect(run), wait * (0.75 + Math.random() / 2));
  };
}

function changed(run) {
  if (run.view.finished) {
    remember();
    if (run.view.results) { newest = run.id; stage.finished(); uncover(run.id); } else if (!current()) removeFrame();
    if (Object.keys(run.view.errors).length) run.view.advice = [run.view.advice, ...showErrors(run.view.errors)].join(" ");
    shown = run;
  }
  paint();
}

// The run whose results Python is to show, asked when it comes to it.
const toShow = () => ({ run: newest });

// A run that came to grief behind another one's back stays in the list until somebody has read it.
const grieved = () => [...runs.values()].filter((run) =>
  run !== shown && ["failed", "refused", "lost"].includes(run.view?.phase) && run.view.finished);

function stop() {
  const run = current();
  if (run?.socket?.readyState === WebSocket.OPEN) run.socket.send("stop");
}
