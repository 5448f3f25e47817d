// A line of a log as a terminal would show it: colours become classes, every other escape sequence goes.

export interface Span {
  /** Its place in the line. */
  at: number;
  text: string;
  className: string;
}

const COLOURS: Record<number, string> = {
  30: "a-d",
  31: "a-r",
  32: "a-g",
  33: "a-y",
  34: "a-b",
  35: "a-m",
  36: "a-c",
  90: "a-d",
};
// CSI, OSC and its like (to BEL or ESC \), sets of letters, and escapes of one character.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const ESCAPE = /\x1b\[([0-?]*)[ -/]*([@-~])|\x1b[\]P^_X][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[()#%].|\x1b./g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g;

function clean(text: string): string {
  return text.replaceAll("\t", "    ").replace(CONTROL, "");
}

/** Of a line that was drawn over itself (`\r`) what was drawn last. */
export function lastDrawn(line: string): string {
  if (!line.includes("\r")) return line;
  const parts = line.split("\r").filter((part) => part !== "");
  return parts.at(-1) ?? "";
}

export function spans(line: string): Span[] {
  const out: Span[] = [];
  let [colour, bold, dim] = ["", false, false];
  let from = 0;
  const push = (text: string) => {
    const shown = clean(text);
    if (shown === "") return;
    const className = [colour || (dim ? "a-d" : ""), bold ? "a-o" : ""].filter(Boolean).join(" ");
    const before = out.at(-1);
    if (before !== undefined && before.className === className) before.text += shown;
    else out.push({ at: out.length, text: shown, className });
  };
  for (const match of line.matchAll(ESCAPE)) {
    push(line.slice(from, match.index));
    from = match.index + match[0].length;
    if (match[2] !== "m") continue;
    const codes = (match[1] ?? "").split(";").map(Number);
    for (let i = 0; i < codes.length; i += 1) {
      const code = codes[i] ?? 0;
      if (code === 0) [colour, bold, dim] = ["", false, false];
      else if (code === 1) bold = true;
      else if (code === 2) dim = true;
      else if (code === 22) [bold, dim] = [false, false];
      else if (code === 39) colour = "";
      else if (code === 38 || code === 48) i += codes[i + 1] === 5 ? 2 : 4;
      else if (code >= 90 && code <= 97) colour = COLOURS[code] ?? COLOURS[code - 60] ?? "";
      else if (code >= 30 && code <= 37) colour = COLOURS[code] ?? "";
    }
  }
  push(line.slice(from));
  return out;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const ODD = /[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/;

export function plain(line: string): string {
  return ODD.test(line) ? clean(line.replace(ESCAPE, "")) : line;
}
