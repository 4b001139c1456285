"use strict";
(() => {
  const viewer = document.getElementById("viewer");
  const [title, image, note] = ["h2", "img", "p"].map((name) => viewer.querySelector(name));
  let shown = [];
  let place = 0;

  function show(next) {
    place = (next + shown.length) % shown.length;
    const picture = shown[place];
    const caption = picture.closest("figure").querySelector("figcaption");
    image.src = picture.src;
    image.alt = picture.alt;
    title.textContent = picture.closest(".panel").querySelector(".name").textContent + " – " + caption.querySelector("b").textContent;
    note.textContent = caption.querySelector("span").textContent;
  }

  for (const button of document.querySelectorAll(".picture")) {
    button.addEventListener("click", () => {
      const picture = button.querySelector("img");
      shown = [...button.closest(".pictures").querySelectorAll(".picture img")];
      show(shown.indexOf(picture));
      viewer.showModal();
    });
  }
  viewer.querySelector(".close").addEventListener("click", () => viewer.close());
  viewer.querySelector(".previous").addEventListener("click", () => show(place - 1));
  viewer.querySelector(".next").addEventListener("click", () => show(place + 1));
  viewer.addEventListener("click", (event) => event.target === viewer && viewer.close());
  viewer.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) {
      event.preventDefault();
      show(place + step);
    }
  });

  // What cannot be read as a number comes last, whichever way.
  function compare(a, b, direction) {
    if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
    return direction * (a - b);
  }

  function value(cell) {
    return parseFloat((cell.dataset.value ?? cell.textContent).replaceAll(",", ""));
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    const rows = table.tBodies[0].rows;
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      if (!head.classList.contains("number")) return;
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const direction = head.getAttribute("aria-sort") === "descending" ? 1 : -1;
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
        const sorted = [...rows].sort((a, b) => compare(value(a.cells[column]), value(b.cells[column]), direction));
        table.tBodies[0].append(...sorted);
      });
    });
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
      panels.append(...[...panels.children].sort((a, b) => compare(read(a), read(b), direction)));
    });
    panels.before(label);
  }
})();
