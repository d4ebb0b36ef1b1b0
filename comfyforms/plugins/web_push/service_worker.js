// @ts-check
// Part of the app's service worker: shows the messages that the app sends while no page is open.

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
