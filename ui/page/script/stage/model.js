// @ts-check
// A 3D model that turns by itself and can be turned, with the viewer that Gradio's own component for models has.

import { addressOf, element, isStill } from "../dom.js";
import { labeled, message } from "../messages.js";
import { page } from "../state.js";

/** @import { Item } from "../runs/results.js" */

const ORBIT = { speed: 0.3, delay: 1500 }; // radians a second; milliseconds after it was turned by hand
const LOOKED_EVERY = 100; // milliseconds

/**
 * Load what shows models while the first run goes on that makes some: its result is seen as soon as it is there.
 * @param {string} viewer the address of its module, "" where there is none
 */
export function loadAhead(viewer) {
  let isLoaded = !viewer;
  page.subscribe(({ makes, sending, order }) => {
    if (isLoaded || !(sending || order.length) || makes !== "3d") return;
    isLoaded = true;
    import(addressOf(viewer)).catch(() => {}); // which is said of the result
  });
}

/**
 * Fill a place with a model; done when the model can be seen.
 * @param {HTMLElement} place
 * @param {Item} item
 * @param {string} viewer the address of the viewer's module, "" where there is none
 * @throws where this browser has no WebGL, or the viewer cannot read the file
 */
export async function showModel(place, item, viewer) {
  const canvas = element("canvas");
  canvas.ariaLabel = labeled(message("3D model"), item.name);
  canvas.role = "img";
  place.append(canvas);
  const moves = !isStill();
  const { CreateViewerForCanvas: create } = await import(addressOf(viewer));
  /** @type {any} */
  let scene;
  const shown = await create(canvas, {
    engine: "WebGL",
    clearColor: [0, 0, 0, 0],
    useRightHandedSystem: true,
    animationAutoPlay: moves,
    cameraAutoOrbit: { enabled: moves, ...ORBIT },
    onInitialized: (/** @type {any} */ inner) => {
      scene = inner.scene;
    },
  });
  canvas.tabIndex = 0; // the viewer puts it before everything else on the page
  const isPreparing = () =>
    scene.textures.some((/** @type {any} */ one) => !one.isReady() && !one.loadingError);
  // Sooner it would fail loudly: what is being loaded or prepared needs the scene at its end.
  const dispose = () =>
    scene.executeWhenReady(() => {
      if (isPreparing()) setTimeout(dispose, LOOKED_EVERY);
      else shown.dispose();
    });
  try {
    await shown.loadModel(addressOf(item.url), { pluginExtension: extensionOf(item.name) });
  } catch (problem) {
    dispose();
    throw problem;
  }
  let wasThere = false;
  scene.onBeforeRenderObservable.add(() => {
    // After this frame, which needs what would be gone.
    if (wasThere && !canvas.isConnected) queueMicrotask(dispose);
    wasThere = canvas.isConnected;
  });
}

/** @param {string} name */
const extensionOf = (name) => name.slice(name.lastIndexOf(".")).toLowerCase();
