// A picture with 256 colours: a page has few, and the file is a fraction of it.
import { crc32, deflateSync, inflateSync } from "node:zlib";

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const COLOURS = 256;

interface Picture {
  width: number;
  height: number;
  /** One number a dot: red, green and blue. */
  dots: Uint32Array;
}

function paeth(left: number, up: number, corner: number): number {
  const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}

/** Of 8 bits a channel, as browsers write it. */
function read(png: Buffer): Picture {
  let [width, height, depth] = [0, 0, 0];
  const packed: Buffer[] = [];
  for (let at = SIGNATURE.length; at < png.length; ) {
    const size = png.readUInt32BE(at);
    const kind = png.toString("latin1", at + 4, at + 8);
    const body = png.subarray(at + 8, at + 8 + size);
    if (kind === "IHDR") {
      [width, height] = [body.readUInt32BE(0), body.readUInt32BE(4)];
      if (body[8] !== 8 || body[12] !== 0 || (body[9] !== 2 && body[9] !== 6)) throw new Error("another kind of PNG");
      depth = body[9] === 6 ? 4 : 3;
    } else if (kind === "IDAT") packed.push(body);
    at += size + 12;
  }
  const raw = inflateSync(Buffer.concat(packed));
  const line = width * depth;
  const out = new Uint8Array(line * height);
  for (let y = 0; y < height; y += 1) {
    const filter = raw[y * (line + 1)] ?? 0;
    for (let x = 0; x < line; x += 1) {
      const left = x < depth ? 0 : (out[y * line + x - depth] ?? 0);
      const up = y === 0 ? 0 : (out[(y - 1) * line + x] ?? 0);
      const corner = y === 0 || x < depth ? 0 : (out[(y - 1) * line + x - depth] ?? 0);
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter] ?? 0;
      out[y * line + x] = ((raw[y * (line + 1) + 1 + x] ?? 0) + guess) & 0xff;
    }
  }
  const dots = Uint32Array.from({ length: width * height }, (_, i) => {
    const at = i * depth;
    return ((out[at] ?? 0) << 16) | ((out[at + 1] ?? 0) << 8) | (out[at + 2] ?? 0);
  });
  return { width, height, dots };
}

function distance(a: number, b: number): number {
  const part = (shift: number) => ((a >> shift) & 0xff) - ((b >> shift) & 0xff);
  return 2 * part(16) ** 2 + 4 * part(8) ** 2 + 3 * part(0) ** 2;
}

/** Half of them the most frequent; then, one by one, what is frequent and far from all so far: signs are small, and their colours matter. */
function chosen(colours: number[], times: Map<number, number>): number[] {
  const kept = colours.slice(0, COLOURS / 2);
  const rest = colours.slice(COLOURS / 2);
  const far = rest.map((colour) => Math.min(...kept.map((one) => distance(one, colour))));
  while (kept.length < COLOURS && rest.length > 0) {
    let best = 0;
    let most = -1;
    rest.forEach((colour, i) => {
      const worth = (far[i] ?? 0) * Math.sqrt(times.get(colour) ?? 0);
      if (worth > most) [best, most] = [i, worth];
    });
    const colour = rest[best] ?? 0;
    kept.push(colour);
    rest.forEach((other, i) => {
      far[i] = Math.min(far[i] ?? 0, distance(colour, other));
    });
  }
  return kept;
}

function chunk(kind: string, body: Buffer): Buffer {
  const whole = Buffer.concat([Buffer.from(kind, "latin1"), body]);
  const [size, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  size.writeUInt32BE(body.length);
  sum.writeUInt32BE(crc32(whole));
  return Buffer.concat([size, whole, sum]);
}

export function smaller(png: Buffer): Buffer {
  const { width, height, dots } = read(png);
  const times = new Map<number, number>();
  for (const dot of dots) times.set(dot, (times.get(dot) ?? 0) + 1);
  // The colours chosen stay as they are; the others, edges of letters above all, become the nearest of these.
  const colours = [...times].sort(([, a], [, b]) => b - a).map(([colour]) => colour);
  const kept = chosen(colours, times);
  const index = new Map(kept.map((colour, i) => [colour, i]));
  for (const colour of colours) {
    if (index.has(colour)) continue;
    let best = 0;
    for (let i = 1; i < kept.length; i += 1)
      if (distance(kept[i] ?? 0, colour) < distance(kept[best] ?? 0, colour)) best = i;
    index.set(colour, best);
  }
  const lines = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) lines[y * (width + 1) + 1 + x] = index.get(dots[y * width + x] ?? 0) ?? 0;
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 3, 0, 0, 0], 8);
  const palette = Buffer.from(kept.flatMap((colour) => [colour >> 16, (colour >> 8) & 0xff, colour & 0xff]));
  const body = deflateSync(lines, { level: 9 });
  return Buffer.concat([
    SIGNATURE,
    chunk("IHDR", head),
    chunk("PLTE", palette),
    chunk("IDAT", body),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}
