// Shows the films of one trial side by side, in 16 bit: one window/level, zoom and position for all of them.
const viewer = document.getElementById("viewer");
const panes = [...viewer.querySelectorAll(".pane")];
const [centre, width, gain, tool] = ["centre", "width", "gain", "tool"].map((name) => viewer.querySelector(`[name=${name}]`));
const reading = viewer.querySelector(".reading");
const FULL = 65535;
let trials = [];
let trial = 0;
let films = {};
let zoom = 1;
let offset = [0, 0];
let started = [0.5, 1];
let drawing = 0;

// Orange is brighter than the content, blue darker, black the same: the colours of the previews.
const CHANGE = new Uint8ClampedArray(511 * 3);
for (let step = -255; step <= 255; step++) {
  const strength = (Math.max(0, Math.abs(step) - 1) / 254) ** 0.7;
  (step > 0 ? [255, 176, 64] : [90, 176, 255]).forEach((end, part) => (CHANGE[(step + 255) * 3 + part] = strength * end));
}

function levels() {
  const low = FULL * (Number(centre.value) - Number(width.value) / 2);
  const scale = 255 / (FULL * Number(width.value));
  const table = new Uint8ClampedArray(FULL + 1);
  const inverted = viewer.classList.contains("inverted");
  for (let value = 0; value <= FULL; value++) table[value] = inverted ? 255 - (value - low) * scale : (value - low) * scale;
  return table;
}

function paint(pane, table) {
  const canvas = pane.querySelector("canvas");
  const name = pane.dataset.name;
  const shown = name === "difference" ? films.content : films[name];
  const missing = !shown || (name === "difference" && (!films.output || films.output.pixels.length !== shown.pixels.length));
  pane.classList.toggle("missing", missing);
  if (missing) return;
  if (canvas.width !== shown.columns || canvas.height !== shown.rows) [canvas.width, canvas.height] = [shown.columns, shown.rows];
  const context = canvas.getContext("2d");
  const image = context.createImageData(shown.columns, shown.rows);
  const out = new Uint32Array(image.data.buffer);
  if (name === "difference") {
    const [content, output] = [films.content.pixels, films.output.pixels];
    const by = (Number(gain.value) * 255) / FULL;
    for (let i = 0; i < out.length; i++) {
      const at = 3 * (255 + Math.max(-255, Math.min(255, Math.round((output[i] - content[i]) * by))));
      out[i] = 0xff000000 | (CHANGE[at + 2] << 16) | (CHANGE[at + 1] << 8) | CHANGE[at];
    }
  } else {
    const pixels = shown.pixels;
    for (let i = 0; i < out.length; i++) out[i] = 0xff000000 | (table[pixels[i]] * 0x010101);
  }
  context.putImageData(image, 0, 0);
}

function draw() {
  if (drawing) return;
  drawing = requestAnimationFrame(() => {
    drawing = 0;
    const table = levels();
    for (const pane of panes) paint(pane, table);
    place();
    centre.setAttribute("aria-valuetext", Number(centre.value).toFixed(3));
    width.setAttribute("aria-valuetext", Number(width.value).toFixed(3));
    viewer.querySelector(".window-now").textContent = `level ${Number(centre.value).toFixed(3)}, width ${Number(width.value).toFixed(3)}, zoom ${zoom.toFixed(1)}, difference × ${gain.value}`;
  });
}

function place() {
  const most = (zoom - 1) / 2;
  offset = offset.map((value) => Math.max(-most, Math.min(most, value)));
  for (const pane of panes) {
    const canvas = pane.querySelector("canvas");
    canvas.style.transform = `translate(${offset[0] * 100}%, ${offset[1] * 100}%) scale(${zoom})`;
    canvas.classList.toggle("pixels", zoom > 2);
  }
}

function zoomTo(value, at = [0, 0]) {
  const next = Math.max(1, Math.min(24, value));
  offset = offset.map((now, axis) => at[axis] - ((at[axis] - now) * next) / zoom);
  zoom = next;
  draw();
}

function setWindow(middle, wide) {
  centre.value = Math.max(0, Math.min(1, middle));
  width.value = Math.max(0.002, Math.min(1, wide));
  draw();
}

function reset() {
  [zoom, offset] = [1, [0, 0]];
  gain.value = gain.dataset.start;
  viewer.classList.remove("inverted");
  setWindow(...started);
}

function alone(name) {
  viewer.dataset.alone = viewer.dataset.alone === name ? "" : name;
  for (const button of viewer.querySelectorAll("[data-pane]")) button.setAttribute("aria-pressed", String(button.dataset.pane === viewer.dataset.alone));
}

async function openTrial(next, name) {
  trial = (next + trials.length) % trials.length;
  const panel = trials[trial];
  const pictures = new Map([...panel.querySelectorAll("[data-picture]")].map((button) => [button.dataset.picture, button]));
  viewer.querySelector("h2").textContent = panel.querySelector(".name").textContent.replace(/\s+/g, " ").trim();
  viewer.querySelector(".told").textContent = [...panel.querySelectorAll(".recipe, .verdict")].map((part) => part.textContent.trim()).join(" – ");
  viewer.querySelector(".open-record").dataset.openRecord = panel.dataset.record;
  films = {};
  const wanted = trial;
  const names = ["content", "style", "output"].filter((kind) => pictures.get(kind)?.dataset.film);
  let found;
  try {
    found = await Promise.all(names.map((kind) => film(pictures.get(kind).dataset.film)));
  } catch (error) {
    found = names.map(() => undefined);
    viewer.querySelector(".told").textContent = `This browser cannot unpack the 16-bit films: ${error.message}`;
  }
  if (wanted !== trial) return;
  films = Object.fromEntries(names.map((kind, place) => [kind, found[place]]));
  for (const pane of panes) {
    const button = pictures.get(pane.dataset.name);
    const image = button?.querySelector("img");
    pane.querySelector("canvas").setAttribute("aria-label", image?.alt ?? `${pane.dataset.name}: not there`);
    pane.querySelector("figcaption span").textContent = button ? button.closest("figure").querySelector("figcaption span").textContent : "not there";
  }
  const shown = pictures.get("output") ?? pictures.get("content");
  const [low, high] = (shown?.dataset.window ?? "0 1").split(" ").map(Number);
  started = [(low + high) / 2, high - low];
  if (name !== undefined) {
    viewer.dataset.alone = "";
    if (name && matchMedia("(max-width: 44rem)").matches) alone(name);
  }
  if (!viewer.open) {
    viewer.showModal();
    reset();
  } else setWindow(...started);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-picture]");
  if (!button) return;
  trials = [...button.closest(".panels").querySelectorAll(".panel")].filter((panel) => panel.querySelector("[data-film]"));
  openTrial(trials.indexOf(button.closest(".panel")), button.dataset.picture);
});

for (const range of [centre, width, gain]) range.addEventListener("input", draw);
for (const button of viewer.querySelectorAll("[data-pane]")) button.addEventListener("click", () => alone(button.dataset.pane));
const ACTIONS = {
  previous: () => openTrial(trial - 1),
  next: () => openTrial(trial + 1),
  nearer: () => zoomTo(zoom * 1.5),
  farther: () => zoomTo(zoom / 1.5),
  reset,
  invert: () => { viewer.classList.toggle("inverted"); draw(); },
  compare: () => alone(viewer.dataset.alone === "output" ? "content" : "output"),
};
for (const button of viewer.querySelectorAll("[data-action]")) button.addEventListener("click", () => ACTIONS[button.dataset.action]());

viewer.addEventListener("keydown", (event) => {
  if (event.target.matches("input, select") && event.key.startsWith("Arrow")) return;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const step = 0.02;
  const [middle, wide] = [Number(centre.value), Number(width.value)];
  const keys = {
    ArrowLeft: ACTIONS.previous, ArrowRight: ACTIONS.next, "+": ACTIONS.nearer, "=": ACTIONS.nearer, "-": ACTIONS.farther, 0: reset,
    i: ACTIONS.invert, b: ACTIONS.compare,
    ArrowUp: () => setWindow(middle + step, wide), ArrowDown: () => setWindow(middle - step, wide),
    w: () => setWindow(middle, wide + step), n: () => setWindow(middle, wide - step),
    1: () => alone("content"), 2: () => alone("style"), 3: () => alone("output"), 4: () => alone("difference"),
  };
  if (keys[event.key]) {
    event.preventDefault();
    keys[event.key]();
  }
});

// Dragging changes window/level, or moves the film; two fingers zoom and move.
const stage = viewer.querySelector(".panes");
const pointers = new Map();
const relative = (event) => {
  const box = (event.target.closest(".pane") ?? panes[0]).querySelector(".frame").getBoundingClientRect();
  return [(event.clientX - box.left) / box.width - 0.5, (event.clientY - box.top) / box.height - 0.5];
};
stage.addEventListener("pointerdown", (event) => {
  if (!event.target.closest(".frame")) return;
  stage.setPointerCapture(event.pointerId);
  pointers.set(event.pointerId, [event.clientX, event.clientY]);
});
stage.addEventListener("pointermove", (event) => {
  read(event);
  const before = pointers.get(event.pointerId);
  if (!before) return;
  const now = [event.clientX, event.clientY];
  const side = panes.find((pane) => pane.offsetWidth).querySelector(".frame").offsetWidth;
  const moved = now.map((value, axis) => (value - before[axis]) / side);
  if (pointers.size === 2) {
    const other = [...pointers].find(([id]) => id !== event.pointerId)[1];
    const apart = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]);
    offset = offset.map((value, axis) => value + moved[axis] / 2);
    zoomTo((zoom * apart(now)) / Math.max(1, apart(before)));
  } else if (tool.value === "move" || event.shiftKey) {
    offset = offset.map((value, axis) => value + moved[axis]);
    draw();
  } else setWindow(Number(centre.value) - moved[1], Number(width.value) + moved[0]);
  pointers.set(event.pointerId, now);
});
for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) stage.addEventListener(end, (event) => pointers.delete(event.pointerId));
stage.addEventListener("wheel", (event) => {
  if (!event.target.closest(".frame")) return;
  event.preventDefault();
  zoomTo(zoom * 1.0015 ** -event.deltaY, relative(event));
}, { passive: false });
stage.addEventListener("dblclick", reset);

// What the pixel under the pointer holds, in full 16 bit.
function read(event) {
  const frame = document.elementFromPoint(event.clientX, event.clientY)?.closest?.(".frame");
  const known = films.content ?? films.output;
  if (!frame || !known) return;
  const box = frame.querySelector("canvas").getBoundingClientRect();
  const [column, row] = [Math.floor(((event.clientX - box.left) / box.width) * known.columns), Math.floor(((event.clientY - box.top) / box.height) * known.rows)];
  if (column < 0 || row < 0 || column >= known.columns || row >= known.rows) return;
  const at = row * known.columns + column;
  const values = ["content", "style", "output"].filter((name) => films[name]).map((name) => `${name} ${films[name].pixels[at]}`);
  if (films.content && films.output) values.push(`difference ${films.output.pixels[at] - films.content.pixels[at]}`);
  reading.textContent = `row ${row}, column ${column}: ${values.join(", ")} of ${FULL}`;
}
