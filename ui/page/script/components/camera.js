// @ts-check
// Dialog that takes a photo with the camera.

import { button, element } from "../dom.js";
import { message } from "../messages.js";

/** Return whether the browser lets the page use cameras: only over HTTPS and on localhost. */
export const mayUseCamera = () => Boolean(navigator.mediaDevices?.getUserMedia);

/**
 * Let the user take a photo. Rejects if no camera can be used.
 * @returns {Promise<File | null>} null if the user cancels
 */
export async function takePhoto() {
  const stream = await navigator.mediaDevices.getUserMedia({
    video: { facingMode: "environment", width: { ideal: 1920 }, height: { ideal: 1080 } },
  });
  const dialog = element("dialog", "camera");
  dialog.ariaLabel = message("Take photo");
  const video = element("video");
  Object.assign(video, { srcObject: stream, muted: true, playsInline: true, autoplay: true });
  const tools = element("div", "tools");
  dialog.append(video, tools);
  document.body.append(dialog);
  dialog.showModal();
  const isTaken = await new Promise((done) => {
    const take = button(message("Take photo"), () => done(true), "button primary");
    take.disabled = true;
    video.addEventListener("playing", () => {
      take.disabled = false;
      take.focus();
    });
    tools.append(
      take,
      button(message("Cancel"), () => done(false)),
    );
    dialog.addEventListener("close", () => done(false));
  });
  const photo = isTaken ? await photoOf(video) : null;
  for (const track of stream.getTracks()) track.stop();
  dialog.remove();
  return photo;
}

/** @param {HTMLVideoElement} video */
async function photoOf(video) {
  const canvas = element("canvas");
  Object.assign(canvas, { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d")?.drawImage(video, 0, 0);
  const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.95));
  return new File([/** @type {Blob} */ (blob)], "photo.jpg", { type: "image/jpeg" });
}
