// What the browser does itself: paints frames and progress from the run's socket, keeps what was typed, marks fields.
"use strict";

window.comfyforms = (() => {
  const VALUES = "comfyforms.values.";
  const RUNS = "comfyforms.runs";
  const SHADE = "comfyforms.shade";
  const RETRY = [300, 1000, 2000, 5000];
  const GONE = 4404;

  const $ = (selector, from = document) => from.querySelector(selector);

  const read = (store, key, otherwise) => {
    try { return JSON.parse(store.getItem(key)) ?? otherwise; } catch { return otherwise; }
  };
  const write = (store, key, value) => {
    try { store.setItem(key, JSON.stringify(value)); } catch { /* private windows keep nothing */ }
  };
  const element = (tag, className, text) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const root = () => (window.gradio_config?.root ?? location.origin).replace(/\/$/, "");

  // ---- which workflow, and what was typed -------------------------------------------------------------------------

  const asked = (name, linked) => ({ workflow: name, linked, kept: name ? read(sessionStorage, VALUES + name, {}) : {} });

  function open() {
    const address = new URLSearchParams(location.search);
    const name = address.get("workflow");
    const linked = {};
    for (const [key, value] of address) if (key.includes(".")) linked[key] = value;
    const wanted = { ...asked(name, linked), list_only: listOnly };
    listOnly = false;
    return wanted;
  }

  // Draw the form again, or only the list of workflows, from what the server and the address say now.
  let listOnly = false;
  function redraw(onlyList = false) {
    listOnly = onlyList;
    $("#redraw")?.click();
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
    return asked(name, {});
  }

  function keep(name, keys, values) {
    const kept = read(sessionStorage, VALUES + name, {});
    let at = 0;
    for (const [key, count] of keys) {
      const own = values.slice(at, at + count);
      kept[key] = count === 2 ? (own[1] ? null : own[0]) : own[0];
      at += count;
    }
    write(sessionStorage, VALUES + name, kept);
    return [];
  }

  function copyLink(name) {
    const link = new URL(location.href.split(/[?#]/)[0]);
    link.searchParams.set("workflow", name);
    for (const [key, value] of Object.entries(read(sessionStorage, VALUES + name, {})))
      if (value !== null && value !== "") link.searchParams.set(key, value);
    navigator.clipboard?.writeText(link.href);
    announce("The link to this form, as it is filled in now, is copied.");
  }

  function shape(ratio, width, height, step, least, most) {
    const wanted = Number(ratio);
    if (!wanted) return ["", width, height];
    const area = Math.max(1, width * height);
    const fit = (size) => Math.min(most, Math.max(least, Math.round(size / step) * step));
    return ["", fit(Math.sqrt(area * wanted)), fit(Math.sqrt(area / wanted))];
  }

  // ---- errors on their fields -------------------------------------------------------------------------------------

  const fieldId = (key) => "field-" + key.replace(/[^\p{L}\p{N}]/gu, "-");

  function clearErrors() {
    for (const note of document.querySelectorAll(".field-error")) note.remove();
    for (const field of document.querySelectorAll(".has-error")) {
      field.classList.remove("has-error");
      for (const input of field.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
    }
  }

  // Paint each sentence on its field; what has no field on the page is returned.
  function showErrors(errors) {
    clearErrors();
    const homeless = [];
    let first = null;
    for (const [key, sentence] of Object.entries(errors)) {
      const field = document.getElementById(fieldId(key));
      if (!field) { homeless.push(sentence); continue; }
      unfold(field);
      const note = element("p", "field-error", sentence);
      note.id = field.id + "-error";
      field.classList.add("has-error");
      field.append(note);
      const input = $("input, textarea", field);
      input?.setAttribute("aria-invalid", "true");
      input?.setAttribute("aria-describedby", note.id);
      first ??= input ?? field;
    }
    first?.focus({ preventScroll: true });
    first?.scrollIntoView({ block: "center" });  // a smooth one is broken off by the layout that follows
    return homeless;
  }

  function unfold(field) {
    const section = field.closest(".section");
    const label = section && $("button.label-wrap", section);
    if (label && !label.classList.contains("open")) label.click();
  }

  // ---- runs: one socket each, the first unfinished one is shown ---------------------------------------------------

  const runs = new Map();
  let stage = null;
  let phaseSaid = "";
  let ticking = null;

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
      if (run.view.results) { stage.finished(run.id); uncover(run.id); } else if (!current()) removeFrame();
      if (Object.keys(run.view.errors).length) run.view.advice = [run.view.advice, ...showErrors(run.view.errors)].join(" ");
      shown = run;
    }
    paint();
  }

  function stop() {
    const run = current();
    if (run?.socket?.readyState === WebSocket.OPEN) run.socket.send("stop");
  }

  // ---- painting ---------------------------------------------------------------------------------------------------

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
    const blind = view.phase === "running" && !view.previews && view.elapsed + since > 4 ? " · this workflow shows no previews" : "";
    return clock(view.elapsed + since) + left + blind;
  }

  function paint() {
    const run = current() ?? shown;
    if (run?.view) say(run.view);
    stage.times.textContent = run?.view ? times(run) : "";
    const waiting = unfinished().slice(1);
    stage.queue.replaceChildren(...waiting.map((run) => {
      const item = element("li", "", `${run.view?.workflow ?? "Run"}: ${run.view?.headline ?? "waiting"} `);
      const remove = element("button", "quiet", "Remove");
      remove.type = "button";
      remove.onclick = () => run.socket?.send("stop");
      item.append(remove);
      return item;
    }));
    const busy = Boolean(current());
    if (busy && !ticking) ticking = setInterval(paint, 1000);
    if (!busy && ticking) { clearInterval(ticking); ticking = null; }
    $("#stop")?.toggleAttribute("disabled", !busy);
  }

  // ---- files dropped or pasted ------------------------------------------------------------------------------------

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

  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  const fileFields = () => [...document.querySelectorAll(".takes-files")];

  document.addEventListener("dragover", (event) => { if (carriesFiles(event)) event.preventDefault(); });
  document.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    const field = event.target.closest?.(".takes-files");
    if (field && give(field, event.dataTransfer.files)) event.stopPropagation();
  }, true);
  document.addEventListener("paste", (event) => {
    const files = event.clipboardData?.files;
    if (!files?.length || (event.clipboardData.types.includes("text/plain") && event.target.matches?.("input, textarea"))) return;
    const field = fileFields().find((one) => one.matches(":hover") || one.contains(event.target)) ?? fileFields()[0];
    if (field && give(field, files)) { event.preventDefault(); event.stopPropagation(); }
  }, true);

  // ---- the page ---------------------------------------------------------------------------------------------------

  function shade(dark = !document.body.classList.contains("dark")) {
    document.body.classList.toggle("dark", dark);
    write(localStorage, SHADE, dark);
  }

  function shadeAsChosen() {
    const dark = read(localStorage, SHADE, null);
    if (dark !== null) shade(dark);
  }

  function retryLater() {
    setTimeout(() => { if ($("#no-form")) location.reload(); }, 5000);
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      $("#generate")?.click();
    } else if ((event.key === "ArrowRight" || event.key === "ArrowLeft") && event.target.closest?.("#gallery")) {
      const items = [...document.querySelectorAll("#gallery .thumbnail-item")];
      const next = items[items.indexOf(event.target.closest(".thumbnail-item")) + (event.key === "ArrowRight" ? 1 : -1)];
      next?.focus();
      next?.click();
    }
  });
  // In the capture phase: what a press clears is cleared before Gradio asks the server.
  document.addEventListener("click", ({ target }) => {
    if (target.closest?.("#generate")) pressed();
    else if (target.closest?.("#stop")) stop();
  }, true);
  // A seed that is typed or pasted is wanted. Gradio's own input event tells of key presses only, not of a paste.
  document.addEventListener("input", ({ target }) => {
    const random = target.matches?.(".seed textarea, .seed input[type=text]") && target.value
      && $(".seed-random input", target.closest(".seed"));
    if (random?.checked) random.click();
  });
  window.addEventListener("popstate", () => location.reload());

  return { open, go, visit, redraw: () => redraw(), grow, folderChanged, keep, copyLink, shape, mount, shade, retryLater, tell: say };
})();
