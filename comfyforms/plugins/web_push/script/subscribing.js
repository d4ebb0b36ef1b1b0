// @ts-check
// This browser's subscription to messages that the app sends by Web Push. The service worker shows them.

import { json, request } from "page/requests.js";

/**
 * Subscribe this browser, and tell the app, which forgets subscriptions when it restarts; or end the subscription.
 * @param {boolean} wish
 * @param {DOMStringMap} data `key`: the app's public key
 */
export async function notify(wish, { key = "" }) {
  try {
    const { pushManager } = await navigator.serviceWorker.ready;
    const options = { userVisibleOnly: true, applicationServerKey: key };
    if (!wish) await (await pushManager.getSubscription())?.unsubscribe();
    else await request("/push-subscription", json(await pushManager.subscribe(options)));
  } catch {
    // The browser has no push service, or none that it reaches. An open page still shows notifications.
  }
}
