// @ts-check
// Browser history of the page: Back closes a sheet or dialog, otherwise it returns to the previous form.

/** Event that a menu sends when a result is used. Overlays that cover the form close then. */
export const USED = "comfyforms-used";
const COVERED = { covered: true };

/**
 * State of a sheet or dialog over the page. It has its own entry at the end of the tab's history. `leave` closes it.
 * `isTakenBack`: the entry is being removed. `own`: its address. `address`: the entry below gets this address once the
 * cover is gone.
 * @type {{ leave: (() => void) | null, isTakenBack: boolean, own: string, address: string }}
 */
const cover = { leave: null, isTakenBack: false, own: "", address: "" };

/**
 * Add an address of this page to the tab's history. It replaces the entry of a sheet or dialog.
 * @param {string} address
 */
export function goTo(address) {
  if (cover.leave) history.replaceState({}, "", address);
  else history.pushState({}, "", address);
  cover.leave = null;
}

/**
 * Replace the address of the current form.
 * @param {string} address
 */
export function correctAddress(address) {
  history.replaceState(history.state, "", address);
  if (cover.leave) cover.address = address;
}

/**
 * Add a history entry for something that covers the window, so that Back closes it.
 * @param {() => void} leave closes it
 * @param {string} [own] its address
 */
export function coverWindow(leave, own = location.href) {
  Object.assign(cover, { leave, own });
  history.scrollRestoration = "manual"; // Back must not change the scroll position
  if (cover.isTakenBack) return;
  if (history.state?.covered) history.replaceState(COVERED, "", own);
  else history.pushState(COVERED, "", own);
}

/** Remove the cover's history entry, unless Back has already done so. */
export function uncoverWindow() {
  if (!cover.leave) return;
  cover.leave = null;
  cover.isTakenBack = true;
  history.back();
}

/**
 * Handle a move in the tab's history.
 * @param {PopStateEvent} event
 * @returns {boolean} whether it was for the cover; false if it leads to another form
 */
export function uncovered(event) {
  const { leave, isTakenBack, address } = cover;
  if (!leave && !isTakenBack && !event.state?.covered) return false;
  cover.isTakenBack = false;
  cover.address = "";
  if (address) history.replaceState(history.state, "", address);
  if (leave && isTakenBack)
    history.pushState(COVERED, "", cover.own); // covered again in the meantime
  else if (leave) {
    cover.leave = null;
    leave();
  }
  requestAnimationFrame(() => {
    if (!cover.leave) history.scrollRestoration = "auto";
  });
  return true;
}
