// What viewers of 16-bit films share: window and level, zoom and position, and the gestures that change them.
const FULL = 65535;

// The 8-bit grey of each 16-bit value; centre and width of the window are parts of full scale.
function levelTable(centre, width, inverted) {
  const low = FULL * (centre - width / 2);
  const scale = 255 / (FULL * width);
  const table = new Uint8ClampedArray(FULL + 1);
  for (let value = 0; value <= FULL; value++) table[value] = inverted ? 255 - (value - low) * scale : (value - low) * scale;
  return table;
}

// Gives a canvas a film's size, and fills it with what `colour` (ABGR) says of each place.
function paintCanvas(canvas, shown, colour) {
  if (canvas.width !== shown.columns || canvas.height !== shown.rows) [canvas.width, canvas.height] = [shown.columns, shown.rows];
  const context = canvas.getContext("2d");
  const image = context.createImageData(shown.columns, shown.rows);
  const out = new Uint32Array(image.data.buffer);
  for (let at = 0; at < out.length; at++) out[at] = colour(at);
  context.putImageData(image, 0, 0);
}

function paintFilm(canvas, shown, table) {
  const pixels = shown.pixels;
  paintCanvas(canvas, shown, (at) => 0xff000000 | (table[pixels[at]] * 0x010101));
}

// Zoom and position; offsets are parts of a frame's sides. Calls `changed` when either changes.
function makeView(changed) {
  const view = { zoom: 1, offset: [0, 0] };
  view.reset = () => {
    [view.zoom, view.offset] = [1, [0, 0]];
    changed();
  };
  view.move = (by) => {
    view.offset = view.offset.map((value, axis) => value + by[axis]);
    changed();
  };
  view.zoomTo = (value, at = [0, 0]) => {
    const next = Math.max(1, Math.min(24, value));
    view.offset = view.offset.map((now, axis) => at[axis] - ((at[axis] - now) * next) / view.zoom);
    view.zoom = next;
    changed();
  };
  view.place = (canvas) => {
    const most = (view.zoom - 1) / 2;
    view.offset = view.offset.map((value) => Math.max(-most, Math.min(most, value)));
    canvas.style.transform = `translate(${view.offset[0] * 100}%, ${view.offset[1] * 100}%) scale(${view.zoom})`;
    canvas.classList.toggle("pixels", view.zoom > 2);
  };
  return view;
}

// Dragging changes window/level by `adjust(level, width)`, or moves the film; two fingers zoom and move; the wheel zooms.
function followGestures(stage, view, { adjust, moves, hovered = () => {} }) {
  const pointers = new Map();
  const frames = [...stage.querySelectorAll(".frame")];
  const relative = (event) => {
    const box = (event.target.closest(".frame") ?? frames[0]).getBoundingClientRect();
    return [(event.clientX - box.left) / box.width - 0.5, (event.clientY - box.top) / box.height - 0.5];
  };
  stage.addEventListener("pointerdown", (event) => {
    if (!event.target.closest(".frame")) return;
    stage.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, [event.clientX, event.clientY]);
  });
  stage.addEventListener("pointermove", (event) => {
    hovered(event);
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const now = [event.clientX, event.clientY];
    const frame = frames.find((candidate) => candidate.offsetWidth);
    const moved = [(now[0] - before[0]) / frame.offsetWidth, (now[1] - before[1]) / frame.offsetHeight];
    if (pointers.size === 2) {
      const other = [...pointers].find(([id]) => id !== event.pointerId)[1];
      const apart = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]);
      view.offset = view.offset.map((value, axis) => value + moved[axis] / 2);
      view.zoomTo((view.zoom * apart(now)) / Math.max(1, apart(before)));
    } else if (moves() || event.shiftKey) view.move(moved);
    else adjust(-moved[1], moved[0]);
    pointers.set(event.pointerId, now);
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) stage.addEventListener(end, (event) => pointers.delete(event.pointerId));
  stage.addEventListener("wheel", (event) => {
    if (!event.target.closest(".frame")) return;
    event.preventDefault();
    view.zoomTo(view.zoom * 1.0015 ** -event.deltaY, relative(event));
  }, { passive: false });
}
