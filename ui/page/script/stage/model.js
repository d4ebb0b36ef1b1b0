// @ts-check
// View of a 3D model that rotates automatically or by hand. Uses the viewer of Gradio's Model3D component.

import { $, addressOf, element, isStill } from "../dom.js";
import { labeled, message } from "../messages.js";
import { read, TURNED, write } from "../storage.js";

/** @import { Item } from "../runs/results.js" */

const ORBIT = { speed: 0.3, delay: 1500 }; // radians per second; milliseconds after the user turned the model
const LOOKED_EVERY = 100; // milliseconds
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
  const moves = !isStill();
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
  fitWhileUnzoomed(canvas, () => {
    const size = details.model?.getWorldBounds()?.size;
    const aspect = canvas.clientWidth / canvas.clientHeight;
    if (size && aspect)
      shown.updateCamera({ radius: fitDistance(size, details.camera.fov, aspect) });
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
