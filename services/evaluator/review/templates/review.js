// One film at a time, in 16 bit; answers by keyboard, kept in the browser with each change, saved to a file when asked.
const [study, count] = [document.body.dataset.study, Number(document.body.dataset.films)];
const KEPT = `mammosynth-review-${study}`;
const VALUES = { origin: ["real", "synthetic"], finding: ["benign", "malignant"], usable: ["yes", "no"] };
const one = (selector) => document.querySelector(selector);
const [canvas, form, told] = [one(".frame canvas"), one("main > form"), one("main .told")];
const [start, keysDialog, end] = ["start", "keys", "end"].map((name) => document.getElementById(name));
const emptyState = () => ({ reader: "", at: 1, answers: {} });
let state = emptyState();
let kept = true;
let saved = true;
let shown;
let [centre, width, automatic] = [0.5, 1, [0.5, 1]];
let [inverted, dragMoves, drawing] = [false, false, 0];

// What was answered to a film; nothing yet where there is no entry.
const answer = (number) => state.answers[number] ?? {};
const isDone = (number) => Object.keys(VALUES).every((question) => answer(number)[question]);
const countDone = () => Array.from({ length: count }, (_, place) => place + 1).filter(isDone).length;

function tell(text, wrong = false) {
  told.textContent = text;
  told.classList.toggle("wrong", wrong);
}

function keep() {
  try {
    localStorage.setItem(KEPT, JSON.stringify(state));
    kept = true;
  } catch {
    kept = false;
    tell("This browser does not keep answers: save them to a file before you close or reload the page.", true);
  }
}

// An entry of the storage or of a file, as far as it is one; what is not known is left out.
function readAnswer(values) {
  const found = {};
  for (const [question, allowed] of Object.entries(VALUES)) if (allowed.includes(values?.[question])) found[question] = values[question];
  if (typeof values?.comment === "string" && values.comment) found.comment = values.comment.slice(0, 2000);
  return found;
}

function recall() {
  try {
    const before = JSON.parse(localStorage.getItem(KEPT));
    if (!before) return;
    const answers = Object.entries(before.answers).filter(([number]) => Number(number) >= 1 && Number(number) <= count);
    state = { reader: String(before.reader), at: Math.max(1, Math.min(count, Number(before.at) || 1)), answers: Object.fromEntries(answers.map(([number, values]) => [number, readAnswer(values)])) };
  } catch {
    state = emptyState();
  }
}

// The file that is sent back; `mammosynth review read` reads it.
function toFile() {
  const answers = Object.keys(state.answers).map(Number).sort((a, b) => a - b).map((item) => {
    const { origin = null, finding = null, usable, comment = "" } = answer(item);
    return { item, origin, finding, usable: usable ? usable === "yes" : null, comment };
  });
  return { schema_version: 1, study, reader: state.reader, saved_at: new Date().toISOString(), answers };
}

function fromFile(text) {
  let values;
  try {
    values = JSON.parse(text);
  } catch {
    throw new Error("This is no file of answers.");
  }
  if (!Array.isArray(values?.answers) || typeof values.reader !== "string") throw new Error("This is no file of answers.");
  if (values.study !== study) throw new Error(`These answers belong to another study, ${values.study}.`);
  state = { ...emptyState(), reader: values.reader };
  for (const given of values.answers) {
    if (!Number.isInteger(given?.item) || given.item < 1 || given.item > count) continue;
    state.answers[given.item] = readAnswer({ ...given, usable: given.usable === true ? "yes" : given.usable === false ? "no" : undefined });
  }
}

function save() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(toFile(), null, 1) + "\n"], { type: "application/json" }));
  link.download = `answers-${study}-${state.reader}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  saved = true;
  tell(`Saved as ${link.download}, ${countDone()} of ${count} films answered.`);
}

// As on paper: black and white are the 1st and the 99.8th percentile of what is not background.
function automaticWindow({ pixels }) {
  const counts = new Uint32Array(FULL + 1);
  let inside = 0;
  for (const value of pixels) if (value > 0.02 * FULL) { counts[value]++; inside++; }
  const percentile = (share) => {
    let below = 0;
    for (let value = 0; value <= FULL; value++) if ((below += counts[value]) >= share * inside) return value / FULL;
    return 1;
  };
  const [low, high] = inside ? [percentile(0.01), percentile(0.998)] : [0, 1];
  return high - low > 0.02 ? [(low + high) / 2, high - low] : [0.5, 1];
}

const view = makeView(() => draw());
function draw() {
  if (drawing) return;
  drawing = requestAnimationFrame(() => {
    drawing = 0;
    if (shown) paintFilm(canvas, shown, levelTable(centre, width, inverted));
    view.place(canvas);
    one(".window-now").textContent = `level ${centre.toFixed(3)}, width ${width.toFixed(3)}, zoom ${view.zoom.toFixed(1)}`;
  });
}

function setWindow(middle, wide) {
  [centre, width] = [Math.max(0, Math.min(1, middle)), Math.max(0.002, Math.min(1, wide))];
  draw();
}

function reset() {
  view.reset();
  inverted = false;
  one("[data-action=invert]").setAttribute("aria-pressed", "false");
  setWindow(...automatic);
}

function showAnswers() {
  for (const question of Object.keys(VALUES)) for (const input of form.elements[question]) input.checked = answer(state.at)[question] === input.value;
  form.elements.comment.value = answer(state.at).comment ?? "";
  const done = countDone();
  one(".where").textContent = `Film ${state.at} of ${count}`;
  one(".done").textContent = `${done} answered`;
  one(".progress span").style.width = `${(100 * done) / count}%`;
  one(".progress").setAttribute("aria-valuenow", String(done));
  one("[data-action=previous]").disabled = state.at === 1;
  one("[data-action=open]").disabled = done === count;
}

async function go(number) {
  state.at = Math.max(1, Math.min(count, number));
  keep();
  const wanted = state.at;
  showAnswers();
  canvas.setAttribute("aria-label", `Film ${wanted}`);
  try {
    const found = await film(`film-${wanted}`);
    if (wanted !== state.at) return;
    shown = found;
    automatic = automaticWindow(shown);
    reset();
  } catch (error) {
    tell(`This browser cannot unpack the films: ${error.message}`, true);
  }
  if (wanted < count) film(`film-${wanted + 1}`).catch(() => {});
}

function set(question, value) {
  const before = isDone(state.at);
  state.answers[state.at] = { ...answer(state.at), [question]: value };
  saved = false;
  if (kept) tell("");
  keep();
  showAnswers();
  if (!before && countDone() === count) end.showModal();
}

function next() {
  if (state.at < count) go(state.at + 1);
  else if (countDone() === count) end.showModal();
  else tell(`This is the last film; ${count - countDone()} still have an open question.`);
}

function nextOpen() {
  const after = Array.from({ length: count }, (_, place) => ((state.at + place) % count) + 1);
  const open = after.find((number) => !isDone(number));
  if (open) go(open);
}

const ACTIONS = {
  previous: () => go(state.at - 1), next, open: nextOpen, save, reset,
  nearer: () => view.zoomTo(view.zoom * 1.5), farther: () => view.zoomTo(view.zoom / 1.5),
  invert: () => { inverted = !inverted; one("[data-action=invert]").setAttribute("aria-pressed", String(inverted)); draw(); },
  drag: () => { dragMoves = !dragMoves; one("[data-action=drag]").setAttribute("aria-pressed", String(dragMoves)); },
  keys: () => keysDialog.showModal(),
  another: () => {
    save();
    state = emptyState();
    keep();
    keysDialog.close();
    reader.value = "";
    start.showModal();
  },
};
for (const button of document.querySelectorAll("[data-action]")) button.addEventListener("click", () => ACTIONS[button.dataset.action]());
for (const input of form.querySelectorAll("input[type=radio]")) input.addEventListener("change", () => set(input.name, input.value));
form.elements.comment.addEventListener("input", (event) => set("comment", event.target.value));
form.addEventListener("submit", (event) => event.preventDefault());
end.addEventListener("close", () => { if (end.returnValue === "save") save(); end.returnValue = ""; });

const KEYS = {
  r: () => set("origin", "real"), s: () => set("origin", "synthetic"), b: () => set("finding", "benign"), m: () => set("finding", "malignant"),
  y: () => set("usable", "yes"), n: () => set("usable", "no"), c: () => form.elements.comment.focus(), u: nextOpen, i: ACTIONS.invert,
  enter: next, arrowright: next, arrowleft: ACTIONS.previous, "+": ACTIONS.nearer, "=": ACTIONS.nearer, "-": ACTIONS.farther, 0: reset, "?": ACTIONS.keys,
};
document.addEventListener("keydown", (event) => {
  if (document.querySelector("dialog[open]")) return;
  const key = event.key.toLowerCase();
  if ((event.ctrlKey || event.metaKey) && key === "s") {
    event.preventDefault();
    save();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("textarea")) {
    if (key === "escape") event.target.blur();
    return;
  }
  if (key === "enter" && event.target.matches("button")) return;
  const up = { arrowup: 0.02, arrowdown: -0.02 }[key];
  if (up) event.shiftKey ? setWindow(centre, width + up) : setWindow(centre + up, width);
  else if (KEYS[key] && !(event.repeat && key.length === 1 && /[a-z]/.test(key))) KEYS[key]();
  else return;
  event.preventDefault();
});
followGestures(one(".stage"), view, { adjust: (level, wider) => setWindow(centre + level, width + wider), moves: () => dragMoves });
one(".frame").addEventListener("dblclick", reset);
addEventListener("beforeunload", (event) => { if (!kept && !saved) event.preventDefault(); });

const reader = start.querySelector("[name=reader]");
start.querySelector("form").addEventListener("submit", () => (state.reader = reader.value));
start.addEventListener("close", () => (state.reader ? go(state.at) : start.showModal()));
start.querySelector("[type=file]").addEventListener("change", async (event) => {
  const alarm = start.querySelector(".told");
  alarm.textContent = "";
  try {
    fromFile(await event.target.files[0].text());
    reader.value = state.reader;
    const here = Object.keys(state.answers).length;
    alarm.textContent = `${here} ${here === 1 ? "answer" : "answers"} of ${state.reader}: begin where you were.`;
  } catch (error) {
    alarm.textContent = error.message;
  }
  event.target.value = "";
});
recall();
reader.value = state.reader;
// A reload goes on at once; a new reader is asked for a name first.
if (state.reader) go(state.at);
else start.showModal();
