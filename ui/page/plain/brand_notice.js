// @ts-check
// Lets the user close the brand's notice until its text changes. The app's own page uses the same key (storage.js).

{
  const KEY = "comfyforms.closed_brand_notice";
  const place = /** @type {HTMLElement} */ (document.querySelector(".brand-notice"));
  const close = /** @type {HTMLElement} */ (place.querySelector("button"));
  const text = JSON.stringify(place.firstElementChild?.textContent);
  close.hidden = false;
  close.addEventListener("click", () => {
    place.hidden = true;
    try {
      localStorage.setItem(KEY, text);
    } catch {
      // the choice lasts as long as the page
    }
  });
  try {
    place.hidden = localStorage.getItem(KEY) === text;
  } catch {
    // the browser allows no storage
  }
}
