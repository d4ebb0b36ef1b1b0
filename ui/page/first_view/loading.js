// Inline script of the page, in front of all others. It puts the browser's own values into the first view, and loads
// the page again if a part of it doesn't arrive: a browser never repeats a failed import.

(() => {
  const [FIRST_WAIT, LONGEST_WAIT] = [1000, 10000]; // milliseconds between two requests to an unreachable app
  const QUIET = 20000; // milliseconds without any news after which the page counts as stuck
  const MOST = 5; // reloads in a row
  const [TRIES, VALUES, RECENT, SHADE, CLOSED_BRAND_NOTICE] = [
    "comfyforms.loading",
    "comfyforms.values.",
    "comfyforms.recent",
    "comfyforms.shade",
    "comfyforms.closed_brand_notice",
  ];
  const view = /** @type {HTMLElement} */ (document.getElementById("first-view"));
  const state = /** @type {HTMLElement} */ (view.querySelector(".state"));
  const { workflow = "", user } = view.dataset;
  let isTrying = false;

  // A browser without third-party cookies may deny storage in a frame: the page then keeps its values in memory.
  for (const store of ["localStorage", "sessionStorage"]) {
    try {
      Reflect.get(window, store);
    } catch {
      const kept = new Map();
      const value = {
        getItem: (/** @type {string} */ key) => kept.get(key) ?? null,
        setItem: (/** @type {string} */ key, /** @type {string} */ text) => kept.set(key, text),
        removeItem: (/** @type {string} */ key) => kept.delete(key),
      };
      Object.defineProperty(window, store, { value });
    }
  }

  /** @param {"localStorage" | "sessionStorage"} store @param {string} key */
  const read = (store, key) => {
    try {
      return JSON.parse(window[store].getItem(key) ?? "null");
    } catch {
      return null;
    }
  };

  /** @param {number} tries */
  const keepTries = (tries) => {
    try {
      sessionStorage.setItem(TRIES, String(tries));
    } catch {
      // Private windows may have no storage.
    }
  };

  const params = new URLSearchParams(location.search);
  document.documentElement.classList.toggle("embedded", params.get("embed") === "1");
  const last = [read("localStorage", RECENT)].flat()[0] || workflow;
  const form = params.has("workflow") || last === workflow ? workflow : "";

  /** Return the values that were typed last in this browser. */
  const typed = () => {
    const own = VALUES + [user, form].filter(Boolean).join("/");
    return { ...(read("sessionStorage", own) ?? read("localStorage", own)) };
  };

  /** Show them. */
  const fill = () => {
    const kept = typed();
    for (const place of /** @type {NodeListOf<HTMLElement>} */ (
      view.querySelectorAll("[data-key]")
    )) {
      const { key = "", labels = "{}" } = place.dataset;
      const value = kept[key];
      if (typeof value === "string" || typeof value === "number")
        place.textContent = JSON.parse(labels)[value] ?? String(value).replace(/^\+(?=\d+$)/, "");
    }
  };

  /** @param {number} wait in milliseconds */
  const pause = (wait) =>
    new Promise((resolve) => {
      const end = () => resolve(removeEventListener("online", end));
      addEventListener("online", end);
      setTimeout(end, wait);
    });

  /** Load the page again as soon as the app answers. */
  const again = async () => {
    if (isTrying) return;
    isTrying = true;
    const tries = (read("sessionStorage", TRIES) ?? 0) + 1;
    state.textContent = state.dataset[tries > MOST ? "givenUp" : "again"] ?? "";
    if (tries > MOST) return;
    for (let wait = FIRST_WAIT; ; wait = Math.min(2 * wait, LONGEST_WAIT)) {
      try {
        await fetch("health", { cache: "no-store" });
        break;
      } catch {
        await pause(wait);
      }
    }
    keepTries(tries);
    location.reload();
  };

  /** Notice a connection that neither brings anything nor breaks. Wait longer after each reload. */
  const watch = () => {
    const parts = performance.getEntriesByType("resource").length;
    const quiet = QUIET * 2 ** (read("sessionStorage", TRIES) ?? 0);
    setTimeout(() => {
      if (!view.isConnected) return;
      if (performance.getEntriesByType("resource").length > parts) watch();
      else again();
    }, quiet);
  };

  const dark = read("localStorage", SHADE);
  if (dark !== null) view.style.colorScheme = dark ? "only dark" : "only light";
  const notice = view.querySelector(".brand-notice");
  if (notice && read("localStorage", CLOSED_BRAND_NOTICE) === notice.textContent) notice.remove();
  if (form) fill();
  else view.querySelector(".first-form")?.replaceChildren(); // another form will come
  const title = view.querySelector("h1")?.textContent ?? "";
  /** @type {HTMLElement} */ (view.querySelector(".bar .box")).textContent = title;

  addEventListener("vite:preloadError", again); // from the code that loads Gradio's components
  addEventListener(
    "error",
    ({ target }) => {
      const isScript = target instanceof HTMLScriptElement;
      const address = isScript ? target.src : target instanceof HTMLLinkElement ? target.href : "";
      if (address.startsWith(`${location.origin}/`)) again(); // other sites' resources don't matter
    },
    true,
  );
  document.addEventListener("DOMContentLoaded", () => {
    if (!document.getElementById("document-end")) again(); // the document itself was cut
  });
  watch();

  // Gradio asks for the first form before the page's own script can watch its calls.
  const unwatched = window.fetch;
  window.fetch = async (...request) => {
    // On a Space, it asks Hugging Face whether the Space runs, which this page may not and need not ask.
    if (addressOf(request[0]).startsWith("https://huggingface.co/api/spaces/"))
      return new Response('{"runtime": {"stage": "RUNNING"}}');
    try {
      const answer = await unwatched(...request);
      if (answer.status >= 500) unanswered(request[0]);
      return answer;
    } catch (problem) {
      unanswered(request[0]);
      throw problem;
    }
  };
  /** @param {RequestInfo | URL} asked */
  const addressOf = (asked) => (asked instanceof Request ? asked.url : String(asked));
  /** @param {RequestInfo | URL} asked */
  const unanswered = (asked) => {
    if (view.isConnected && addressOf(asked).includes("/run/")) again();
  };

  // Gradio asks for it before the page's own script is there. `choice` in `form/form.js` makes the same.
  const choice = () => ({
    name: form,
    linked: Object.fromEntries([...params].filter(([key]) => key.includes("."))),
    kept: typed(),
    unfolded: [],
    draft: false,
    filling: "0",
    nonce: String(Math.random()),
  });

  const ended = new Promise((resolve) => {
    const end = () => {
      keepTries(0);
      const cover = view.querySelector(".cover")?.getBoundingClientRect().height;
      const stage = document.getElementById("stage");
      if (cover && stage) {
        stage.dataset.awaits = "example"; // until its script comes
        stage.style.minHeight = `${cover}px`;
      }
      view.remove();
      resolve(null);
    };
    Object.assign(window, { firstView: { end, form, choice } });
  });
  Object.assign(/** @type {any} */ (window).firstView, { ended });
})();
