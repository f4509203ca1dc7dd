// What the page can check by itself: the signature of the release that is embedded in it, and files that are dropped on it.
// It needs no network. The functions above `start` know nothing of the page, so that they can be tested without one.
"use strict";

(function () {
  const LANGUAGES = ["en", "nl", "de", "fr"];
  const RELEASE = "https://helder.dev/release/v1";
  const STATEMENT = "https://in-toto.io/Statement/v1";
  const PAYLOAD = "application/vnd.in-toto+json";
  const AT_ONCE = 64 * 1024 * 1024; // bytes up to which a file is hashed in one piece; WebCrypto has no other way
  const PIECE = 8 * 1024 * 1024; // bytes read at a time of larger files
  const MARKS = { fits: "✓", broken: "✗", cannot: "?" };

  // -- SHA-256 in pieces (FIPS 180-4), for files too large to be hashed at once -------------------------------------------

  const [START, ROUNDS] = (function () {
    // The constants are the first 32 bits of the fractional parts of square and cube roots of the first primes.
    const bits = (root) => ((root - Math.floor(root)) * 4294967296) | 0;
    const primes = [];
    for (let candidate = 2; primes.length < 64; candidate++) {
      if (primes.every((prime) => candidate % prime)) primes.push(candidate);
    }
    return [primes.slice(0, 8).map((prime) => bits(Math.sqrt(prime))), primes.map((prime) => bits(Math.cbrt(prime)))];
  })();

  class Sha256 {
    constructor() {
      this.state = Int32Array.from(START);
      this.words = new Int32Array(64);
      this.rest = new Uint8Array(64);
      this.held = 0; // bytes in `rest`
      this.length = 0; // bytes in all; exact up to 2^53
    }

    update(bytes) {
      let place = 0;
      this.length += bytes.length;
      if (this.held) {
        place = Math.min(64 - this.held, bytes.length);
        this.rest.set(bytes.subarray(0, place), this.held);
        this.held += place;
        if (this.held < 64) return this;
        this.block(this.rest, 0);
        this.held = 0;
      }
      for (; place + 64 <= bytes.length; place += 64) this.block(bytes, place);
      this.rest.set(bytes.subarray(place));
      this.held = bytes.length - place;
      return this;
    }

    block(bytes, at) {
      const w = this.words, state = this.state;
      for (let i = 0; i < 16; i++, at += 4) {
        w[i] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
      }
      for (let i = 16; i < 64; i++) {
        const x = w[i - 15], y = w[i - 2];
        const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
        const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
        w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
      }
      let a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];
      for (let i = 0; i < 64; i++) {
        const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
        const t1 = (h + s1 + ((e & f) ^ (~e & g)) + ROUNDS[i] + w[i]) | 0;
        const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
        const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
        h = g; g = f; f = e; e = (d + t1) | 0; d = c; c = b; b = a; a = (t1 + t2) | 0;
      }
      state[0] += a; state[1] += b; state[2] += c; state[3] += d;
      state[4] += e; state[5] += f; state[6] += g; state[7] += h;
    }

    hex() {
      const length = this.length;
      const padding = new Uint8Array((this.held < 56 ? 64 : 128) - this.held);
      padding[0] = 0x80;
      const view = new DataView(padding.buffer);
      view.setUint32(padding.length - 8, Math.floor(length / 0x20000000));
      view.setUint32(padding.length - 4, (length * 8) >>> 0);
      this.update(padding);
      return Array.from(this.state, (word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
    }
  }

  const subtle = () => (globalThis.crypto && globalThis.crypto.subtle) || null;
  const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

  async function digest(bytes) {
    return subtle() ? hex(new Uint8Array(await subtle().digest("SHA-256", bytes))) : new Sha256().update(bytes).hex();
  }

  // The SHA-256 of a file (a Blob); `progress` is told the share that is done.
  async function digestFile(file, progress, atOnce = AT_ONCE, piece = PIECE) {
    if (file.size <= atOnce) return digest(new Uint8Array(await file.arrayBuffer()));
    const sum = new Sha256();
    for (let place = 0; place < file.size; place += piece) {
      sum.update(new Uint8Array(await file.slice(place, place + piece).arrayBuffer()));
      if (progress) progress(Math.min(1, (place + piece) / file.size));
    }
    return sum.hex();
  }

  // -- the signature: DSSE v1, ECDSA on P-256 with SHA-256 -----------------------------------------------------------------

  const fromBase64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

  function fromPem(pem) {
    const lines = pem.trim().split(/\r?\n/);
    if (lines.shift() !== "-----BEGIN PUBLIC KEY-----" || lines.pop() !== "-----END PUBLIC KEY-----") throw new Error("PEM");
    return fromBase64(lines.join(""));
  }

  // Python signs in DER, a sequence of two integers; WebCrypto wants both as 32 bytes. Null when it is neither.
  function rawSignature(der) {
    const raw = new Uint8Array(64);
    if (der.length < 8 || der[0] !== 0x30 || der[1] !== der.length - 2) return null;
    let place = 2;
    for (const end of [32, 64]) {
      const length = der[place + 1];
      let number = der.subarray(place + 2, place + 2 + length);
      if (der[place] !== 0x02 || length < 1 || number.length !== length || number[0] & 0x80) return null;
      if (number[0] === 0 && length > 1) {
        if (!(number[1] & 0x80)) return null;
        number = number.subarray(1);
      }
      if (number.length > 32) return null;
      raw.set(number, end - number.length);
      place += 2 + length;
    }
    return place === der.length ? raw : null;
  }

  function preAuthentication(type, payload) {
    const encoder = new TextEncoder(), kind = encoder.encode(type);
    const parts = [encoder.encode(`DSSEv1 ${kind.length} `), kind, encoder.encode(` ${payload.length} `), payload];
    const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let place = 0;
    for (const part of parts) { joined.set(part, place); place += part.length; }
    return joined;
  }

  // {state: fits | partly | broken | malformed | cannot, good, all, keys: [{id, fits}], release, payload}
  async function verifyRelease(envelope, pems) {
    const found = { state: "malformed", good: 0, all: 0, keys: [], release: null };
    let payload, signatures, ders;
    try {
      if (envelope.payloadType !== PAYLOAD || !envelope.signatures.length) return found;
      payload = fromBase64(envelope.payload);
      signatures = envelope.signatures.map((one) => rawSignature(fromBase64(one.sig)));
      ders = pems.map(fromPem);
      const statement = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
      if (statement._type !== STATEMENT || statement.predicateType !== RELEASE) return found;
      if (!Array.isArray(statement.predicate.files)) return found;
      found.release = statement.predicate;
    } catch (error) {
      return found;
    }
    found.all = signatures.length;
    for (const der of ders) found.keys.push({ id: await digest(der), fits: false });
    if (!subtle()) return Object.assign(found, { state: "cannot" });
    try {
      const signed = preAuthentication(envelope.payloadType, payload), kind = { name: "ECDSA", namedCurve: "P-256" };
      const keys = await Promise.all(ders.map((der) => subtle().importKey("spki", der, kind, false, ["verify"])));
      for (const signature of signatures) {
        let fits = false;
        for (let i = 0; signature && i < keys.length; i++) {
          if (await subtle().verify({ name: "ECDSA", hash: "SHA-256" }, keys[i], signature, signed)) {
            found.keys[i].fits = fits = true;
          }
        }
        found.good += fits;
      }
    } catch (error) {
      return Object.assign(found, { state: "cannot" });
    }
    return Object.assign(found, { state: found.good === 0 ? "broken" : found.good < found.all ? "partly" : "fits" });
  }

  // -- files -----------------------------------------------------------------------------------------------------------

  // What a release says of its files: by digest, and by path.
  function indexOf(release) {
    const byDigest = new Map(), byPath = new Map(), hidden = new Map();
    for (const file of release.files) {
      if (!byDigest.has(file.sha256)) byDigest.set(file.sha256, []);
      byDigest.get(file.sha256).push(file.path);
      byPath.set(file.path, file.sha256);
    }
    for (const file of release.withheld || []) hidden.set(file.sha256, file.path);
    return { byDigest, byPath, hidden };
  }

  const baseName = (path) => path.slice(path.lastIndexOf("/") + 1);

  // {verdict: exact | elsewhere | hidden | altered | itself | stranger, path, others}. A path counts by its end, as far as
  // it fits: a folder may be dropped from anywhere.
  function lookUp(index, sha256, path) {
    const ends = (listed) => path === listed || path.endsWith(`/${listed}`) || (!path.includes("/") && baseName(listed) === path);
    const named = [...index.byPath.keys()].filter(ends).sort((a, b) => b.length - a.length);
    const same = index.byDigest.get(sha256);
    if (same) {
      const nearest = path.includes("/") ? named.slice(0, 1) : named;
      const here = nearest.find((listed) => same.includes(listed));
      return { verdict: here ? "exact" : "elsewhere", path: here || same[0], others: same.length - 1 };
    }
    if (index.hidden.has(sha256)) return { verdict: "hidden", path: index.hidden.get(sha256), others: 0 };
    if (["certificate.html", "certificate.dsse.json"].includes(baseName(path))) return { verdict: "itself", path, others: 0 };
    return named.length ? { verdict: "altered", path: named[0], others: 0 } : { verdict: "stranger", path, others: 0 };
  }

  // Whether a file is the release in the page: the same payload, whatever signatures were added since.
  function sameRelease(text, envelope) {
    try {
      return JSON.parse(text).payload === envelope.payload;
    } catch (error) {
      return false;
    }
  }

  // -- the page ----------------------------------------------------------------------------------------------------------

  function start() {
    const embedded = JSON.parse(document.getElementById("embedded").textContent);
    const texts = JSON.parse(document.getElementById("texts").textContent);
    const by = (id) => document.getElementById(id);

    // The language: what was chosen before in this page, else the browser's first that the page speaks.
    const choose = (language) => {
      by(`lang-${language}`).checked = true;
      document.documentElement.lang = language;
    };
    for (const language of LANGUAGES) by(`lang-${language}`).addEventListener("change", () => choose(language));
    const asked = new URLSearchParams(location.hash.slice(1)).get("lang");
    const wanted = [asked, ...(navigator.languages || [navigator.language])].map((one) => String(one).slice(0, 2).toLowerCase());
    choose(wanted.find((one) => LANGUAGES.includes(one)) || "en");

    const element = (name, text, kind) => {
      const made = document.createElement(name);
      if (text !== undefined) made.textContent = text;
      if (kind) made.className = kind;
      return made;
    };

    // A sentence in all languages, as the rest of the page has them; what is put into it is text, never markup.
    const say = (key, values = {}) => {
      const all = element("span", undefined, "t");
      for (const language of LANGUAGES) {
        const one = element("span");
        one.lang = language;
        for (const part of texts[language][key].split(/(\{\w+\}|`[^`]+`)/)) {
          if (part[0] === "{") {
            const value = values[part.slice(1, -1)];
            one.append(element("bdi", typeof value === "number" ? value.toLocaleString(language) : String(value)));
          } else one.append(part[0] === "`" ? element("code", part.slice(1, -1)) : part);
        }
        all.append(one);
      }
      return all;
    };

    const fingerprint = (id) => {
      const line = element("p", undefined, "print");
      for (const group of id.match(/.{4}/g)) line.append(element("span", group));
      return line;
    };

    const shown = verifyRelease(embedded.envelope, embedded.keys).then((found) => {
      const box = by("signature"), good = found.state === "fits";
      const kind = good ? "fits" : found.state === "cannot" ? "cannot" : "broken";
      box.className = `verdict ${kind}`;
      const words = element("div"), sentence = element("p");
      sentence.append(say(found.state, { n: found.release ? found.release.files.length : 0, good: found.good, all: found.all }));
      words.append(sentence);
      if (good) { const still = element("p"); still.append(say("still")); words.append(still); }
      const mark = element("span", MARKS[kind], "mark");
      mark.setAttribute("aria-hidden", "true");
      box.replaceChildren(mark, words);
      box.dataset.state = found.state;
      if (found.keys.length) by("fingerprints").replaceChildren(...found.keys.map((key) => fingerprint(key.id)));
      const trusted = ["fits", "partly"].includes(found.state);
      by("files-panel").hidden = !trusted;
      by("files-none").hidden = trusted;
      if (!trusted) by("files-none").replaceChildren(say("no_index"));
      return trusted ? indexOf(found.release) : null;
    });

    const results = by("results"), summary = by("summary"), busy = by("busy");

    const show = (path, kind, words, sha256) => {
      const item = element("li", undefined, kind);
      const mark = element("span", MARKS[kind], "mark");
      mark.setAttribute("aria-hidden", "true");
      const text = element("div");
      text.append(element("b", path), " ", words);
      if (sha256) text.append(element("code", sha256, "digest"));
      item.append(mark, text);
      results.append(item);
    };

    const check = async (files, folder) => {
      const index = await shown;
      if (!index) return;
      const seen = new Set(), count = { good: 0, altered: 0, stranger: 0 };
      results.replaceChildren();
      summary.replaceChildren();
      for (const { file, path } of files) {
        busy.replaceChildren(say("hashing", { name: path, percent: 0 }));
        let sha256;
        try {
          sha256 = await digestFile(file, (share) => busy.replaceChildren(say("hashing", { name: path, percent: Math.floor(100 * share) })));
          if (baseName(path) === "release.dsse.json" && !index.byDigest.has(sha256)) {
            const same = sameRelease(await file.text(), embedded.envelope);
            count[same ? "good" : "altered"]++;
            show(path, same ? "fits" : "broken", say(same ? "same_release" : "other_release"), sha256);
            continue;
          }
        } catch (error) {
          show(path, "cannot", say("unread", { why: error.name || String(error) }));
          continue;
        }
        const found = lookUp(index, sha256, path);
        const kind = { exact: "fits", elsewhere: "fits", hidden: "fits", altered: "broken", stranger: "broken", itself: "cannot" }[found.verdict];
        const words = say(found.verdict, { path: found.path });
        if (found.others) words.append(" ", say("and_others", { n: found.others }));
        if (kind === "fits") { count.good++; seen.add(sha256); } else if (found.verdict in count) count[found.verdict]++;
        show(path, kind, words, sha256);
      }
      busy.replaceChildren();
      // What is wrong comes first, and is not looked for among hundreds that are right.
      for (const kind of ["cannot", "broken"]) results.prepend(...results.querySelectorAll(`li.${kind}`));
      if (!files.length) return void summary.replaceChildren(say("empty"));
      if (files.length > 1) {
        summary.append(say("summary", { ...count, all: files.length }));
        const absent = [...index.byPath.values()].filter((sha256) => !seen.has(sha256)).length;
        if (folder && absent) summary.append(" ", say("absent", { n: absent }));
      }
    };

    const chosen = (input, folder) => input.addEventListener("change", () => {
      const files = Array.from(input.files, (file) => ({ file, path: file.webkitRelativePath || file.name }));
      files.sort((a, b) => (a.path < b.path ? -1 : 1));
      input.value = "";
      check(files, folder);
    });
    chosen(by("choose-files"), false);
    chosen(by("choose-folder"), true);

    // A folder that is dropped has to be walked; browsers hand out at most 100 entries at a time.
    const walk = async (entry, found) => {
      if (entry.isFile) {
        const file = await new Promise((done, failed) => entry.file(done, failed));
        found.push({ file, path: entry.fullPath.replace(/^\//, "") });
      } else {
        const reader = entry.createReader();
        for (;;) {
          const some = await new Promise((done, failed) => reader.readEntries(done, failed));
          if (!some.length) break;
          for (const one of some) await walk(one, found);
        }
      }
    };
    const zone = by("drop");
    for (const event of ["dragenter", "dragover"]) addEventListener(event, (one) => { one.preventDefault(); zone.classList.add("over"); });
    addEventListener("dragleave", (one) => { if (!one.relatedTarget) zone.classList.remove("over"); });
    addEventListener("drop", async (one) => {
      one.preventDefault();
      zone.classList.remove("over");
      const entries = Array.from(one.dataTransfer.items || [], (item) => item.webkitGetAsEntry && item.webkitGetAsEntry()).filter(Boolean);
      const plain = Array.from(one.dataTransfer.files || [], (file) => ({ file, path: file.name }));
      const found = [];
      try {
        for (const entry of entries) await walk(entry, found);
      } catch (error) {
        found.length = 0;
      }
      const files = found.length ? found : plain;
      files.sort((a, b) => (a.path < b.path ? -1 : 1));
      check(files, entries.some((entry) => entry.isDirectory));
    });
  }

  const tested = { Sha256, digestFile, fromBase64, fromPem, rawSignature, preAuthentication, verifyRelease, indexOf, lookUp, sameRelease };
  if (typeof document !== "undefined") start();
  else if (typeof module !== "undefined") module.exports = tested;
})();
