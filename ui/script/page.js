// The page as a whole: light and dark, keys, buttons; and what Python may call.

const SHADE = "comfyforms.shade";
const thumbnails = () => [...document.querySelectorAll("#gallery .thumbnail-item")];

  function shade(dark = !document.body.classList.contains("dark")) {
    document.body.classList.toggle("dark", dark);
    write(localStorage, SHADE, dark);
  }

  function shadeAsChosen() {
    const dark = read(localStorage, SHADE, null);
    if (dark !== null) shade(dark);
  }

  function retryLater() {
    setTimeout(() => { if ($("#no-form")) location.reload(); }, 5000);
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      $("#generate")?.click();
    } else if ((event.key === "ArrowRight" || event.key === "ArrowLeft") && event.target.closest?.("#gallery")) {
      const items = thumbnails();
      const next = items[items.indexOf(event.target.closest(".thumbnail-item")) + (event.key === "ArrowRight" ? 1 : -1)];
      next?.focus();
      next?.click();
    }
  });
  // In the capture phase: what a press clears is cleared before Gradio asks the server.
  document.addEventListener("click", (event) => {
    const { target } = event;
    if (target.closest?.("#generate")) { if (waitsForForm()) event.stopImmediatePropagation(); else pressed(); }
    else if (target.closest?.("#gallery .thumbnail-item")) pick(thumbnails().indexOf(target.closest(".thumbnail-item")));
    else if (target.closest?.("#stop")) stop();
  }, true);
  // A seed that is typed or pasted is wanted. Gradio's own input event tells of key presses only, not of a paste.
  document.addEventListener("input", ({ target }) => {
    if (!target.matches?.(".seed textarea, .seed input[type=text]") || !target.value) return;
  const mode = (value) => $(`.seed-mode input[value="${value}"]`, target.closest(".seed"));
  if (mode("random")?.checked) mode("fixed").click();
  });
  window.addEventListener("popstate", () => location.reload());

window.comfyforms = {
  open, go, grow, keep, copyLink, shape, mount, shade, retryLater, keepWorkflow, chooseWorkflow, toShow, keepRunning,
  mountPast, mountLogin, drawn, redraw: () => redraw(),
};
