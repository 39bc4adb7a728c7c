// The page. It knows pictures by their number; what is drawn are previews that the server makes.
// Strokes are kept here in px of the whole picture, and sent whole after each change.

const $ = (id) => document.getElementById(id);
const canvas = $("canvas");
const pen = canvas.getContext("2d");

let pictures = [];          // as the server tells them
let current = null;         // number of the one that is shown
let strokes = [];           // of the current one
let undone = [];
let stroke = null;          // being drawn
let shown = {};             // before, tint, after: what there is to draw of the current one
let view = "mask";
let brush = "add";
let zoom = 1;               // 1: fits
let polling = false;
let news = false;           // something was added since the list was last asked for
let sending = Promise.resolve();

const chosen = () => pictures.find((picture) => picture.id === current);
const style = () => $("style").value;

function say(text) {
  $("message").textContent = text ?? "";
  $("message").hidden = !text;
}

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error("The program no longer answers. Start it again; pictures that were not downloaded are gone.");
  }
  if (!answer.ok) {
    const told = await answer.json().catch(() => ({}));
    throw new Error(told.error ?? `The program answered ${answer.status}.`);
  }
  return answer;
}

const carefully = (work) => async (...given) => {
  try {
    return await work(...given);
  } catch (error) {
    say(error.message);
  }
};

// --- the list ---

async function refresh() {
  const state = await (await ask("state")).json();
  pictures = state.pictures;
  if (!$("style").options.length) {
    for (const { name, warning } of state.styles) {
      const option = new Option(name, name);
      option.dataset.warning = warning ?? "";
      $("style").add(option);
    }
    $("promise").textContent = state.promise ?? "";
  }
  drawList();
  if (current === null || !chosen()) await choose(pictures[0]?.id ?? null);
  else if (chosen().status === "ready" && !shown.before) await show();
}

const describe = ({ status, error, persons, frames }) => {
  if (status === "failed") return error;
  if (status === "waiting") return "searching…";
  const found = persons === 1 ? "1 area found" : `${persons} areas found`;
  return frames > 1 ? `${found}, ${frames} frames` : found;
};

function drawList() {
  $("list").replaceChildren(...pictures.map((picture) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = picture.status;
    button.setAttribute("aria-current", String(picture.id === current));
    for (const [part, text] of [["name", picture.name], ["status", describe(picture)]]) {
      const span = document.createElement("span");
      span.className = part;
      span.textContent = text;
      button.append(span);
    }
    button.addEventListener("click", carefully(() => choose(picture.id)));
    const item = document.createElement("li");
    item.append(button);
    return item;
  }));
  $("download-all").disabled = !pictures.some(({ status }) => status === "ready");
}

async function watch() {
  news = true;
  if (polling) return;
  polling = true;
  const waiting = () => pictures.some(({ status }) => status === "waiting");
  try {
    while (news || waiting()) {
      news = false;
      await refresh();
      if (waiting()) await new Promise((done) => setTimeout(done, 500));
    }
  } finally {
    polling = false;
  }
}

async function add(files) {
  say();
  const refused = [];
  for (const file of files) {
    try {
      await ask(`pictures?name=${encodeURIComponent(file.name || "pasted.png")}`, { method: "POST", body: file });
    } catch (error) {
      refused.push(`${file.name}: ${error.message}`);
    }
    carefully(watch)();
  }
  if (refused.length) say(refused.join(" · "));
  await watch();
}

async function choose(number) {
  current = number;
  shown = {};
  strokes = [];
  undone = [];
  zoom = 1;
  drawList();
  await show();
}

// --- what is shown ---

const load = (path) => new Promise((done, fail) => {
  const image = new Image();
  image.onload = () => done(image);
  image.onerror = () => fail(new Error("A preview could not be loaded; choose the picture again."));
  image.src = path;
});

function tinted(mask) {
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

async function show() {
  const picture = chosen();
  const ready = picture?.status === "ready";
  $("empty").hidden = pictures.length > 0;
  $("tools").hidden = !picture;
  for (const control of $("tools").querySelectorAll("button, input")) {
    control.disabled = !ready && control.id !== "remove";
  }
  canvas.hidden = !ready;
  $("facts").textContent = picture ? facts(picture) : "";
  drawWarning();
  drawButtons();
  if (!ready) return;
  const number = current;
  const [before, known] = await Promise.all([
    shown.before ?? load(`pictures/${number}/before`),
    shown.before ? null : ask(`pictures/${number}/strokes`).then((answer) => answer.json()),
  ]);
  if (number !== current) return;
  if (known) strokes = known;
  shown.before = before;
  fit();
  await renew();
}

// The mask and, where it is looked at, the result, as they are after the last stroke.
async function renew() {
  const number = current, revision = chosen().revision;
  const mask = await load(`pictures/${number}/mask?${revision}`);
  const after = view === "compare" ? await load(`pictures/${number}/after?style=${style()}&${revision}`) : null;
  if (number !== current) return;
  shown.tint = tinted(mask);
  shown.after = after;
  draw();
  drawButtons();
}

const facts = ({ name, width, height, notes }) =>
  width ? [`${name}: ${width} × ${height}`, ...(notes ?? [])].join(" · ") : name;

function fit() {
  const { before } = shown;
  const space = $("stage").getBoundingClientRect();
  const scale = Math.min((space.width - 20) / before.width, (space.height - 20) / before.height) * zoom;
  canvas.width = before.width;
  canvas.height = before.height;
  canvas.style.width = `${before.width * scale}px`;
  canvas.style.height = `${before.height * scale}px`;
  draw();
}

// px of the picture for one px of the preview
const ratio = () => chosen().width / canvas.width;

function draw() {
  const { before, tint, after } = shown;
  if (!before) return;
  pen.drawImage(before, 0, 0);
  if (view === "compare") {
    const from = (canvas.width * $("position").value) / 100;
    if (after) pen.drawImage(after, from, 0, canvas.width - from, canvas.height, from, 0, canvas.width - from, canvas.height);
    pen.fillStyle = "#fff";
    pen.fillRect(from - 1, 0, 2, canvas.height);
    return;
  }
  if (tint) pen.drawImage(tint, 0, 0);
  if (stroke) {
    const size = stroke.radius / ratio();
    pen.lineCap = pen.lineJoin = "round";
    pen.lineWidth = 2 * size;
    pen.strokeStyle = stroke.erases ? "#ffffff99" : "#ff006e99";
    pen.beginPath();
    for (const [x, y] of stroke.points) pen.lineTo(x / ratio(), y / ratio());
    if (stroke.points.length === 1) pen.lineTo(stroke.points[0][0] / ratio() + 0.01, stroke.points[0][1] / ratio());
    pen.stroke();
  }
}

function drawButtons() {
  const ready = chosen()?.status === "ready";
  for (const button of document.querySelectorAll("[data-view]")) {
    button.setAttribute("aria-pressed", String(button.dataset.view === view));
  }
  for (const button of document.querySelectorAll("[data-brush]")) {
    button.setAttribute("aria-pressed", String(button.dataset.brush === brush));
  }
  $("undo").disabled = !ready || !strokes.length;
  $("redo").disabled = !ready || !undone.length;
  $("slide").hidden = !ready || view !== "compare";
  canvas.style.cursor = view === "mask" ? "crosshair" : "ew-resize";
}

function drawWarning() {
  const warning = $("style").selectedOptions[0]?.dataset.warning;
  $("warning").textContent = warning ?? "";
  $("warning").hidden = !warning;
}

// --- the brush ---

function at(event) {
  const box = canvas.getBoundingClientRect();
  const { width, height } = chosen();
  return [((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height];
}

function slideTo(event) {
  $("position").value = (at(event)[0] / chosen().width) * 100;
  draw();
}

canvas.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  canvas.setPointerCapture(event.pointerId);
  if (view === "compare") return slideTo(event);
  const scale = chosen().width / canvas.getBoundingClientRect().width;
  stroke = { erases: brush === "erase", radius: Number($("radius").value) * scale / 2, points: [at(event)] };
  draw();
});
canvas.addEventListener("pointermove", (event) => {
  if (view === "compare" && event.buttons & 1) return slideTo(event);
  if (!stroke) return;
  for (const one of event.getCoalescedEvents?.() ?? [event]) stroke.points.push(at(one));
  draw();
});
canvas.addEventListener("pointerup", carefully(async () => {
  if (!stroke) return;
  strokes.push(stroke);
  stroke = null;
  undone = [];
  await send();
}));
canvas.addEventListener("pointercancel", () => {
  stroke = null;
  draw();
});

// One after another, so that the last one told is the last one kept.
function send() {
  const number = current, told = JSON.stringify(strokes);
  drawButtons();
  sending = sending.catch(() => {}).then(async () => {
    const answer = await ask(`pictures/${number}/strokes`, { method: "PUT", body: told });
    const known = await answer.json();
    pictures = pictures.map((picture) => (picture.id === number ? known : picture));
    if (number === current) await renew();
  });
  return sending;
}

const undo = carefully(async () => {
  if (!strokes.length) return;
  undone.push(strokes.pop());
  await send();
});
const redo = carefully(async () => {
  if (!undone.length) return;
  strokes.push(undone.pop());
  await send();
});

// --- files ---

async function save(path) {
  await sending.catch(() => {});
  const answer = await ask(path);
  const given = /filename\*=UTF-8''(.+)$/.exec(answer.headers.get("content-disposition") ?? "");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = given ? decodeURIComponent(given[1]) : "picture";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

// --- buttons, keys, dropping and pasting ---

function turnTo(wanted) {
  view = wanted;
  drawButtons();
  draw();
  if (view === "compare") return carefully(renew)();
}
function take(wanted) {
  brush = wanted;
  if (view !== "mask") turnTo("mask");
  drawButtons();
}
function enlarge(factor) {
  zoom = factor ? Math.min(16, Math.max(1, zoom * factor)) : 1;
  if (shown.before) fit();
}

for (const id of ["open", "choose"]) $(id).addEventListener("click", () => $("files").click());
$("files").addEventListener("change", carefully(async () => {
  const files = [...$("files").files];
  $("files").value = "";
  await add(files);
}));
$("style").addEventListener("change", carefully(async () => {
  drawWarning();
  if (chosen()?.status === "ready") await renew();
}));
$("download").addEventListener("click", carefully(() => save(`pictures/${current}/download?style=${style()}`)));
$("download-all").addEventListener("click", carefully(() =>
  save(`download?style=${style()}${$("numbered").checked ? "&names=numbered" : ""}`)));
$("remove").addEventListener("click", carefully(async () => {
  const place = pictures.findIndex(({ id }) => id === current);
  await ask(`pictures/${current}`, { method: "DELETE" });
  current = (pictures[place + 1] ?? pictures[place - 1])?.id ?? null;
  shown = {};
  strokes = [];
  undone = [];
  await refresh();
  await show();
}));
$("undo").addEventListener("click", undo);
$("redo").addEventListener("click", redo);
$("position").addEventListener("input", draw);
$("smaller").addEventListener("click", () => enlarge(1 / 1.5));
$("fit").addEventListener("click", () => enlarge(0));
$("larger").addEventListener("click", () => enlarge(1.5));
for (const button of document.querySelectorAll("[data-view]")) {
  button.addEventListener("click", () => turnTo(button.dataset.view));
}
for (const button of document.querySelectorAll("[data-brush]")) {
  button.addEventListener("click", () => take(button.dataset.brush));
}

function step(by) {
  const place = pictures.findIndex(({ id }) => id === current) + by;
  if (pictures[place]) carefully(choose)(pictures[place].id);
}
const keys = {
  b: () => take("add"), e: () => take("erase"), m: () => turnTo("mask"), c: () => turnTo("compare"),
  "[": () => $("radius").stepDown(5), "]": () => $("radius").stepUp(5),
  "+": () => enlarge(1.5), "-": () => enlarge(1 / 1.5), 0: () => enlarge(0),
  ArrowDown: () => step(1), ArrowUp: () => step(-1),
};
document.addEventListener("keydown", (event) => {
  if (/^(INPUT|SELECT)$/.test(event.target.tagName) && event.target.type !== "checkbox") return;
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") {
    event.preventDefault();
    (event.shiftKey ? redo : undo)();
  } else if (!event.ctrlKey && !event.metaKey && !event.altKey && keys[event.key] && chosen()?.status === "ready") {
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
document.addEventListener("drop", carefully(async (event) => {
  event.preventDefault();
  $("stage").classList.remove("over");
  await add([...event.dataTransfer.files]);
}));
document.addEventListener("paste", carefully(async (event) => {
  if (event.clipboardData.files.length) await add([...event.clipboardData.files]);
}));
addEventListener("resize", () => shown.before && fit());
addEventListener("beforeunload", (event) => {
  if (pictures.length) event.preventDefault();
});

await carefully(watch)();
