// Draws the selected image: the preview with the mask, or before and after side by side.

import { $, selected, state } from "./state.js";

export const canvas = $("canvas");
const context = canvas.getContext("2d");

// Turns a mask into an image that is pink where the mask is white, and transparent elsewhere.
export function tinted(mask) {
  const sheet = new OffscreenCanvas(mask.width, mask.height);
  const ink = sheet.getContext("2d");
  ink.drawImage(mask, 0, 0);
  const data = ink.getImageData(0, 0, sheet.width, sheet.height);
  for (let at = 0; at < data.data.length; at += 4) {
    const covered = data.data[at];
    data.data.set([255, 0, 110, covered * 0.6], at);
  }
  ink.putImageData(data, 0, 0);
  return sheet;
}

export function fit() {
  const { before } = state.shown;
  const space = $("stage").getBoundingClientRect();
  const scale = Math.min((space.width - 20) / before.width, (space.height - 20) / before.height) * state.zoom;
  canvas.width = before.width;
  canvas.height = before.height;
  canvas.style.width = `${before.width * scale}px`;
  canvas.style.height = `${before.height * scale}px`;
  draw();
}

export function draw() {
  const { before, tint } = state.shown;
  if (!before) return;
  context.drawImage(before, 0, 0);
  if (state.view === "compare") return drawComparison();
  if (tint) context.drawImage(tint, 0, 0);
  if (state.stroke) drawStroke(state.stroke);
}

function drawComparison() {
  const { after } = state.shown;
  const from = (canvas.width * $("position").value) / 100;
  const size = [canvas.width - from, canvas.height];
  if (after) context.drawImage(after, from, 0, ...size, from, 0, ...size);
  context.fillStyle = "#fff";
  context.fillRect(from - 1, 0, 2, canvas.height);
}

function drawStroke({ erases, radius, points }) {
  const ratio = selected().width / canvas.width; // px of the image for each px of the preview
  context.lineCap = context.lineJoin = "round";
  context.lineWidth = 2 * radius / ratio;
  context.strokeStyle = erases ? "#ffffff99" : "#ff006e99";
  context.beginPath();
  for (const [x, y] of points) context.lineTo(x / ratio, y / ratio);
  if (points.length === 1) context.lineTo(points[0][0] / ratio + 0.01, points[0][1] / ratio);
  context.stroke();
}

// Where a pointer event is, in px of the whole image.
export function positionOf(event) {
  const box = canvas.getBoundingClientRect();
  const { width, height } = selected();
  return [((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height];
}

export function moveSlider(event) {
  $("position").value = (positionOf(event)[0] / selected().width) * 100;
  draw();
}
