// @ts-check
// The socket of a run: delivers its progress, and its frames one after another as they are painted.

import { root } from "../dom.js";
import { inTurn } from "../in_turn.js";

/** @import { View } from "../state.js" */
/** @import { Place } from "../stage/preview_animation.js" */

const LAST_PAINT = 300; // milliseconds that the end of a run waits for its last frame
const LONGEST = 600000; // milliseconds, the longest transfer time reported for a frame

/**
 * `heard`: a message arrived. `began`: the awaited run has begun, with this id. `told`: the run's progress; its end
 * comes after the last frame. `paint`: paint a frame, in an animation at its position. `closed`: the socket closed;
 * `isOver`: the run's end was delivered before.
 * @typedef {{ opened?: () => void, heard?: () => void, began?: (id: string) => void, told: (view: View) => void,
 *   paint: (frame: ArrayBuffer, place: Place | null) => Promise<unknown>,
 *   closed?: (code: number, isOver: boolean) => void }} RunEvents
 */

/**
 * Open the socket of a run.
 * @param {string} place a run's id, or `next/` and a key that this page chose for the next run it starts
 * @param {RunEvents} events
 */
export function openRunSocket(place, { opened, heard, began, told, paint, closed }) {
  const socket = new WebSocket(`${root.replace(/^http/, "ws")}/live/${place}`);
  socket.binaryType = "arraybuffer";
  /** The announced frame, and when it was announced. */
  let coming = { number: 0, since: 0, place: /** @type {Place | null} */ (null) };
  let newest = 0;
  /** Queue that paints frames one after another. @type {Promise<void>} */
  let painting = Promise.resolve();
  /** Pending delivery of the run's end. @type {Promise<void> | null} */
  let ending = null;
  /**
   * Deliver the end after the last frame is painted. Wait only briefly, because a hidden page paints nothing.
   * @param {View} view
   */
  const end = (view) => {
    const late = new Promise((resolve) => setTimeout(resolve, LAST_PAINT));
    return inTurn(Promise.race([painting, late]), () => told(view));
  };
  socket.onopen = () => opened?.();
  socket.onmessage = ({ data }) => {
    heard?.();
    if (typeof data === "string") {
      const said = JSON.parse(data);
      const since = performance.now();
      if ("frame" in said)
        coming = { number: said.frame, since, place: "at" in said ? said : null };
      else if ("run" in said) began?.(said.run);
      else if (said.finished) ending = end(said);
      else told(said);
      return;
    }
    const { number, since, place } = coming;
    newest = number;
    const spent = Math.min(LONGEST, Math.round(performance.now() - since));
    painting = inTurn(painting, async () => {
      // Skip a frame if a newer one is already here. An animation needs every frame.
      if (number === newest || place) await paint(data, place);
      if (socket.readyState === WebSocket.OPEN) socket.send(`painted ${number} ${spent}`);
    });
  };
  socket.onclose = async ({ code }) => {
    await ending;
    closed?.(code, ending !== null);
  };
  return socket;
}
