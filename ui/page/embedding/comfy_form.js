// @ts-check
// For other sites: <script src="https://forms.example/embed.js"></script><comfy-form workflow="upscale"></comfy-form>
// shows a form in a frame that is as high as the form. `src`: address of ComfyForms, by default the script's.

(() => {
  const script = /** @type {HTMLScriptElement} */ (document.currentScript);
  const HEIGHT = 640; // pixels until the form tells its own

  class ComfyForm extends HTMLElement {
    #gone = new AbortController();

    disconnectedCallback() {
      this.#gone.abort();
    }

    connectedCallback() {
      this.#gone = new AbortController();
      const { signal } = this.#gone;
      const address = new URL(this.getAttribute("src") ?? ".", script.src);
      const workflow = this.getAttribute("workflow");
      if (workflow) address.searchParams.set("workflow", workflow);
      address.searchParams.set("embed", "1");
      const frame = document.createElement("iframe");
      frame.src = address.href;
      frame.title = this.title || "ComfyForms";
      frame.allow = "clipboard-write; fullscreen";
      frame.style.cssText = `display: block; width: 100%; height: ${HEIGHT}px; border: 0`;
      this.replaceChildren(frame);
      const resize = (/** @type {MessageEvent} */ { source, origin, data }) => {
        const height = data?.comfyForms?.height;
        if (source === frame.contentWindow && origin === address.origin && height > 0)
          frame.style.height = `${height}px`;
      };
      addEventListener("message", resize, { signal });
    }
  }

  customElements.define("comfy-form", ComfyForm);
})();
