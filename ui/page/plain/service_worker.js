// @ts-check
// Answers navigation with PAGE while the app is unreachable. The server puts PAGE and its POLICY before this text.
// All other requests go to the app as if there were no worker. Nothing is cached.

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));
const OWN_PAGES = /^(shared\/[^/]+)?$/; // below the worker's scope; downloads bypass the worker

worker.addEventListener("install", () => worker.skipWaiting());

worker.addEventListener("activate", (event) =>
  event.waitUntil(
    // Browsers keep navigation preload on once it was enabled. It requests each page twice, also pages that the worker
    // doesn't answer, so a page that is shown only once, such as a new token, would be lost.
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
