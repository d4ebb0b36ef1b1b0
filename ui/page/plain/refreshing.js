// @ts-check
// Refreshes the content of a page while it is visible.

const PAUSE = 5000; // ms
const shown = /** @type {HTMLElement} */ (document.getElementById("now"));
let html = shown.innerHTML; // as sent, before other scripts change it

async function refresh() {
  if (document.hidden || shown.querySelector(":popover-open")) return; // a question waits for its answer
  const answer = await fetch(shown.dataset.address ?? "").catch(() => null);
  if (!answer?.ok) return;
  const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = parsed.getElementById("now");
  if (!fresh || fresh.innerHTML === html) return;
  const { activeElement } = document;
  const focused = shown.contains(activeElement) ? activeElement?.id : "";
  html = fresh.innerHTML;
  shown.innerHTML = html;
  document.dispatchEvent(new Event("renewed"));
  if (focused) document.getElementById(focused)?.focus();
}

setInterval(refresh, PAUSE);
document.addEventListener("visibilitychange", refresh);
