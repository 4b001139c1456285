// Shows the films of one trial side by side, in 16 bit: one window/level, zoom and position for all of them.
const viewer = document.getElementById("viewer");
const panes = [...viewer.querySelectorAll(".pane")];
const [centre, width, gain, tool] = ["centre", "width", "gain", "tool"].map((name) => viewer.querySelector(`[name=${name}]`));
const reading = viewer.querySelector(".reading");
let trials = [];
let trial = 0;
let films = {};
const view = makeView(() => draw());
let started = [0.5, 1];
let drawing = 0;

// Orange is brighter than the content, blue darker, black the same: the colours of the previews.
const CHANGE = new Uint8ClampedArray(511 * 3);
for (let step = -255; step <= 255; step++) {
  const strength = (Math.max(0, Math.abs(step) - 1) / 254) ** 0.7;
  (step > 0 ? [255, 176, 64] : [90, 176, 255]).forEach((end, part) => (CHANGE[(step + 255) * 3 + part] = strength * end));
}

function paint(pane, table) {
  const canvas = pane.querySelector("canvas");
  const name = pane.dataset.name;
  const shown = name === "difference" ? films.content : films[name];
  const missing = !shown || (name === "difference" && (!films.output || films.output.pixels.length !== shown.pixels.length));
  pane.classList.toggle("missing", missing);
  if (missing) return;
  if (name === "difference") {
    const [content, output] = [films.content.pixels, films.output.pixels];
    const by = (Number(gain.value) * 255) / FULL;
    paintCanvas(canvas, shown, (place) => {
      const at = 3 * (255 + Math.max(-255, Math.min(255, Math.round((output[place] - content[place]) * by))));
      return 0xff000000 | (CHANGE[at + 2] << 16) | (CHANGE[at + 1] << 8) | CHANGE[at];
    });
  } else paintFilm(canvas, shown, table);
}

function draw() {
  if (drawing) return;
  drawing = requestAnimationFrame(() => {
    drawing = 0;
    const table = levelTable(Number(centre.value), Number(width.value), viewer.classList.contains("inverted"));
    for (const pane of panes) {
      paint(pane, table);
      view.place(pane.querySelector("canvas"));
    }
    centre.setAttribute("aria-valuetext", Number(centre.value).toFixed(3));
    width.setAttribute("aria-valuetext", Number(width.value).toFixed(3));
    viewer.querySelector(".window-now").textContent = `level ${Number(centre.value).toFixed(3)}, width ${Number(width.value).toFixed(3)}, zoom ${view.zoom.toFixed(1)}, difference × ${gain.value}`;
  });
}

function setWindow(middle, wide) {
  centre.value = Math.max(0, Math.min(1, middle));
  width.value = Math.max(0.002, Math.min(1, wide));
  draw();
}

function reset() {
  view.reset();
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
  nearer: () => view.zoomTo(view.zoom * 1.5),
  farther: () => view.zoomTo(view.zoom / 1.5),
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

const stage = viewer.querySelector(".panes");
followGestures(stage, view, {
  adjust: (level, wider) => setWindow(Number(centre.value) + level, Number(width.value) + wider),
  moves: () => tool.value === "move",
  hovered: read,
});
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
