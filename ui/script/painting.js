// The picture as it comes, and in words how far it is.

const NO_NEWS = "There is no news of this run at the moment.";

let shown = null;
let objection = null; // said of no run, in its place

async function paintFrame(run, bytes) {
  if (current() !== run) return;
  const next = new Image();
  next.className = "live-frame";
  next.alt = "Preview";
  next.dataset.run = run.id;
  next.src = URL.createObjectURL(new Blob([bytes]));
  const decoded = await next.decode().then(() => true, () => false);
  // While it was decoded the run may have ended, with its result on the page already.
  const picture = current() === run ? $("#picture") : null;
  if (!decoded || !picture) { URL.revokeObjectURL(next.src); return; }
  const live = $("img.live-frame", picture);
  if (live) { URL.revokeObjectURL(live.src); live.replaceWith(next); } else picture.append(next);
  picture.dataset.frames = Number(picture.dataset.frames ?? 0) + 1;
  await new Promise(requestAnimationFrame);
}

// Gradio puts the result into the picture: once it is there, the preview in front of it goes.
async function uncover(id) {
  const arrived = () => [...document.querySelectorAll("#picture img:not(.live-frame)")]
    .some((image) => image.src.includes(id) && image.complete);
  const end = performance.now() + 15000;
  while (!arrived() && $("#picture") && performance.now() < end) await new Promise(requestAnimationFrame);
  if (!current()) removeFrame();
}

function removeFrame(run = null) {
  const live = $("#picture img.live-frame");
  if (live && (!run || live.dataset.run === run.id)) { URL.revokeObjectURL(live.src); live.remove(); }
}

const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

function draw() {
  const place = stage.place;
  place.replaceChildren();
  const add = (tag, className, text) => { const made = element(tag, className, text); place.append(made); return made; };
  stage.headline = add("p", "headline");
  stage.bar = add("div", "bar");
  stage.bar.setAttribute("role", "progressbar");
  stage.bar.setAttribute("aria-label", "Progress");
  stage.bar.append(element("span"));
  stage.times = add("p", "times");
  stage.advice = add("p", "advice");
  stage.detail = add("details", "detail");
  stage.detail.append(element("summary", "", "Technical details"), element("pre"));
  stage.again = add("button", "quiet again", "Run again");
  stage.again.type = "button";
  stage.again.onclick = () => { stage.again.disabled = true; runAgain(shown.id).finally(() => { stage.again.disabled = false; }); };
  stage.notice = add("p", "objection");
  stage.notice.role = "alert";
  stage.waitingTitle = add("p", "waiting-title");
  stage.queue = add("ul", "queue");
  stage.spoken = add("p", "spoken");
  stage.spoken.setAttribute("aria-live", "polite");
  say({ headline: "Fill in the form and press Generate. What you make appears here." });
}

function announce(text) {
  if (stage) stage.spoken.textContent = text;
}

// An objection must not be painted over by a run that goes on, nor hide it.
function object(headline, advice = "") {
  const going = Boolean(current());
  stage.notice.textContent = going ? [headline, advice].filter(Boolean).join(" ") : "";
  objection = headline && !going ? { headline, advice, phase: "refused" } : null;
  paint();
}

function say(view) {
  stage.place.dataset.phase = view.phase ?? "";
  stage.place.dataset.run = view.id ?? "";
  stage.place.classList.toggle("trouble", ["failed", "refused", "lost"].includes(view.phase));
  stage.headline.textContent = view.headline ?? "";
  stage.advice.textContent = view.advice ?? "";
  $("pre", stage.detail).textContent = view.detail ?? "";
  stage.detail.hidden = !view.detail;
  stage.again.hidden = !view.again;
  const busy = view.phase === "running" || view.phase === "waiting";
  stage.bar.hidden = !busy;
  const known = typeof view.fraction === "number";
  stage.bar.classList.toggle("unknown", !known);
  $("span", stage.bar).style.width = known ? `${Math.round(100 * view.fraction)}%` : "";
  if (known) stage.bar.setAttribute("aria-valuenow", Math.round(100 * view.fraction));
  else stage.bar.removeAttribute("aria-valuenow");
  $("#columns")?.classList.toggle("run-going", busy);
  if (view.id) $("#columns")?.classList.add("has-run");
  const heard = `${view.id ?? ""}${view.phase}`;
  if (heard !== phaseSaid) { phaseSaid = heard; announce(view.headline ?? ""); }
}

function times(run) {
  const view = run.view;
  if (!view) return "";
  if (view.finished) return view.phase === "done" && view.seeds.length ? `Seed ${view.seeds.join(", ")}` : "";
  const since = (performance.now() - run.at) / 1000;
  const left = view.left === null ? "" : `, about ${clock(Math.max(1, view.left - since))} left`;
  const blind = view.blind ? " · this workflow shows no previews" : "";
  const other = view.form === $("#heading [data-workflow]")?.dataset.workflow ? "" : `${view.workflow} · `;
  return other + clock(view.elapsed + since) + left + blind;
}

function paint() {
  const run = current();
  const view = run ? run.view : objection ?? shown?.view;
  const silent = Boolean(run && $("#away")?.textContent) && run.socket?.readyState !== WebSocket.OPEN;
  if (view) say(silent ? { ...view, headline: NO_NEWS, advice: "", fraction: null } : view);
  stage.bar.hidden ||= silent;
  stage.times.textContent = view && view !== objection && !silent ? times(run ?? shown) : "";
  paintQueue();
  if (run && !ticking) ticking = setInterval(paint, 1000);
  if (!run && ticking) { clearInterval(ticking); ticking = null; }
  $("#stop")?.toggleAttribute("disabled", !run || silent);
}
