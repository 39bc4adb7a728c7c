// Painting strokes. They are stored here in px of the whole image, and sent whole after each change.

import { request } from "./api.js";
import { canvas, draw, moveSlider, positionOf } from "./canvas.js";
import { drawButtons, renew } from "./gallery.js";
import { $, reporting, selected, state } from "./state.js";

let sending = Promise.resolve();

export const strokesAreSent = () => sending.catch(() => {});

canvas.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  canvas.setPointerCapture(event.pointerId);
  if (state.view === "compare") return moveSlider(event);
  const scale = selected().width / canvas.getBoundingClientRect().width;
  state.stroke = {
    erases: state.brush === "erase",
    radius: Number($("radius").value) * scale / 2,
    points: [positionOf(event)],
  };
  draw();
});
canvas.addEventListener("pointermove", (event) => {
  if (state.view === "compare" && event.buttons & 1) return moveSlider(event);
  if (!state.stroke) return;
  for (const one of event.getCoalescedEvents?.() ?? [event]) state.stroke.points.push(positionOf(one));
  draw();
});
canvas.addEventListener("pointerup", reporting(async () => {
  if (!state.stroke) return;
  state.strokes.push(state.stroke);
  state.stroke = null;
  state.undone = [];
  await send();
}));
canvas.addEventListener("pointercancel", () => {
  state.stroke = null;
  draw();
});

// Requests are sent one after another, so that the server keeps the last one.
function send() {
  const id = state.current, body = JSON.stringify(state.strokes);
  drawButtons();
  sending = strokesAreSent().then(async () => {
    const response = await request(`pictures/${id}/strokes`, { method: "PUT", body });
    const updated = await response.json();
    state.images = state.images.map((image) => (image.id === id ? updated : image));
    if (id === state.current) await renew();
  });
  return sending;
}

export const undo = reporting(async () => {
  if (!state.strokes.length) return;
  state.undone.push(state.strokes.pop());
  await send();
});
export const redo = reporting(async () => {
  if (!state.undone.length) return;
  state.strokes.push(state.undone.pop());
  await send();
});
