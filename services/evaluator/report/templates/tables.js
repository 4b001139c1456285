// What is no number comes last, whichever way; text goes by the alphabet, numbers within it by their value.
const alphabet = new Intl.Collator("en", { numeric: true });
function compareValues(a, b, direction) {
  const missing = (value) => value === null || value === "" || Number.isNaN(value);
  if (missing(a) || missing(b)) return missing(a) - missing(b);
  return direction * (typeof a === "number" && typeof b === "number" ? a - b : alphabet.compare(a, b));
}

function sortButton(head, name, sort) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = name;
  head.replaceChildren(button);
  button.addEventListener("click", () => {
    const first = head.classList.contains("number") ? "descending" : "ascending";
    const second = first === "ascending" ? "descending" : "ascending";
    const order = head.getAttribute("aria-sort") === first ? second : first;
    for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", order);
    sort(order === "ascending" ? 1 : -1);
  });
}

for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const numeric = head.classList.contains("number");
    const value = (row) => {
      const cell = row.cells[column];
      const text = cell.dataset.value ?? cell.textContent.trim();
      return numeric ? parseFloat(text.replaceAll(",", "")) : text;
    };
    sortButton(head, head.textContent, (direction) =>
      body.append(...[...body.rows].sort((a, b) => compareValues(value(a), value(b), direction))));
  });
}

// Long tables show a page of rows at a time: ten thousand pairs stay smooth to scroll, and a search finds any of them.
const ROWS_A_PAGE = 50;
for (const data of document.querySelectorAll("script[data-grid]")) showGrid(data.parentElement, JSON.parse(data.textContent));

function showGrid(place, grid) {
  const table = document.createElement("table");
  table.createCaption().textContent = grid.caption;
  const headings = table.createTHead().insertRow();
  const body = table.createTBody();
  const bar = document.createElement("div");
  bar.className = "turning";
  bar.innerHTML = '<label>Search <input type="search"></label><button type="button">← Earlier rows</button><button type="button">Later rows →</button><span role="status"></span>';
  const [search, back, on, told] = [bar.querySelector("input"), ...bar.querySelectorAll("button"), bar.querySelector("span")];
  let rows = [...grid.rows];
  let found = rows;
  let first = 0;

  function cell(row, value, column) {
    const made = row.insertCell();
    if (column.kind === "record") {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "link";
      button.dataset.openRecord = value;
      button.textContent = value;
      button.setAttribute("aria-label", `Open record ${value}`);
      made.append(button);
    } else if (column.kind === "number") {
      made.className = "number";
      made.textContent = value === null ? "–" : value.toFixed(column.digits);
    } else made.textContent = value;
  }

  function show(at) {
    first = Math.max(0, Math.min(at, Math.floor((found.length - 1) / ROWS_A_PAGE) * ROWS_A_PAGE));
    body.replaceChildren();
    const last = Math.min(first + ROWS_A_PAGE, found.length);
    for (const values of found.slice(first, last)) {
      const row = body.insertRow();
      values.forEach((value, place) => cell(row, value, grid.columns[place]));
    }
    back.disabled = first === 0;
    on.disabled = last >= found.length;
    const of = found.length === rows.length ? "" : ` found of ${rows.length.toLocaleString("en")}`;
    told.textContent = found.length ? `Rows ${(first + 1).toLocaleString("en")} to ${last.toLocaleString("en")} of ${found.length.toLocaleString("en")}${of}` : `Nothing${of}`;
  }

  function filter() {
    const wanted = search.value.trim().toLowerCase();
    found = wanted ? rows.filter((row) => row.some((value) => String(value ?? "").toLowerCase().includes(wanted))) : rows;
    show(0);
  }

  grid.columns.forEach((column, place) => {
    const head = document.createElement("th");
    head.scope = "col";
    if (column.kind === "number") head.className = "number";
    headings.append(head);
    sortButton(head, column.name, (direction) => {
      rows = rows.sort((a, b) => compareValues(a[place], b[place], direction));
      filter();
    });
  });
  search.addEventListener("input", filter);
  back.addEventListener("click", () => show(first - ROWS_A_PAGE));
  on.addEventListener("click", () => show(first + ROWS_A_PAGE));
  const scroll = document.createElement("div");
  scroll.className = "scroll";
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", grid.caption);
  scroll.append(table);
  place.append(bar, scroll);
  filter();
}

const ORDERS = [
  ["Pair", "pair", 1],
  ["Malignancy, highest first", "malignancy", -1],
  ["Anomaly, highest first", "anomaly", -1],
  ["Change, smallest first", "change", 1],
];
for (const panels of document.querySelectorAll("[data-order-label]")) {
  if (panels.children.length < 2) continue;
  const label = document.createElement("label");
  const select = document.createElement("select");
  label.className = "order";
  label.append(panels.dataset.orderLabel, select);
  for (const [name] of ORDERS) select.add(new Option(name));
  select.addEventListener("change", () => {
    const [, key, direction] = ORDERS[select.selectedIndex];
    const read = (panel) => parseFloat(panel.dataset[key]);
    panels.append(...[...panels.children].sort((a, b) => compareValues(read(a), read(b), direction)));
  });
  panels.before(label);
}
