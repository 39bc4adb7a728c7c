// The page: buttons, keys, dropping and pasting. The server makes all previews and files.

import { download } from "./api.js";
import { redo, strokesAreSent, undo } from "./brush.js";
import { draw, fit } from "./canvas.js";
import { add, drawButtons, drawWarning, remove, renew, selectNeighbour, watch } from "./gallery.js";
import { $, isReady, reporting, selected, state, style } from "./state.js";

function setView(view) {
  state.view = view;
  drawButtons();
  draw();
  if (view === "compare") return reporting(renew)();
}
function setBrush(brush) {
  state.brush = brush;
  if (state.view !== "mask") setView("mask");
  drawButtons();
}
function zoomBy(factor) {
  state.zoom = factor ? Math.min(16, Math.max(1, state.zoom * factor)) : 1;
  if (state.shown.before) fit();
}

// Saves a file once the server has all strokes.
const save = (path) => reporting(async () => {
  await strokesAreSent();
  await download(path());
});

for (const id of ["open", "choose"]) $(id).addEventListener("click", () => $("files").click());
$("files").addEventListener("change", reporting(async () => {
  const files = [...$("files").files];
  $("files").value = "";
  await add(files);
}));
$("style").addEventListener("change", reporting(async () => {
  drawWarning();
  if (isReady(selected())) await renew();
}));
$("download").addEventListener("click", save(() => `pictures/${state.current}/download?style=${style()}`));
$("download-all").addEventListener("click", save(() =>
  `download?style=${style()}${$("numbered").checked ? "&names=numbered" : ""}`));
$("remove").addEventListener("click", reporting(remove));
$("undo").addEventListener("click", undo);
$("redo").addEventListener("click", redo);
$("position").addEventListener("input", draw);
$("smaller").addEventListener("click", () => zoomBy(1 / 1.5));
$("fit").addEventListener("click", () => zoomBy(0));
$("larger").addEventListener("click", () => zoomBy(1.5));
for (const button of document.querySelectorAll("[data-view]")) {
  button.addEventListener("click", () => setView(button.dataset.view));
}
for (const button of document.querySelectorAll("[data-brush]")) {
  button.addEventListener("click", () => setBrush(button.dataset.brush));
}

const keys = {
  b: () => setBrush("add"), e: () => setBrush("erase"), m: () => setView("mask"), c: () => setView("compare"),
  "[": () => $("radius").stepDown(5), "]": () => $("radius").stepUp(5),
  "+": () => zoomBy(1.5), "-": () => zoomBy(1 / 1.5), 0: () => zoomBy(0),
  ArrowDown: () => selectNeighbour(1), ArrowUp: () => selectNeighbour(-1),
};
document.addEventListener("keydown", (event) => {
  if (/^(INPUT|SELECT)$/.test(event.target.tagName) && event.target.type !== "checkbox") return;
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") {
    event.preventDefault();
    (event.shiftKey ? redo : undo)();
  } else if (!event.ctrlKey && !event.metaKey && !event.altKey && keys[event.key] && isReady(selected())) {
    event.preventDefault();
    keys[event.key]();
  }
});

document.addEventListener("dragover", (event) => {
  event.preventDefault();
  $("stage").classList.add("over");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) $("stage").classList.remove("over");
});
document.addEventListener("drop", reporting(async (event) => {
  event.preventDefault();
  $("stage").classList.remove("over");
  await add([...event.dataTransfer.files]);
}));
document.addEventListener("paste", reporting(async (event) => {
  if (event.clipboardData.files.length) await add([...event.clipboardData.files]);
}));
addEventListener("resize", () => state.shown.before && fit());
addEventListener("beforeunload", (event) => {
  if (state.images.length) event.preventDefault();
});

await reporting(watch)();
