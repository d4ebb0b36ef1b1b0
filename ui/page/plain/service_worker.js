// @ts-check
// Answers navigation with PAGE while the app is unreachable. The server puts PAGE, its POLICY
// and LARGEST, an upload's most bytes, before this text.
// Keeps files that other apps share with the installed app until the page takes them. All other requests go to the app
// as if there were no worker. Nothing else is cached. Plugins' parts of the worker follow this text.

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));
const SHARE_TARGET = "share-target"; // as in the manifest
const SHARED = "shared"; // the cache, which form/received.js empties
const MOST_FILES = 20;
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

/**
 * Return whether a request for the share target may be the system's. A form on another site's page names its site as
 * the referrer, unless it hides it; so the page also asks the user.
 * @param {Request} request
 */
const isOfSystem = ({ referrer }) =>
  !referrer || referrer === "about:client" || new URL(referrer).origin === location.origin;

/** Keep the files of a share, and open the page. @param {Request} request */
async function keepShared(request) {
  const given = isOfSystem(request) ? (await request.formData()).getAll("file") : [];
  await caches.delete(SHARED);
  const cache = await caches.open(SHARED);
  for (const [at, file] of given.slice(0, MOST_FILES).entries())
    if (file instanceof File && file.size <= LARGEST)
      await cache.put(
        `${worker.registration.scope}${SHARED}/${at}/${encodeURIComponent(file.name)}`,
        new Response(file, {
          headers: { "content-type": file.type, date: new Date().toUTCString() },
        }),
      );
  return Response.redirect(worker.registration.scope, 303);
}

worker.addEventListener("fetch", (event) => {
  const { mode, method, url } = event.request;
  if (mode !== "navigate") return;
  const [path = ""] = url.slice(worker.registration.scope.length).split(/[?#]/);
  if (method === "POST" && path === SHARE_TARGET) event.respondWith(keepShared(event.request));
  if (method === "GET" && OWN_PAGES.test(path)) event.respondWith(answer(event.request));
});
