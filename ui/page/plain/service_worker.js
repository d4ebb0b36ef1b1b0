// @ts-check
// Answers navigation with PAGE while the app is unreachable. The server puts PAGE and its POLICY before this text.
// Keeps files that other apps share with the installed app until the page takes them. All other requests go to the app
// as if there were no worker. Nothing else is cached. Shows the messages that the app sends while no page is open.

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

/** Keep the files of a share, and open the page. @param {Request} request */
async function keepShared(request) {
  const given = (await request.formData()).getAll("file").slice(0, MOST_FILES);
  const cache = await caches.open(SHARED);
  for (const [at, file] of given.entries())
    if (file instanceof File)
      await cache.put(
        `${worker.registration.scope}${SHARED}/${at}/${encodeURIComponent(file.name)}`,
        new Response(file, { headers: { "content-type": file.type } }),
      );
  return Response.redirect(worker.registration.scope, 303);
}

worker.addEventListener("push", (event) => {
  const { title, body, tag } = event.data?.json() ?? {};
  event.waitUntil(worker.registration.showNotification(title, { body, tag }));
});

/** Show an open page, or open one. */
async function showPage() {
  const [open] = await worker.clients.matchAll({ type: "window" });
  await (open ? open.focus() : worker.clients.openWindow(worker.registration.scope));
}

worker.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(showPage());
});

worker.addEventListener("fetch", (event) => {
  const { mode, method, url } = event.request;
  if (mode !== "navigate") return;
  const [path = ""] = url.slice(worker.registration.scope.length).split(/[?#]/);
  if (method === "POST" && path === SHARE_TARGET) event.respondWith(keepShared(event.request));
  if (method === "GET" && OWN_PAGES.test(path)) event.respondWith(answer(event.request));
});
