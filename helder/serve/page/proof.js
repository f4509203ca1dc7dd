// A receipt, checked in the browser: is this record the one in the log, under a checkpoint that the log's key signed?
// Trees as in RFC 9162 (2.1.3.2), signed notes and checkpoints as C2SP writes them. What is shown is what was hashed.

const text = new TextEncoder();
const subtle = globalThis.crypto?.subtle;

const bytesOf = (hex) => {
  if (!/^([0-9a-f]{2})*$/.test(hex)) throw new Error("no hexadecimal digits");
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
};
const hexOf = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const base64 = (encoded) => Uint8Array.from(atob(encoded), (sign) => sign.charCodeAt(0));
const joined = (...parts) => {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let place = 0;
  for (const part of parts) { all.set(part, place); place += part.length; }
  return all;
};
const sha256 = async (...parts) => new Uint8Array(await subtle.digest("SHA-256", joined(...parts)));
const same = (one, other) => one.length === other.length && one.every((byte, place) => byte === other[place]);

export const leafOf = (data) => sha256([0], text.encode(data));

// The root of a tree of `size` leaves, from a leaf, its number and the digests beside its way up; null if there are too
// many or too few of them.
export async function rootOf(leaf, index, size, proof) {
  if (!Number.isInteger(index) || index < 0 || index >= size) return null;
  let node = index, last = size - 1, found = leaf;
  for (const beside of proof) {
    if (last === 0) return null;
    if (node % 2 === 1 || node === last) {
      found = await sha256([1], beside, found);
      while (node % 2 === 0 && node !== 0) { node = Math.floor(node / 2); last = Math.floor(last / 2); }
    } else {
      found = await sha256([1], found, beside);
    }
    node = Math.floor(node / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 ? found : null;
}

// The three lines of a checkpoint, and its signatures.
export function opened(note) {
  const split = note.lastIndexOf("\n\n");
  if (split < 0 || !note.endsWith("\n")) throw new Error("no signed note");
  const signed = note.slice(0, split + 1);
  const [origin, size, root] = signed.split("\n");
  if (!origin || !/^(0|[1-9][0-9]{0,15})$/.test(size ?? "")) throw new Error("no checkpoint");
  const signatures = note.slice(split + 2, -1).split("\n").map((line) => {
    const found = /^— (\S+) (\S+)$/.exec(line);
    if (!found) throw new Error("no signature line");
    const data = base64(found[2]);
    return { name: found[1], id: hexOf(data.slice(0, 4)), signature: data.slice(4) };
  });
  return { signed, origin, size: Number(size), root: base64(root), signatures };
}

// A key as logs hand it out: name+id+base64.
export async function keyOf(vkey) {
  const [name, id, ...rest] = vkey.trim().split("+");
  const data = base64(rest.join("+")); // base64 may hold a plus
  const own = hexOf((await sha256(text.encode(`${name}\n`), data)).slice(0, 4));
  if (data.length !== 33 || data[0] !== 1 || own !== id) throw new Error("no Ed25519 key of a log");
  return { name, id, key: data.slice(1) };
}

// true, false, or null where the browser knows no Ed25519.
export async function signedBy(note, vkey) {
  const { name, id, key } = await keyOf(vkey);
  const found = note.signatures.filter((one) => one.name === name && one.id === id);
  if (note.origin !== name || found.length === 0) return false;
  let imported;
  try {
    imported = await subtle.importKey("raw", key, { name: "Ed25519" }, false, ["verify"]);
  } catch (error) {
    if (error.name === "NotSupportedError") return null;
    throw error;
  }
  const fit = await Promise.all(found.map((one) => subtle.verify({ name: "Ed25519" }, imported, one.signature, text.encode(note.signed))));
  return fit.every(Boolean);
}

// The salted digest of a text, as the record has it.
export async function saltedOf(salt, name, value) {
  const key = await subtle.importKey("raw", bytesOf(salt), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const said = text.encode(`helder/audit/${name}\n${canonical(value)}`);
  return hexOf(new Uint8Array(await subtle.sign("HMAC", key, said)));
}

// A text as canonical JSON of Helder: JavaScript escapes the same characters, DEL and the line separators not at all.
const canonical = (value) => JSON.stringify(value);

// Every check of a receipt, in order: {name, state: "fits" | "broken" | "open", …}. Throws nothing: what cannot be read
// is broken.
//   stamped: GET /v1/receipts/{id}; given: the receipt that came with the answer, or null;
//   vkey: the log's key, or null; asked: {prompt, answer} as the page has them, or null.
export async function check(stamped, { given = null, vkey = null, asked = null } = {}) {
  if (!subtle) return [{ name: "subtle", state: "open" }];
  const checks = [];
  const attempt = async (name, work) => {
    let state;
    try { state = await work(); } catch { state = "broken"; }
    checks.push({ name, state: state === true ? "fits" : state === "open" ? "open" : "broken" });
  };
  let leaf = null, note = null;
  await attempt("record", async () => {
    leaf = await leafOf(stamped.data);
    const promised = !given || (given.leaf === hexOf(leaf) && given.index === stamped.index && given.id === JSON.parse(stamped.data).id);
    return hexOf(leaf) === stamped.leaf && promised;
  });
  await attempt("tree", async () => {
    note = opened(stamped.checkpoint);
    const root = await rootOf(leaf, stamped.index, note.size, stamped.proof.map(bytesOf));
    return root !== null && same(root, note.root);
  });
  await attempt("signature", async () => {
    if (!vkey) return "open";
    const fits = await signedBy(note ?? opened(stamped.checkpoint), vkey);
    return fits === null ? "open" : fits;
  });
  if (asked) {
    await attempt("texts", async () => {
      if (!stamped.salts) return "open";
      const { digests } = JSON.parse(stamped.data);
      const prompt = await saltedOf(stamped.salts.prompt, "prompt", asked.prompt);
      const answer = await saltedOf(stamped.salts.answer, "answer", asked.answer);
      return prompt === digests.prompt && answer === digests.answer;
    });
  }
  return checks;
}
