// The list of images, and the selection.

import { loadPreview, request } from "./api.js";
import { canvas, draw, fit, tinted } from "./canvas.js";
import { $, isReady, reporting, selected, showMessage, state, style } from "./state.js";

let polling = false;
let added = false; // an image was added since the list was last requested

export async function refresh() {
  const answer = await (await request("state")).json();
  state.images = answer.pictures;
  state.mostBytes = answer.most_bytes;
  if (!$("style").options.length) {
    for (const { name, warning } of answer.styles) {
      const option = new Option(name, name);
      option.dataset.warning = warning ?? "";
      $("style").add(option);
    }
    $("promise").textContent = answer.promise ?? "";
  }
  drawList();
  if (state.current === null || !selected()) await select(state.images[0]?.id ?? null);
  else if (isReady(selected()) && !state.shown.before) await show();
}

const describe = ({ status, error, persons, frames }) => {
  if (status === "failed") return error;
  if (status === "waiting") return "searching…";
  const found = persons === 1 ? "1 area found" : `${persons} areas found`;
  return frames > 1 ? `${found}, ${frames} frames` : found;
};

function drawList() {
  $("list").replaceChildren(...state.images.map((image) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = image.status;
    button.setAttribute("aria-current", String(image.id === state.current));
    for (const [part, text] of [["name", image.name], ["status", describe(image)]]) {
      const span = document.createElement("span");
      span.className = part;
      span.textContent = text;
      button.append(span);
    }
    button.addEventListener("click", reporting(() => select(image.id)));
    const item = document.createElement("li");
    item.append(button);
    return item;
  }));
  $("download-all").disabled = !state.images.some(isReady);
}

// Refreshes the list until every image was searched.
export async function watch() {
  added = true;
  if (polling) return;
  polling = true;
  const waiting = () => state.images.some(({ status }) => status === "waiting");
  try {
    while (added || waiting()) {
      added = false;
      await refresh();
      if (waiting()) await new Promise((resolve) => setTimeout(resolve, 500));
    }
  } finally {
    polling = false;
  }
}

export async function add(files) {
  showMessage();
  const rejected = [];
  for (const file of files) {
    try {
      if (file.size > state.mostBytes) throw new Error(`is larger than ${state.mostBytes >> 20} MB`);
      await request(`pictures?name=${encodeURIComponent(file.name || "pasted.png")}`, { method: "POST", body: file });
    } catch (error) {
      rejected.push(`${file.name}: ${error.message}`);
    }
    reporting(watch)();
  }
  if (rejected.length > 5) rejected.splice(5, Infinity, `and ${rejected.length - 5} more`);
  if (rejected.length) showMessage(rejected.join(" · "));
  await watch();
}

function clearShown() {
  state.shown = {};
  state.strokes = [];
  state.undone = [];
}

export async function select(id) {
  state.current = id;
  clearShown();
  state.zoom = 1;
  drawList();
  await show();
}

export function selectNeighbour(step) {
  const place = state.images.findIndex(({ id }) => id === state.current) + step;
  if (state.images[place]) reporting(select)(state.images[place].id);
}

export async function remove() {
  const place = state.images.findIndex(({ id }) => id === state.current);
  await request(`pictures/${state.current}`, { method: "DELETE" });
  state.current = (state.images[place + 1] ?? state.images[place - 1])?.id ?? null;
  clearShown();
  await refresh();
  await show();
}

async function show() {
  const image = selected();
  const ready = isReady(image);
  $("empty").hidden = state.images.length > 0;
  $("tools").hidden = !image;
  for (const control of $("tools").querySelectorAll("button, input")) {
    control.disabled = !ready && control.id !== "remove";
  }
  canvas.hidden = !ready;
  $("facts").textContent = image ? facts(image) : "";
  drawWarning();
  drawButtons();
  if (!ready) return;
  const id = state.current;
  const [before, strokes] = await Promise.all([
    state.shown.before ?? loadPreview(`pictures/${id}/before`),
    state.shown.before ? null : request(`pictures/${id}/strokes`).then((response) => response.json()),
  ]);
  if (id !== state.current) return;
  if (strokes) state.strokes = strokes;
  state.shown.before = before;
  fit();
  await renew();
}

// Loads the mask and, in the comparison, the result, as they are after the last stroke.
export async function renew() {
  const id = state.current, revision = selected().revision;
  const mask = await loadPreview(`pictures/${id}/mask?${revision}`);
  const after = state.view === "compare"
    ? await loadPreview(`pictures/${id}/after?style=${style()}&${revision}`)
    : null;
  if (id !== state.current) return;
  state.shown.tint = tinted(mask);
  state.shown.after = after;
  draw();
  drawButtons();
}

const facts = ({ name, width, height, notes }) =>
  width ? [`${name}: ${width} × ${height}`, ...(notes ?? [])].join(" · ") : name;

export function drawButtons() {
  const ready = isReady(selected());
  for (const button of document.querySelectorAll("[data-view]")) {
    button.setAttribute("aria-pressed", String(button.dataset.view === state.view));
  }
  for (const button of document.querySelectorAll("[data-brush]")) {
    button.setAttribute("aria-pressed", String(button.dataset.brush === state.brush));
  }
  $("undo").disabled = !ready || !state.strokes.length;
  $("redo").disabled = !ready || !state.undone.length;
  $("slide").hidden = !ready || state.view !== "compare";
  canvas.style.cursor = state.view === "mask" ? "crosshair" : "ew-resize";
}

export function drawWarning() {
  const warning = $("style").selectedOptions[0]?.dataset.warning;
  $("warning").textContent = warning ?? "";
  $("warning").hidden = !warning;
}
