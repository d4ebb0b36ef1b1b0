// @ts-check
// Where the app cannot be reached, its pages are answered with PAGE, which stands before this text with its POLICY.
// Everything else goes to the app as if there were no worker, and nothing is kept.

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));
const OWN_PAGES = /^(shared\/[^/]+)?$/; // below the worker's scope; files are saved without it

worker.addEventListener("install", () => worker.skipWaiting());

worker.addEventListener("activate", (event) =>
  event.waitUntil(
    // Preloading stays on where it was once turned on. It asks for each page a second time, also for those that are not
    // answered here, and what is shown once, as a new token, was never seen.
    Promise.all([worker.clients.claim(), worker.registration.navigationPreload?.disable()]),
  ),
);

/** @param {Request} request */
async function answer(request) {
  try {
    return await fetch(request);
  } catch {
    return new Response(PAGE, {
      status: 503,
      headers: {
        "content-type": "text/html; charset=utf-8",
        "cache-control": "no-store",
        "content-security-policy": POLICY,
      },
    });
  }
}

worker.addEventListener("fetch", (event) => {
  const { mode, method, url } = event.request;
  if (mode !== "navigate" || method !== "GET") return;
  const [path = ""] = url.slice(worker.registration.scope.length).split(/[?#]/);
  if (OWN_PAGES.test(path)) event.respondWith(answer(event.request));
});
