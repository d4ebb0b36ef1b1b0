// @ts-check
// Lets the user close a notice until another replaces it. The app's own page uses the same keys (storage.js).

{
  const place = /** @type {HTMLElement} */ (document.currentScript?.parentElement);
  const key = `comfyforms.${place.dataset.key}`;
  const close = /** @type {HTMLElement} */ (place.querySelector("button"));
  const id = JSON.stringify(place.dataset.id);
  close.hidden = false;
  close.addEventListener("click", () => {
    place.hidden = true;
    try {
      localStorage.setItem(key, id);
    } catch {
      // the choice lasts as long as the page
    }
  });
  try {
    place.hidden = localStorage.getItem(key) === id;
  } catch {
    // the browser allows no storage
  }
}
