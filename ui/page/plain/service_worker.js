/* global PAGE */
// Where the app cannot be reached, its pages are answered with PAGE, which stands before this text.
// Everything else goes to the app as if there were no worker, and nothing is kept.

const OWN_PAGES = /^(shared\/[^/]+)?$/; // below the worker's scope; files are saved without it

self.addEventListener("install", () => self.skipWaiting());

self.addEventListener("activate", (event) =>
  event.waitUntil(
    // The request goes out while this worker starts.
    Promise.all([self.clients.claim(), self.registration.navigationPreload?.enable()]),
  ),
);

async function answer({ preloadResponse, request }) {
  try {
    return (await preloadResponse) ?? (await fetch(request));
  } catch {
    return new Response(PAGE, {
      status: 503,
      headers: { "content-type": "text/html; charset=utf-8", "cache-control": "no-store" },
    });
  }
}

self.addEventListener("fetch", (event) => {
  const { mode, method, url } = event.request;
  if (mode !== "navigate" || method !== "GET") return;
  const path = url.split(/[?#]/)[0].slice(self.registration.scope.length);
  if (OWN_PAGES.test(path)) event.respondWith(answer(event));
});
