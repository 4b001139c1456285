// Records are carried as gzip of a hundred at a time, and unpacked when one is opened.
const carried = JSON.parse(document.getElementById("records").textContent);
const placeOfRecord = new Map(carried.names.flatMap((names, chunk) => names.map((name) => [name, chunk])));
const unpacked = new Map();

function unpack(chunk) {
  if (!unpacked.has(chunk)) {
    const bytes = Uint8Array.from(atob(carried.chunks[chunk]), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    unpacked.set(chunk, new Response(stream).json());
  }
  return unpacked.get(chunk);
}

async function recordText(name) {
  if (!placeOfRecord.has(name)) return `This page does not carry this record. It lies in the run directory: pairs/${name}.json`;
  return (await unpack(placeOfRecord.get(name)))[name];
}

const recordDialog = document.getElementById("record");
async function openRecord(name) {
  recordDialog.querySelector("h2").textContent = `Record ${name}`;
  recordDialog.querySelector("pre").textContent = await recordText(name);
  const panel = document.querySelector(`.panel[data-record="${name}"]`);
  const link = recordDialog.querySelector("a");
  link.hidden = !panel;
  link.href = panel ? `#${panel.id}` : "#main";
  recordDialog.showModal();
}
recordDialog.querySelector("a").addEventListener("click", () => recordDialog.close());

document.addEventListener("click", (event) => {
  const name = event.target.closest?.("[data-open-record]")?.dataset.openRecord;
  if (name) openRecord(name);
  if (event.target.matches?.("dialog") || event.target.closest?.(".close")) event.target.closest("dialog").close();
});
