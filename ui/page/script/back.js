// @ts-check
// Where the browser's Back leads: out of what covers the window, else to the form before this one.

const COVERED = { covered: true };

/**
 * What covers the window has an entry of its own in the tab's history, the last one. `leave`: how it is closed.
 * `isTakenBack`: that entry is on its way out. `address`: what the entry below is to have since then.
 * @type {{ leave: (() => void) | null, isTakenBack: boolean, address: string }}
 */
const cover = { leave: null, isTakenBack: false, address: "" };

/**
 * Show another address of this page, to which Back leads from the next one.
 * @param {string} address
 */
export function goTo(address) {
  if (cover.leave) history.replaceState({}, "", address);
  else history.pushState({}, "", address);
  cover.leave = null;
}

/**
 * The same place has another address now.
 * @param {string} address
 */
export function correctAddress(address) {
  history.replaceState(history.state, "", address);
  if (cover.leave) cover.address = address;
}

/**
 * The window is covered: Back closes that.
 * @param {() => void} leave
 */
export function coverWindow(leave) {
  cover.leave = leave;
  history.scrollRestoration = "manual"; // what is shown when it is left stays in view
  if (!cover.isTakenBack && !history.state?.covered) history.pushState(COVERED, "");
}

/** The window is covered no longer: its entry goes, unless Back has taken it already. */
export function uncoverWindow() {
  if (!cover.leave) return;
  cover.leave = null;
  cover.isTakenBack = true;
  history.back();
}

/**
 * The tab has gone back or ahead in its history.
 * @param {PopStateEvent} event
 * @returns {boolean} whether that was about what covers the window, and not to another form
 */
export function uncovered(event) {
  const { leave, isTakenBack, address } = cover;
  if (!leave && !isTakenBack && !event.state?.covered) return false;
  cover.isTakenBack = false;
  cover.address = "";
  if (address) history.replaceState(history.state, "", address);
  if (leave && isTakenBack)
    history.pushState(COVERED, ""); // covered again in the meantime
  else if (leave) {
    cover.leave = null;
    leave();
  }
  requestAnimationFrame(() => {
    if (!cover.leave) history.scrollRestoration = "auto";
  });
  return true;
}
