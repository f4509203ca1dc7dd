// Asking: a question stands for itself, its answer comes as it is written, and can be stopped.

import * as api from "./api.js";
import { Answer } from "./answer.js";
import { html, useEffect, useHere, useRef, useState } from "./ui.js";

export function Ask() {
  const { t, about, announce, fail, exchanges, setExchanges } = useHere();
  const [draft, setDraft] = useState("");
  const field = useRef(null);
  const end = useRef(null);
  const low = useRef(true);
  const running = useRef(null); // the AbortController of the answer under way
  const busy = exchanges.some((one) => one.state === "writing");

  useEffect(() => {
    field.current.focus({ preventScroll: true });
    return () => running.current?.abort(); // another view, or signed out: nobody reads the rest
  }, []);
  useEffect(() => {
    const area = field.current;
    area.style.height = "auto";
    area.style.height = `${Math.min(area.scrollHeight + 2, 240)}px`;
  }, [draft]);

  // Who reads the end goes along with it; who has scrolled up is left there.
  useEffect(() => {
    const moved = () => { low.current = innerHeight + scrollY > document.documentElement.scrollHeight - 160; };
    addEventListener("scroll", moved, { passive: true });
    return () => removeEventListener("scroll", moved);
  }, []);
  useEffect(() => { if (low.current && exchanges.length > 0) end.current.scrollIntoView({ block: "end" }); }, [exchanges]);

  function change(key, more) {
    setExchanges((all) => all.map((one) => (one.key === key ? { ...one, ...(typeof more === "function" ? more(one) : more) } : one)));
  }

  async function ask(question) {
    const key = crypto.randomUUID?.() ?? String(Math.random());
    const control = (running.current = new AbortController());
    setExchanges((all) => [...all, { key, question, state: "writing", text: "", id: null }]);
    announce(t("ask.writing"));
    low.current = true;
    try {
      const body = { model: about.model, messages: [{ role: "user", content: question }] };
      const made = await api.stream(body, { signal: control.signal, piece: (text) => change(key, { text }), begun: (id) => change(key, { id }) });
      change(key, { ...made, state: "done" });
      announce(made.helder?.abstained ? `${t("answer.abstained")} ${made.text}` : `${t("ask.answered")} ${made.text}`);
      if (about.trace && !made.helder?.abstained && made.text.trim()) trace(key, made.text, question);
    } catch (error) {
      if (error.name === "AbortError") {
        change(key, { state: "stopped" });
        announce(t("answer.stopped"));
      } else {
        if (!error.kind) throw error;
        change(key, { state: "failed", failure: error });
        fail(error, () => {});
      }
    } finally {
      if (running.current === control) running.current = null;
    }
  }

  async function trace(key, text, prompt) {
    change(key, { trace: "under way" });
    try {
      change(key, { trace: await api.post("/v1/trace", { text, prompt }) });
    } catch (error) {
      change(key, { trace: { failure: error } });
    }
  }

  function send(event) {
    event?.preventDefault();
    const question = draft.trim();
    if (!question || busy) return field.current.focus();
    setDraft("");
    ask(question);
    field.current.focus();
  }
  function typed(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing && matchMedia("(pointer: fine)").matches) send(event);
  }
  function stop() {
    running.current?.abort();
    field.current.focus();
  }
  const again = (one) => { setExchanges((all) => all.filter((other) => other.key !== one.key)); ask(one.question); };

  return html`<div class="talk">
    ${exchanges.length === 0 && html`<${Empty} />`}
    ${exchanges.length > 0 && html`<h1 class="hidden">${t("view.ask")}</h1>`}
    <ol class="exchanges">
      ${exchanges.map((one) => html`<li key=${one.key}>
        <article aria-label=${t("ask.exchange")}>
          <h2 class="hidden">${t("ask.you")}</h2>
          <p class="question data">${one.question}</p>
          <h2 class="hidden">${t("ask.answer")}</h2>
          <${Answer} of=${one} again=${() => again(one)} retrace=${() => trace(one.key, one.text, one.question)} busy=${busy} />
        </article></li>`)}
    </ol>
    <div ref=${end} class="end"></div>
  </div>
  <form class="composer" onSubmit=${send}>
    <div class="field">
      <label class="hidden" for="question">${t("ask.label")}</label>
      <textarea ref=${field} id="question" rows="1" maxlength="100000" placeholder=${t("ask.label")} value=${draft}
        aria-describedby="question-help" onInput=${(event) => setDraft(event.target.value)} onKeyDown=${typed}></textarea>
      ${busy
        ? html`<button type="button" class="main stop" onClick=${stop}><span class="square" aria-hidden="true"></span>${t("ask.stop")}</button>`
        : html`<button type="submit" class="main" disabled=${!draft.trim()}>${t("ask.send")}</button>`}
    </div>
    <p id="question-help" class="soft small">${t("ask.alone")}</p>
  </form>`;
}

function Empty() {
  const { t, about } = useHere();
  const { kind, purpose } = about.task;
  return html`<section class="empty">
    <h1 class="data">${purpose || about.model}</h1>
    <p class="lead">${t(`ask.empty_${kind}`)}</p>
    <ul class="promises">
      ${about.trace && html`<li><span class="swatch document" aria-hidden="true"></span>${t("ask.promise_trace")}</li>`}
      ${about.abstention && html`<li><span class="swatch abstain" aria-hidden="true"></span>${t("ask.promise_abstain")}</li>`}
      ${about.log && html`<li><span class="swatch receipt" aria-hidden="true"></span>${t("ask.promise_receipt")}</li>`}
      <li><span class="swatch here" aria-hidden="true"></span>${t("ask.promise_here")}</li>
    </ul>
  </section>`;
}
