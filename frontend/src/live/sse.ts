// Server-sent events out of a stream of text, as the standard reads them. Not `EventSource`: that can send no key and hides why it failed.

export interface Frame {
  id: string | null;
  event: string;
  data: string;
}

/** Feed it pieces as they come; it gives the frames that are complete. A comment gives nothing. */
export class FrameReader {
  private rest = "";
  private data: string[] = [];
  private event = "";
  private id: string | null = null;
  /** The cursor behind the last whole frame, also of one without data. */
  lastId: string | null = null;
  /** What the server asked to wait before coming back. */
  retryMs: number | null = null;

  feed(text: string): Frame[] {
    const frames: Frame[] = [];
    this.rest += text;
    for (;;) {
      const end = /\r\n|\n|\r/.exec(this.rest);
      // A lone \r at the end may be the first half of \r\n.
      if (end === null || (end[0] === "\r" && end.index === this.rest.length - 1)) return frames;
      const line = this.rest.slice(0, end.index);
      this.rest = this.rest.slice(end.index + end[0].length);
      const frame = this.line(line);
      if (frame !== null) frames.push(frame);
    }
  }

  private line(line: string): Frame | null {
    if (line === "") {
      const frame = { id: this.id, event: this.event === "" ? "message" : this.event, data: this.data.join("\n") };
      this.lastId = this.id;
      const told = this.data.length > 0 || this.event !== "";
      this.data = [];
      this.event = "";
      return told ? frame : null;
    }
    const colon = line.indexOf(":");
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") this.data.push(value);
    else if (field === "event") this.event = value;
    else if (field === "id" && !value.includes("\0")) this.id = value === "" ? null : value;
    else if (field === "retry" && /^\d+$/.test(value)) this.retryMs = Number(value);
    return null;
  }
}
