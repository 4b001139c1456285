// Decodes a 16-bit grey PNG, which a canvas would cut to 8 bits: inflate, then undo each row's filter (PNG, chapter 9).
async function decodePng16(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  let columns = 0;
  let rows = 0;
  const packed = [];
  for (let at = 8; at + 8 <= bytes.length; ) {
    const length = view.getUint32(at);
    const kind = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const body = at + 8;
    if (kind === "IHDR") {
      columns = view.getUint32(body);
      rows = view.getUint32(body + 4);
      if (bytes[body + 8] !== 16 || bytes[body + 9] !== 0 || bytes[body + 12] !== 0) throw new Error("no plain 16-bit grey PNG");
    }
    if (kind === "IDAT") packed.push(bytes.subarray(body, body + length));
    at = body + length + 4;
  }
  const stream = new Blob(packed).stream().pipeThrough(new DecompressionStream("deflate"));
  return { rows, columns, pixels: unfilter(new Uint8Array(await new Response(stream).arrayBuffer()), rows, columns) };
}

function unfilter(raw, rows, columns) {
  const width = columns * 2;
  const pixels = new Uint16Array(rows * columns);
  let above = new Uint8Array(width);
  for (let row = 0; row < rows; row++) {
    const kind = raw[row * (width + 1)];
    const line = raw.slice(row * (width + 1) + 1, (row + 1) * (width + 1));
    for (let i = 0; i < width; i++) {
      const left = i > 1 ? line[i - 2] : 0;
      const corner = i > 1 ? above[i - 2] : 0;
      if (kind === 1) line[i] += left;
      else if (kind === 2) line[i] += above[i];
      else if (kind === 3) line[i] += (left + above[i]) >> 1;
      else if (kind === 4) line[i] += paeth(left, above[i], corner);
    }
    for (let column = 0; column < columns; column++) pixels[row * columns + column] = (line[2 * column] << 8) | line[2 * column + 1];
    above = line;
  }
  return pixels;
}

function paeth(left, above, corner) {
  const guess = left + above - corner;
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - above), Math.abs(guess - corner)];
  return a <= b && a <= c ? left : b <= c ? above : corner;
}

const decoded = new Map();
function film(name) {
  if (!decoded.has(name)) {
    // A few hundred decoded films would fill a phone's memory.
    if (decoded.size > 40) decoded.delete(decoded.keys().next().value);
    decoded.set(name, decodePng16(document.getElementById(name).textContent.trim()));
  }
  return decoded.get(name);
}
