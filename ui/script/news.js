// The one socket that every page has: which runs there are, which workflows have changed, whether the app is there.

const NO_LOGIN = 4401;
const ANSWER_WITHIN = 5000;
const ASK_EVERY = 25000;
const SLEPT = 15000;
const TELL_AFTER = 2000;
const RESTARTING = "The app is being restarted. Trying again…";
const WHY = { 1012: RESTARTING, 4429: "Too many pages of this app are open. Close one of them." };
const SILENT = "The app does not answer. Trying again…";

let news = null;
let life = null; // of the app: another one after a restart
let failures = 0;
let retrying = null;
let answering = null;
let telling = null;

const away = () => news?.readyState !== WebSocket.OPEN;

function listen() {
  clearTimeout(retrying);
  if (news) { news.onclose = news.onmessage = null; news.close(); }
  const socket = new WebSocket(address("/news"));
  news = socket;
  expectAnswer();
  socket.onmessage = ({ data }) => heard(JSON.parse(data));
  socket.onclose = ({ code }) => cut(code);
}

function heard(said) {
  clearTimeout(answering);
  answering = null;
  if (said.changed) folderChanged(said.changed);
  if (!said.runs) return;
  // The forms of a page from before a restart are no longer known to the app. What was typed is kept.
  if (life && life !== said.life) { location.reload(); return; }
  life = said.life;
  failures = 0;
  clearTimeout(telling);
  telling = null;
  tellAway(said.ending ? RESTARTING : "");
  countWaiting(said.waiting);
  listed(said.runs);
}

function cut(code) {
  clearTimeout(answering);
  answering = null;
  if (code === NO_LOGIN && life) { location.reload(); return; }
  if (WHY[code]) tellAway(WHY[code]);
  retrying = setTimeout(listen, pause(failures++));
  telling ??= setTimeout(() => { if (!$("#away").textContent) tellAway(SILENT); }, TELL_AFTER);
}

// A socket may be dead without knowing: after a sleep, in another network. Then all of them are.
function expectAnswer() {
  answering ??= setTimeout(() => {
    answering = null;
    for (const run of runs.values()) letGo(run);
    news.onclose = news.onmessage = null;
    news.close();
    cut();
  }, ANSWER_WITHIN);
}

function stillThere() {
  if (!news) return;
  if (news.readyState === WebSocket.OPEN) { news.send("here"); expectAnswer(); }
  else if (news.readyState !== WebSocket.CONNECTING) listen();
}

function tellAway(words) {
  const place = $("#away") ?? document.body.appendChild(element("p"));
  place.id = "away";
  place.role = "status";
  if (place.textContent !== words) place.textContent = words;
  $("#generate")?.toggleAttribute("disabled", Boolean(words));
  paint();
}

function countWaiting(count) {
  const place = $("#server .waiting");
  if (place) place.textContent = count ? ` · ${count} waiting` : "";
}

let looked = Date.now();
setInterval(() => {
  if (Date.now() - looked > SLEPT) stillThere();
  looked = Date.now();
}, 5000);
setInterval(stillThere, ASK_EVERY);
for (const event of ["online", "pageshow"]) window.addEventListener(event, stillThere);
document.addEventListener("visibilitychange", () => { if (!document.hidden) stillThere(); });
