// The person's own line: which runs wait, where each stands, and what came to grief behind another one's back.

const lines = new Map();

// Those that wait; one alone that is told of above already needs no line.
function waits() {
  const all = unfinished().filter((run) => run.entry?.phase === "waiting" && !run.leaving);
  return all.length === 1 && all[0] === current() ? [] : all;
}

function paintQueue() {
  const waiting = waits();
  const troubled = grieved();
  stage.waitingTitle.textContent = waiting.length ? `Waiting (${waiting.length})` : "";
  const wanted = [...waiting.map(waitingLine), ...troubled.map(troubledLine)];
  const focused = document.activeElement;
  for (const [key, line] of lines) if (!wanted.includes(line)) { line.remove(); lines.delete(key); }
  wanted.forEach((line, at) => {
    if (stage.queue.children[at] !== line) stage.queue.insertBefore(line, stage.queue.children[at] ?? null);
  });
  // A line that has been moved has lost the focus on the way.
  if (focused?.isConnected && stage.queue.contains(focused)) focused.focus();
}

function waitingLine(run, at, all) {
  const line = lineOf(`waiting ${run.id}`, () => [
    act("↑", "Move earlier", () => move(run, -1)), act("↓", "Move later", () => move(run, 1)),
    act("Remove", "", () => leave(run)),
  ]);
  const { workflow, about, said, movable } = run.entry;
  tell(line, workflow, about, said);
  const [earlier, later, remove] = line.querySelectorAll("button");
  earlier.hidden = later.hidden = !movable;
  usable(earlier, all[at - 1]?.entry.movable);
  usable(later, at + 1 < all.length);
  earlier.ariaLabel = `Move earlier: ${workflow}, ${said}`;
  later.ariaLabel = `Move later: ${workflow}, ${said}`;
  remove.ariaLabel = `Remove: ${workflow}, ${said}`;
  return line;
}

function troubledLine(run) {
  const line = lineOf(`ended ${run.id}`, () => [
    ...(run.view.again ? [act("Run again", "", () => runAgain(run.id))] : []),
    act("Dismiss", "", () => forget(run)),
  ]);
  line.classList.add("trouble");
  tell(line, run.view.workflow, run.view.about, `${run.view.headline} ${run.view.advice}`);
  return line;
}

// One line a run, kept as long as it is shown: a button that is new every second cannot be pressed.
function lineOf(key, buttons) {
  if (!lines.has(key)) {
    const line = element("li");
    const words = element("div", "words");
    words.append(element("strong"), element("span", "about"), element("span", "said"));
    const tools = element("div", "tools");
    tools.append(...buttons());
    line.append(words, tools);
    lines.set(key, line);
  }
  return lines.get(key);
}

function act(text, title, does) {
  const button = element("button", "quiet", text);
  button.type = "button";
  button.title = title;
  button.onclick = () => { if (button.ariaDisabled !== "true") does(); };
  return button;
}

// Not `disabled`: a button that is used twice in a row must not lose the focus in between.
function usable(button, can) {
  button.ariaDisabled = can ? null : "true";
}

function tell(line, ...texts) {
  const places = line.querySelectorAll(".words > *");
  texts.forEach((text, at) => { if (places[at].textContent !== text) places[at].textContent = text; });
}

async function move(run, by) {
  if (await ask(`/runs/${run.id}/move?by=${by}`)) announce(by < 0 ? "Moved earlier." : "Moved later.");
}

function leave(run) {
  const next = lines.get(`waiting ${run.id}`)?.nextElementSibling ?? lines.get(`waiting ${run.id}`)?.previousElementSibling;
  run.leaving = true;
  stop(run);
  paint();
  (next?.isConnected ? $("button:last-child", next) : $("#stop"))?.focus();
}
