// @ts-check
// The page in a frame of another site, with ?embed=1: tells the site how high it is. ui/page/embedding/comfy_form.js
// makes the frame as high.

/** Return whether the page is made for such a frame. */
export const isEmbedded = () => document.documentElement.classList.contains("embedded");

let isObserved = false;

/** As soon as Gradio has drawn the columns, send their height to the site, and again whenever it changes. */
export function tellHeight() {
  const columns = document.getElementById("columns");
  if (!isEmbedded() || parent === window || isObserved || !columns) return;
  isObserved = true;
  const tell = () => {
    const height = Math.ceil(columns.getBoundingClientRect().bottom + scrollY + 16);
    parent.postMessage({ comfyForms: { height } }, "*"); // a height is no secret
  };
  new ResizeObserver(tell).observe(columns);
}
