// The picture as it comes, and in words how far it is.

let shown = null;

async function paintFrame(run, bytes) {
  if (current() !== run) return;
  const picture = $("#picture");
  if (!picture) return;
  let live = $("img.live-frame", picture);
  const next = new Image();
  next.className = "live-frame";
  next.alt = "Preview";
  next.src = URL.createObjectURL(new Blob([bytes]));
  try { await next.decode(); } catch { URL.revokeObjectURL(next.src); return; }
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

function removeFrame() {
  const live = $("#picture img.live-frame");
  if (live) { URL.revokeObjectURL(live.src); live.remove(); }
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
  stage.queue = add("ul", "queue");
  stage.spoken = add("p", "spoken");
  stage.spoken.setAttribute("aria-live", "polite");
  say({ headline: "Fill in the form and press Generate. What you make appears here." });
}

function announce(text) {
  if (stage) stage.spoken.textContent = text;
}

function say(view) {
  stage.place.dataset.phase = view.phase ?? "";
  stage.place.dataset.run = view.id ?? "";
  stage.place.classList.toggle("trouble", ["failed", "refused", "lost"].includes(view.phase));
  stage.headline.textContent = view.headline ?? "";
  stage.advice.textContent = view.advice ?? "";
  $("pre", stage.detail).textContent = view.detail ?? "";
  stage.detail.hidden = !view.detail;
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
  return clock(view.elapsed + since) + left + blind;
}

function paint() {
  const run = current() ?? shown;
  if (run?.view) say(run.view);
  stage.times.textContent = run?.view ? times(run) : "";
  const line = (run, words, button, act) => {
    const item = element("li", "", `${run.view?.workflow ?? "Run"}: ${words} `);
    const press = element("button", "quiet", button);
    press.type = "button";
    press.onclick = act;
    item.append(press);
    return item;
  };
  stage.queue.replaceChildren(
    ...unfinished().slice(1).map((run) => line(run, run.view?.headline ?? "waiting", "Remove", () => run.socket?.send("stop"))),
    ...grieved().map((run) => line(run, `${run.view.headline} ${run.view.advice}`, "Dismiss", () => { runs.delete(run.id); paint(); })),
  );
  const busy = Boolean(current());
  if (busy && !ticking) ticking = setInterval(paint, 1000);
  if (!busy && ticking) { clearInterval(ticking); ticking = null; }
  $("#stop")?.toggleAttribute("disabled", !busy);
}
