// @ts-check
// View of a 3D model that rotates automatically or by hand, and still images of models. Uses the viewer of Gradio's
// Model3D component.

import { $, addressOf, element, isStill } from "../dom.js";
import { labeled, message } from "../messages.js";
import { read, TURNED, write } from "../storage.js";

import { keepStill, stillOf } from "./stills.js";

/** @import { Item } from "../runs/results.js" */

const ORBIT = { speed: 0.3, delay: 1500 }; // radians per second; milliseconds after the user turned the model
const LOOKED_EVERY = 100; // milliseconds
/** The viewer only draws in a visible canvas of the window. */
const UNSEEN = {
  position: "fixed",
  inset: "0 auto auto 0",
  width: "512px",
  height: "512px",
  opacity: "0",
  pointerEvents: "none",
};
const MARGIN = 1.05; // room around a model that fits

/**
 * Show a model in an element. Resolves once the model is visible.
 * @param {HTMLElement} place
 * @param {Item} item
 * @param {string} viewer the address of the viewer's module, or ""
 * @throws if the browser has no WebGL, or the viewer can't read the file
 */
export async function showModel(place, item, viewer) {
  const canvas = element("canvas");
  canvas.ariaLabel = labeled(message("3D model"), item.name);
  canvas.role = "img";
  place.append(canvas);
  const { shown, details } = await viewerOn(canvas, viewer, !isStill());
  const isPreparing = () =>
    details.scene.textures.some((/** @type {any} */ one) => !one.isReady() && !one.loadingError);
  // Wait until the scene is ready: textures that are still loading need it when they finish, and throw without it.
  const dispose = () =>
    details.scene.executeWhenReady(() => {
      if (isPreparing()) setTimeout(dispose, LOOKED_EVERY);
      else shown.dispose();
    });
  try {
    await shown.loadModel(addressOf(item.url), { pluginExtension: extensionOf(item.name) });
  } catch (problem) {
    dispose();
    throw problem;
  }
  const onPage = new Promise((done) => {
    fitWhileUnzoomed(canvas, () => {
      const size = details.model?.getWorldBounds()?.size;
      const aspect = canvas.clientWidth / canvas.clientHeight;
      if (size && aspect)
        shown.updateCamera({ radius: fitDistance(size, details.camera.fov, aspect) });
      if (aspect) done(null);
    });
  });
  details.scene.executeWhenReady(async () => {
    await onPage; // a small model is ready before the stage shows it
    const image = canvas.isConnected && (await pictureOf(canvas, details.scene));
    if (image) keepStill(item.url, image);
  });
  place.append(...hintFor(canvas));
  if ($("#demo")) place.append(element("p", "mark", message("Demo")));
  let wasThere = false;
  details.scene.onBeforeRenderObservable.add(() => {
    // Dispose after this frame, which still needs the scene.
    if (wasThere && !canvas.isConnected) queueMicrotask(dispose);
    wasThere = canvas.isConnected;
  });
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {string} viewer the address of the viewer's module
 * @param {boolean} moves whether the model turns by itself
 * @returns {Promise<{ shown: any, details: any }>} the viewer, and its inner objects
 */
async function viewerOn(canvas, viewer, moves) {
  const { CreateViewerForCanvas: create } = await import(addressOf(viewer));
  /** @type {any} */
  let details;
  const shown = await create(canvas, {
    engine: "WebGL",
    clearColor: [0, 0, 0, 0],
    useRightHandedSystem: true,
    animationAutoPlay: moves,
    cameraAutoOrbit: { enabled: moves, ...ORBIT },
    onInitialized: (/** @type {any} */ inner) => {
      details = inner;
    },
  });
  canvas.tabIndex = 0; // the viewer sets a positive value, which puts the canvas first in the tab order
  return { shown, details };
}

/**
 * Draw a still image of each model, one after another, with one viewer. Images are cached in the browser, where a list
 * finds them without loading the model. A model that can't be drawn is left out.
 * @param {readonly { item: Item, show: (image: string) => void }[]} models
 * @param {string} viewer the address of the viewer's module, or ""
 */
export async function drawStills(models, viewer) {
  const missing = [];
  for (const one of models) {
    const known = await stillOf(one.item.url);
    if (known) one.show(known);
    else missing.push(one);
  }
  if (!missing.length || !viewer) return;
  const canvas = document.body.appendChild(element("canvas"));
  Object.assign(canvas.style, UNSEEN);
  canvas.inert = true;
  const { shown, details } = await viewerOn(canvas, viewer, false);
  try {
    for (const { item, show } of missing) {
      const image = await drawn(item).catch(() => null);
      if (!image) continue;
      show(await keepStill(item.url, image));
    }
  } finally {
    shown.dispose();
    canvas.remove();
  }

  /** @param {Item} item @returns {Promise<Blob | null>} */
  async function drawn({ url, name }) {
    await shown.loadModel(addressOf(url), { pluginExtension: extensionOf(name) });
    const { camera, model, scene } = details;
    await new Promise((done) => scene.executeWhenReady(done));
    camera.radius = fitDistance(model.getWorldBounds().size, camera.fov, 1);
    return pictureOf(canvas, scene);
  }
}

/** @param {HTMLCanvasElement} canvas @param {any} scene @returns {Promise<Blob | null>} */
function pictureOf(canvas, scene) {
  scene.render();
  return new Promise((done) => canvas.toBlob(done)); // before the next frame, which would clear it
}

/** @param {string} name */
const extensionOf = (name) => name.slice(name.lastIndexOf(".")).toLowerCase();

/**
 * Return the distance at which a camera sees a whole model, from any side. It is measured from the model's center.
 * @param {readonly number[]} size of the model's bounding box
 * @param {number} fov the camera's vertical field of view, in radians
 * @param {number} aspect width of the view relative to its height
 */
export function fitDistance(size, fov, aspect) {
  const across = Math.atan(Math.tan(fov / 2) * aspect);
  return (MARGIN * Math.hypot(...size)) / 2 / Math.sin(Math.min(fov / 2, across));
}

/**
 * Fit the model now and whenever the canvas changes its size, until the user zooms.
 * @param {HTMLCanvasElement} canvas
 * @param {() => void} fit
 */
function fitWhileUnzoomed(canvas, fit) {
  const observer = new ResizeObserver(fit);
  observer.observe(canvas);
  const stop = () => observer.disconnect();
  canvas.addEventListener("wheel", stop, { once: true, passive: true });
  canvas.addEventListener("pointerdown", ({ isPrimary }) => isPrimary || stop());
}

/**
 * Return a hint for users who haven't turned a model yet. It disappears as soon as they do.
 * @param {HTMLCanvasElement} canvas
 */
function hintFor(canvas) {
  if (read(localStorage, TURNED, false)) return [];
  const hint = element("p", "turn-hint", message("Drag to turn"));
  const turned = () => {
    write(localStorage, TURNED, true);
    hint.remove();
  };
  for (const kind of ["pointerdown", "keydown"])
    canvas.addEventListener(kind, turned, { once: true });
  return [hint];
}
