// A receipt: the record in the log, and what this browser found when it checked it.

import * as api from "./api.js";
import { check } from "./proof.js";
import { Panel, Trouble, code, grouped, html, useEffect, useHere, useState } from "./ui.js";

export function Receipt({ id, given, asked, close }) {
  const { t, about, may } = useHere();
  const [stamped, setStamped] = useState(null);
  const [checks, setChecks] = useState(null);
  const [failure, setFailure] = useState(null);
  const [kept, setKept] = useState(null); // question and answer, as the log has kept them
  // Who may see the log may see what was kept of others, and asks for it.
  const showable = !asked && may("log") && about.log?.keep === "texts";
  async function show() {
    try {
      const texts = await api.get(`/v1/log/texts/${encodeURIComponent(id)}`);
      setKept(texts);
      if (texts.prompt !== undefined) setChecks(await check(stamped, { given, vkey: about.log?.vkey, asked: texts }));
    } catch (error) {
      if (!error.kind) throw error;
      setKept({ failure: error });
    }
  }
  async function load() {
    setFailure(null);
    setKept(null);
    try {
      const got = await api.get(`/v1/receipts/${encodeURIComponent(id)}`);
      // A text that was withheld is not the one that was said: the record has what was said.
      const found = await check(got, { given, vkey: about.log?.vkey, asked });
      setStamped(got);
      setChecks(found);
    } catch (error) {
      if (!error.kind) throw error;
      setFailure(error);
    }
  }
  useEffect(() => { load(); }, [id]);
  return html`<${Panel} title=${t("receipt.title")} close=${close}>
    ${failure && html`<${Trouble} failure=${failure} again=${load} />`}
    <div role="status">${!failure && !checks && html`<p class="soft">${t("receipt.checking")}</p>`}${checks && html`<${Verdict} checks=${checks} />`}</div>
    ${checks && html`<${Found} stamped=${stamped} checks=${checks}>
      ${showable && !kept && html`<p><button type="button" class="plain" onClick=${show}>${t("receipt.show_texts")}</button></p>`}
      ${kept?.prompt !== undefined && html`<h3>${t("record.prompt")}</h3><blockquote class="passage data">${kept.prompt}</blockquote>
        <h3>${t("ask.answer")}</h3><blockquote class="passage data">${kept.answer ?? t("answer.none")}</blockquote>`}
      ${kept && kept.prompt === undefined && (!kept.failure || kept.failure.kind === "missing") && html`<p class="soft" role="status">${t("receipt.texts_gone")}</p>`}
      ${kept?.failure && kept.failure.kind !== "missing" && html`<${Trouble} failure=${kept.failure} again=${show} />`}
    <//>`}
  <//>`;
}

// "fits" only when each of the three was done, and nothing is left open.
const NEEDED = ["record", "tree", "signature"];
function verdict(checks) {
  if (checks.some((one) => one.state === "broken")) return "broken";
  const done = checks.every((one) => one.state === "fits") && NEEDED.every((name) => checks.some((one) => one.name === name));
  return done ? "fits" : "partly";
}

function Verdict({ checks }) {
  const { t } = useHere();
  const all = verdict(checks);
  return html`<p class=${`verdict ${all}`}><span class="tick" aria-hidden="true">${{ fits: "✓", broken: "✗", partly: "–" }[all]}</span><strong>${t(`receipt.${all}`)}</strong></p>`;
}

function Found({ stamped, checks, children }) {
  const { t, about } = useHere();
  const record = JSON.parse(stamped.data); // what was hashed, and nothing else
  return html`<ul class="checks">${checks.map((one) => html`<li key=${one.name} class=${one.state}><span class="tick" aria-hidden="true">${{ fits: "✓", broken: "✗", open: "–" }[one.state]}</span>
      <span><span class="hidden">${t(`receipt.state_${one.state}`)}: </span>${t(`receipt.${one.name}_${one.state}`)}</span></li>`)}</ul>
    <p class="soft small">${code(t("receipt.limits"))}</p>
    <h3>${t("receipt.record")}</h3>
    <${Record} record=${record} index=${stamped.index} />
    ${children}
    <h3>${t("receipt.proof")}</h3>
    <p class="soft small">${t("receipt.keep")}</p>
    <pre tabindex="0" aria-label=${t("receipt.checkpoint")}>${stamped.checkpoint}</pre>
    ${about.log?.vkey && html`<p class="soft small">${t("receipt.key")}</p><pre tabindex="0" aria-label=${t("receipt.key")}>${about.log.vkey}</pre>`}
    <details><summary>${t("receipt.way", { n: stamped.proof.length })}</summary>
      <pre tabindex="0">${[stamped.leaf, ...stamped.proof].map(grouped).join("\n")}</pre></details>
    <p><button type="button" class="plain" onClick=${() => save(stamped)}>${t("receipt.save")}</button></p>`;
}

export function Record({ record, index }) {
  const { t } = useHere();
  const rows = [
    ["index", index], ["id", html`<code>${record.id}</code>`], ["time", t.time(record.time)], ["who", record.who],
    ["kind", t.has(`kind.${record.kind}`) ? t(`kind.${record.kind}`) : record.kind],
    ["model", record.model && html`${record.model.name} <code>${record.model.format}</code><br /><code class="soft">${grouped(record.model.sha256)}</code>`],
    ["engine", record.engine?.name],
    ["settings", record.settings && Object.entries(record.settings).map(([name, value]) => `${name} ${JSON.stringify(value)}`).join(", ")],
    ["finish", record.finish_reason && t(`finish.${record.abstained ? "abstained" : record.finish_reason}`)],
    ["confidence", record.confidence != null ? t.share(record.confidence) : null],
    ["passages", record.passages?.length || null],
    ["kept", record.kept && t(`kept.${record.kept}`)],
  ];
  return html`<dl class="facts-list">${rows.filter(([, value]) => value !== null && value !== undefined && value !== "").map(([name, value]) => html`
    <div key=${name}><dt>${t(`record.${name}`)}</dt><dd class="data">${typeof value === "number" ? t.number(value) : value}</dd></div>`)}</dl>`;
}

function save(stamped) {
  const file = URL.createObjectURL(new Blob([JSON.stringify(stamped, null, 1)], { type: "application/json" }));
  const link = Object.assign(document.createElement("a"), { href: file, download: `${JSON.parse(stamped.data).id}.json` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(file), 10_000);
}
