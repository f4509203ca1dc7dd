// What all views share: templates, hooks, the mark, notices of errors.

import { h, render, createContext } from "./vendor/preact.js";
import { useContext, useEffect, useMemo, useRef, useState } from "./vendor/hooks.js";
import htm from "./vendor/htm.js";

export { createContext, render, useContext, useEffect, useMemo, useRef, useState };
export const html = htm.bind(h);

// What every view may use: {t: words of the chosen language, api, session, about, announce}.
export const Here = createContext(null);
export const useHere = () => useContext(Here);

export const Mark = () => html`<svg class="logo" viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="2">
  <circle cx="12" cy="12" r="10.5" /><path d="M12 4v5M12 15v5" /><circle cx="12" cy="12" r="3" /></svg>`;

// A panel beside the page, or over it on a phone. The browser keeps the focus in it, closes it with Escape, and gives
// the focus back to what opened it.
export function Panel({ title, close, children }) {
  const { t } = useHere();
  const dialog = useRef(null);
  const opener = useRef(document.activeElement);
  useEffect(() => {
    dialog.current.showModal();
    return () => opener.current?.focus?.({ preventScroll: true });
  }, []);
  const outside = (event) => event.target === dialog.current && close();
  return html`<dialog ref=${dialog} class="panel" aria-labelledby="panel-title" onClose=${close} onClick=${outside}>
    <div class="sheet">
      <header><h2 id="panel-title" tabindex="-1" autofocus>${title}</h2>
        <button type="button" class="quiet" onClick=${close} aria-label=${t("panel.close")}><span aria-hidden="true">✕</span></button></header>
      ${children}
    </div>
  </dialog>`;
}

// What went wrong, in words; `again` is what may be tried.
export function Trouble({ failure, again, label }) {
  const { t } = useHere();
  const left = useCountdown(failure.retry, failure);
  const said = `error.${failure.kind}`;
  return html`<div class="notice bad" role="alert">
    <p><strong>${t(`${said}.title`)}</strong></p>
    <p>${t(`${said}.what`)}${left > 0 && html` <span class="wait">${left > 120 ? t("error.wait_minutes", { n: Math.ceil(left / 60) }) : t("error.wait", { n: left })}</span>`}</p>
    ${failure.message && html`<details><summary>${t("error.said")}</summary><p lang="en" class="data">${failure.message}</p></details>`}
    ${again && html`<p><button type="button" class="plain" disabled=${left > 0} onClick=${again}>${label ?? t("error.again")}</button></p>`}
  </div>`;
}

function useCountdown(seconds, key) {
  const [left, setLeft] = useState(seconds ?? 0);
  useEffect(() => {
    if (!seconds) return setLeft(0);
    const end = performance.now() + seconds * 1000;
    setLeft(seconds);
    const timer = setInterval(() => {
      const rest = Math.ceil((end - performance.now()) / 1000);
      setLeft(Math.max(0, rest));
      if (rest <= 0) clearInterval(timer);
    }, 250);
    return () => clearInterval(timer);
  }, [key]);
  return left;
}

// Places in a text are counted in characters (code points), as the server counts them; a script counts otherwise.
export const characters = (text) => Array.from(text);

// A hexadecimal digest in groups, for people to compare.
export const grouped = (digest) => digest.match(/.{1,8}/g).join(" ");

// A text in which `back ticks` are code.
export const code = (text) => text.split("`").map((part, place) => (place % 2 ? html`<code>${part}</code>` : part));
