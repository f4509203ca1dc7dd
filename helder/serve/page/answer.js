// An answer: what was said, in the form of the task; where it stands; how sure it is; its receipt.

import { Receipt } from "./receipt.js";
import { Panel, Trouble, characters, html, useHere, useMemo, useState } from "./ui.js";

export function Answer({ of: one, again, retrace, busy }) {
  const { t } = useHere();
  const { helder, state } = one;
  if (state === "failed" && !one.text) return html`<${Trouble} failure=${one.failure} again=${busy ? null : again} />`;
  return html`<div class=${`answer ${helder?.abstained ? "withheld" : ""}`} aria-busy=${state === "writing"}>
    ${helder?.abstained ? html`<${Withheld} of=${one} />` : html`<${Said} of=${one} />`}
    ${state === "stopped" && html`<p class="soft small">${t("answer.stopped")}</p>`}
    ${one.finish === "length" && html`<p class="bad small">${t("answer.length")}</p>`}
    ${helder?.quotes?.some((quote) => !quote.verbatim) && html`<p class="bad small">${t("passages.some_not_verbatim")}</p>`}
    ${helder?.error && html`<p class="bad small">${t("answer.unreadable")} <span lang="en" class="data">${helder.error}</span></p>`}
    ${state === "failed" && html`<${Trouble} failure=${one.failure} again=${busy ? null : again} />`}
    ${helder?.passages?.length > 0 && html`<${Passages} passages=${helder.passages} dropped=${helder.passages_dropped} />`}
    ${state !== "writing" && html`<${Facts} of=${one} retrace=${retrace} />`}
  </div>`;
}

function Withheld({ of: one }) {
  const { t, about } = useHere();
  return html`<p class="says"><strong>${t("answer.abstained")}</strong></p>
    <p class="data">${one.text}</p>
    <p class="soft small">${t("answer.abstained_why")}${one.helder.confidence != null && about.abstention?.threshold != null
      ? ` ${t("answer.abstained_sure", { sure: t.share(one.helder.confidence), least: t.share(about.abstention.threshold) })}` : ""}</p>`;
}

function Said({ of: one }) {
  const { t, about } = useHere();
  const { kind } = about.task;
  const decoded = one.state === "done" && one.helder?.answer != null && !one.helder.error;
  if (one.state === "writing" && !one.text) return html`<p class="waiting"><span class="dots" aria-hidden="true"></span><span class="soft">${t("ask.writing")}</span></p>`;
  if (decoded && kind === "label") return html`<${Label} of=${one} />`;
  if (decoded && kind === "record") return html`<${Records} value=${one.helder.answer} schema=${about.task.schema} />
    <details class="raw"><summary>${t("answer.as_written")}</summary><${Traced} of=${one} code=${true} /></details>`;
  return html`<${Traced} of=${one} code=${kind === "record"} />`;
}

// -- labels ----------------------------------------------------------------------------------------------------------

function Label({ of: one }) {
  const { t } = useHere();
  const { answer, label } = one.helder;
  const { probability = null, calibrated = false, low, high, n } = label ?? {};
  return html`<div class="label">
    <p class="value data">${answer}</p>
    ${probability != null && html`<p class="chance">
        <svg class="share" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label=${t("answer.probability", { share: t.share(probability) })}>
          <rect class="rest" width="100" height="10" rx="2" /><rect class="value" width=${100 * probability} height="10" rx="2" />
          ${calibrated && html`<line class="interval" x1=${100 * low} x2=${100 * high} y1="5" y2="5" />`}
        </svg><strong>${t.share(probability)}</strong></p>
      <p class="soft small">${calibrated
        ? t("answer.calibrated", { share: t.share(probability), low: t.share(low), high: t.share(high), n })
        : t("answer.own_probability")}</p>`}
  </div>`;
}

// -- records ---------------------------------------------------------------------------------------------------------

function Records({ value, schema }) {
  const { t } = useHere();
  const many = Array.isArray(value);
  const records = many ? value : [value];
  const properties = (schema?.items ?? schema)?.properties ?? {};
  const names = [...new Set([...Object.keys(properties), ...records.flatMap((one) => Object.keys(one))])];
  if (records.length === 0) return html`<p class="soft">${t("answer.no_records")}</p>`;
  return records.map((record, place) => html`<div class="scroll" tabindex="0" role="group" aria-label=${t("answer.record", { n: place + 1, of: records.length })} key=${place}>
    <table class="record"><caption class=${records.length > 1 ? "" : "hidden"}>${t("answer.record", { n: place + 1, of: records.length })}</caption><tbody>
      ${names.map((name) => html`<tr key=${name}><th scope="row" title=${properties[name]?.description}>${properties[name]?.title ?? name}</th>
        <td><${Value} value=${record[name]} /></td></tr>`)}
    </tbody></table></div>`);
}

function Value({ value }) {
  const { t } = useHere();
  if (value === null || value === undefined) return html`<span class="soft">${t("answer.none")}</span>`;
  if (typeof value === "boolean") return html`<span class=${value ? "" : "soft"}>${t(value ? "answer.yes" : "answer.no")}</span>`;
  if (typeof value === "number") return t.number(value);
  if (typeof value === "string") return html`<span class="data">${value}</span>`;
  if (Array.isArray(value) && value.every((one) => typeof one !== "object")) return html`<span class="data">${value.join(", ")}</span>`;
  return html`<code>${JSON.stringify(value)}</code>`;
}

// -- where it stands -------------------------------------------------------------------------------------------------

// A text with its parts marked: what stands in an own document can be opened.
function Traced({ of: one, code }) {
  const { t } = useHere();
  const [open, setOpen] = useState(null);
  const quotes = one.helder?.quotes;
  const parts = useMemo(() => quotedIn(partsOf(one.text, one.trace?.spans), quotes), [one.text, one.trace, quotes]);
  return html`<p class=${`says data ${code ? "code" : ""}`}>${parts.map((part, place) => {
    const quote = part.verbatim === undefined ? "" : part.verbatim ? "quote" : "no-quote";
    const aside = part.verbatim === false && html`<span class="hidden"> (${t("passages.not_verbatim")})</span>`;
    if (part.kind === "document" || (part.kind === "prompt" && part.documents.length > 0)) {
      const press = () => setOpen(part);
      const key = (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); press(); } };
      return html`<span key=${place} class=${`span ${part.kind} ${quote}`} role="button" tabindex="0" aria-haspopup="dialog" onClick=${press} onKeyDown=${key}
        >${part.text}<span class="hidden"> (${t("trace.in_document", { name: part.documents[0]?.name ?? "" })})</span>${aside}</span>`;
    }
    if (part.kind === "prompt") return html`<span key=${place} class=${`span prompt ${quote}`}>${part.text}<span class="hidden"> (${t("trace.in_prompt")})</span>${aside}</span>`;
    return html`<span key=${place} class=${quote}>${part.text}${aside}</span>`;
  })}${one.state === "writing" && html`<span class="caret" aria-hidden="true"></span>`}</p>
  ${open && html`<${Documents} part=${open} close=${() => setOpen(null)} />`}`;
}

function partsOf(text, spans) {
  if (!spans?.length) return [{ kind: "none", text, documents: [] }];
  const signs = characters(text);
  const parts = [];
  let place = 0;
  for (const span of [...spans].sort((one, other) => one.start - other.start)) {
    if (span.start > place) parts.push({ kind: "none", text: signs.slice(place, span.start).join(""), documents: [] });
    const start = Math.max(place, span.start);
    if (span.stop > start) parts.push({ kind: span.kind, text: signs.slice(start, span.stop).join(""), documents: span.documents ?? [] });
    place = Math.max(place, span.stop);
  }
  if (place < signs.length) parts.push({ kind: "none", text: signs.slice(place).join(""), documents: [] });
  return parts;
}

// The same parts, divided further where quotations begin and end; `verbatim` says whether a passage holds the quotation.
function quotedIn(parts, quotes) {
  if (!quotes?.length) return parts;
  const divided = [];
  let at = 0;
  for (const part of parts) {
    const signs = characters(part.text), stop = at + signs.length;
    const edges = [...new Set([at, stop, ...quotes.flatMap((one) => [one.start, one.stop])])].filter((edge) => edge >= at && edge <= stop).sort((one, other) => one - other);
    for (let place = 0; place + 1 < edges.length; place++) {
      const within = quotes.find((one) => one.start <= edges[place] && edges[place + 1] <= one.stop);
      divided.push({ ...part, text: signs.slice(edges[place] - at, edges[place + 1] - at).join(""), verbatim: within?.verbatim });
    }
    at = stop;
  }
  return divided;
}

// How much of a text is of each kind, by characters.
function sharesOf(text, spans) {
  const shares = { document: 0, prompt: 0, none: 0 };
  const parts = partsOf(text, spans);
  const all = characters(text).length || 1;
  for (const part of parts) shares[part.kind] += characters(part.text).length / all;
  return shares;
}

function Documents({ part, close }) {
  const { t } = useHere();
  const [at, setAt] = useState(0);
  const { documents } = part;
  const found = documents[at];
  return html`<${Panel} title=${t("trace.title")} close=${close}>
    <p class="soft">${t("trace.count", { n: found.occurrences ?? documents.length })}</p>
    ${documents.length > 1 && html`<div class="places" role="group" aria-label=${t("trace.places")}>
      ${documents.map((one, place) => html`<button key=${place} type="button" aria-pressed=${place === at} onClick=${() => setAt(place)}>${place + 1}</button>`)}
    </div>`}
    <h3 class="data">${found.title ?? found.name}</h3>
    <p class="soft small data">${[found.title ? found.name : null, found.line ? t("trace.line", { n: found.line }) : null, found.licence].filter(Boolean).join(" · ")}</p>
    <blockquote class="passage data" tabindex="0" aria-label=${t("trace.passage")}>${found.passage.before}<mark>${found.passage.match}</mark>${found.passage.after}</blockquote>
    <p class="soft small">${t("trace.not_cause")}</p>
  <//>`;
}

// What a model was given to read, with what it quotes marked where it stands word for word.
function Passages({ passages, dropped }) {
  const { t } = useHere();
  const quoted = passages.filter((one) => one.quoted?.length).length;
  return html`<section class="passages"><h3>${t("passages.title")}</h3>
    <p class="soft small">${t(quoted ? "passages.quoted" : "passages.not_quoted", { n: quoted })}${dropped > 0 && ` ${t("passages.dropped", { n: dropped })}`}</p>
    ${passages.map((one, place) => html`<details key=${place}>
      <summary><span class="data">${one.document}</span>${one.quoted?.length > 0 && html` <span class="badge">${t("passages.quote")}</span>`}</summary>
      <blockquote class="passage data">${marked(one.text, one.quoted ?? [])}</blockquote></details>`)}
  </section>`;
}

function marked(text, ranges) {
  const signs = characters(text);
  const parts = [];
  let place = 0;
  for (const [start, stop] of [...ranges].sort((one, other) => one[0] - other[0])) {
    if (stop <= place) continue;
    const from = Math.max(start, place);
    parts.push(signs.slice(place, from).join(""), html`<mark>${signs.slice(from, stop).join("")}</mark>`);
    place = stop;
  }
  return [...parts, signs.slice(place).join("")];
}

// -- below an answer -------------------------------------------------------------------------------------------------

function Facts({ of: one, retrace }) {
  const { t, about } = useHere();
  const [receipt, setReceipt] = useState(false);
  const { helder, trace } = one;
  const shares = trace?.spans && sharesOf(one.text, trace.spans);
  const kinds = ["document", "prompt", "none"].filter((kind) => shares?.[kind] > 0);
  const logged = about.log && one.id && (helder?.receipt || one.state !== "done");
  return html`<div class="facts">
    ${kinds.length > 0 && html`<ul class="legend" aria-label=${t("trace.legend")}>
      ${kinds.map((kind) => html`<li key=${kind}><span class=${`swatch ${kind}`} aria-hidden="true"></span>${t(`trace.${kind}`)} <span class="figure">${t.share(shares[kind])}</span></li>`)}
    </ul>`}
    ${trace === "under way" && html`<p class="soft">${t("trace.under_way")}</p>`}
    ${trace?.failure && html`<p class="soft">${t("trace.failed")} <button type="button" class="link" onClick=${retrace}>${t("error.again")}</button></p>`}
    ${helder && !helder.abstained && helder.confidence != null && html`<p>${t("answer.sure", { share: t.share(helder.confidence) })}${helder.promised === false ? ` ${t("answer.not_promised")}` : ""}</p>`}
    ${logged && html`<button type="button" class="link" aria-haspopup="dialog" onClick=${() => setReceipt(true)}>${
      helder?.receipt ? t("receipt.open", { n: helder.receipt.index }) : t("receipt.open_any")}</button>`}
    ${receipt && html`<${Receipt} id=${one.id} given=${helder?.receipt ?? null} asked=${one.state === "done" ? { prompt: one.question, answer: one.text } : null} close=${() => setReceipt(false)} />`}
  </div>`;
}
