// @ts-check
// Lets the user close a notice until another replaces it, and shows changes of the administrator's at once. The app's
// own page uses the same keys (storage.js).

{
  const AGAIN = 5000; // ms; then up to twice as much, because all pages lose an app that restarts
  const REFUSED = 4000; // close codes of the app, which a new socket would get, too
  const place = /** @type {HTMLElement} */ (document.currentScript?.parentElement);
  const key = `comfyforms.${place.dataset.key}`;
  const [words, close] = /** @type {[HTMLElement, HTMLElement]} */ ([...place.children]);
  let isClosed = (/** @type {string} */ _) => false;
  const follow = () => {
    const { href } = new URL(place.dataset.news ?? "", document.baseURI);
    const socket = new WebSocket(href.replace(/^http/, "ws"));
    socket.onmessage = ({ data }) => show(JSON.parse(data));
    socket.onclose = ({ code }) => {
      if (code < REFUSED) setTimeout(follow, AGAIN * (1 + Math.random()));
    };
  };
  /** @param {{ id: string, text: string } | null} notice */
  const show = (notice) => {
    const { id = "", text = "" } = notice ?? {};
    if (place.dataset.id === id) return;
    place.dataset.id = id;
    words.textContent = text;
    place.hidden = !text || isClosed(id);
    (document.querySelector("dialog:modal") ?? document.body).prepend(place);
  };
  const home = () => {
    if (place.parentElement !== document.body) document.body.prepend(place);
  };
  close.hidden = false;
  close.addEventListener("click", () => {
    place.hidden = true;
    try {
      localStorage.setItem(key, JSON.stringify(place.dataset.id));
    } catch {
      // the choice lasts as long as the page
    }
  });
  try {
    isClosed = (id) => localStorage.getItem(key) === JSON.stringify(id);
    place.hidden ||= isClosed(place.dataset.id ?? "");
  } catch {
    // the browser allows no storage
  }
  if (place.dataset.news) {
    follow();
    document.addEventListener("close", home, true); // of a dialog, whose content may go
  }
}
