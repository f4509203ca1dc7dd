// The log, for those who may see it: the newest first, page by page, and found by id or by time.

import * as api from "./api.js";
import { Receipt } from "./receipt.js";
import { Trouble, html, useEffect, useHere, useRef, useState } from "./ui.js";

const PAGE = 25;

const entries = (start, limit) => api.get(`/v1/log/entries?start=${start}&limit=${limit}`);
const size = async () => (await entries(0, 1)).size;

// The first record that is not older than a moment: records stand in the order of time.
async function firstSince(moment, all) {
  let low = 0, high = all;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const { entries: [found] } = await entries(middle, 1);
    if (Date.parse(found.record.time) < moment) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function Log() {
  const { t, about, announce, fail } = useHere();
  const [page, setPage] = useState(null); // {all, stop, rows}: records before `stop`, the newest first
  const [failure, setFailure] = useState(null);
  const [shown, setShown] = useState(null);
  const [busy, setBusy] = useState(false);
  const form = useRef(null);

  async function show(stop) {
    setBusy(true);
    setFailure(null);
    try {
      const all = await size();
      const to = Math.min(Math.max(stop ?? all, Math.min(PAGE, all)), all);
      const start = Math.max(0, to - PAGE);
      const rows = to > start ? (await entries(start, to - start)).entries.reverse() : [];
      setPage({ all, start, stop: to, rows });
      announce(t("log.showing", { from: start, to: to - 1, of: all }));
    } catch (error) {
      fail(error, setFailure);
    }
    setBusy(false);
  }
  useEffect(() => { show(); }, []);

  async function search(event) {
    event.preventDefault();
    const { id, since } = form.current.elements;
    if (id.value.trim()) return setShown(id.value.trim());
    if (!since.value) return show();
    setBusy(true);
    try {
      const all = await size();
      const first = await firstSince(Date.parse(since.value), all);
      await show(first + PAGE);
    } catch (error) {
      fail(error, setFailure);
    }
    setBusy(false);
  }
  const older = page && page.start > 0, newer = page && page.stop < page.all;
  return html`<section class="log">
    <h1>${t("log.title")}</h1>
    <p class="soft">${t(`log.keep_${about.log.keep}`)} <span class="data">${about.log.origin}</span></p>
    <form ref=${form} class="search" onSubmit=${search} role="search">
      <div><label for="log-id">${t("log.by_id")}</label><input id="log-id" name="id" type="text" spellcheck=${false} autocomplete="off" maxlength="100" /></div>
      <div><label for="log-since">${t("log.by_time")}</label><input id="log-since" name="since" type="datetime-local" step="1" /></div>
      <button type="submit" class="main" disabled=${busy}>${t("log.find")}</button>
    </form>
    ${failure && html`<${Trouble} failure=${failure} again=${() => show()} />`}
    ${page && page.all === 0 && html`<p class="soft">${t("log.empty")}</p>`}
    ${page && page.all > 0 && html`
      <div class="scroll" tabindex="0" role="group" aria-label=${t("log.title")}><table class="entries">
        <caption class="hidden">${t("log.title")}</caption>
        <thead><tr><th scope="col" class="number">${t("record.index")}</th><th scope="col">${t("record.time")}</th><th scope="col">${t("record.who")}</th>
          <th scope="col">${t("record.kind")}</th><th scope="col" class="number">${t("record.confidence")}</th><th scope="col">${t("record.id")}</th></tr></thead>
        <tbody>${page.rows.map(({ index, record }) => html`<tr key=${index}>
          <td class="number">${t.number(index)}</td><td class="when">${t.time(record.time)}</td><td class="data">${record.who}</td>
          <td>${record.kind === "answer" ? t(`finish.${record.abstained ? "abstained" : record.finish_reason}`) : t.has(`kind.${record.kind}`) ? t(`kind.${record.kind}`) : record.kind}</td>
          <td class="number">${record.confidence != null ? t.share(record.confidence) : ""}</td>
          <td><button type="button" class="link id" aria-haspopup="dialog" onClick=${() => setShown(record.id)}>${record.id}</button></td></tr>`)}</tbody>
      </table></div>
      <nav class="pages" aria-label=${t("log.pages")}>
        <button type="button" class="plain" disabled=${busy || !newer} onClick=${() => show(page.stop + PAGE)}>${t("log.newer")}</button>
        <span class="soft">${t("log.showing", { from: page.start, to: page.stop - 1, of: page.all })}</span>
        <button type="button" class="plain" disabled=${busy || !older} onClick=${() => show(page.start)}>${t("log.older")}</button>
      </nav>`}
    ${shown && html`<${Receipt} id=${shown} given=${null} asked=${null} close=${() => setShown(null)} />`}
  </section>`;
}
