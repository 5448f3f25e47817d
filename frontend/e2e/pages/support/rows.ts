// Rows of a home as SQL text: what `sqlite3` is fed with while no infrakt has the home open.
import { createCipheriv, createHmac, randomBytes } from "node:crypto";

export type Value = string | number | null | Uint8Array;
export type Row = Record<string, Value>;

function literal(value: Value): string {
  if (value === null) return "NULL";
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return `'${value.replaceAll("'", "''")}'`;
  return `X'${Buffer.from(value).toString("hex")}'`;
}

export function insert(table: string, rows: Row[]): string {
  return rows
    .map((row) => `INSERT INTO ${table}(${Object.keys(row).join(", ")}) VALUES (${Object.values(row).map(literal)});`)
    .join("\n");
}

/** Times of the tables that the first release has too: text, in seconds. */
export function text(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace("T", " ");
}

/** A Fernet token, as infrakt seals passwords and variables with the home's `master.key`. */
export function seal(masterKey: string, plain: string): string {
  const key = Buffer.from(masterKey.trim(), "base64url");
  const iv = randomBytes(16);
  const cipher = createCipheriv("aes-128-cbc", key.subarray(16), iv);
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 1000)));
  const body = Buffer.concat([Buffer.from([0x80]), time, iv, cipher.update(plain, "utf8"), cipher.final()]);
  const token = Buffer.concat([body, createHmac("sha256", key.subarray(0, 16)).update(body).digest()]);
  return token.toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}
