// The page: who is signed in, which view is shown, in which language.

import * as api from "./api.js";
import { Ask } from "./ask.js";
import { Log } from "./log.js";
import { Model } from "./model.js";
import { SignIn } from "./sign_in.js";
import { Here, Mark, Trouble, html, render, useEffect, useMemo, useRef, useState } from "./ui.js";
import { LANGUAGES, load, preferred, remember } from "./words.js";

const VIEWS = { ask: Ask, model: Model, log: Log };
const viewOf = (hash) => (hash.slice(1) in VIEWS ? hash.slice(1) : "ask");

function App({ first, begin, trouble }) {
  const [t, setWords] = useState(() => first);
  const [session, setSession] = useState(begin);
  const [about, setAbout] = useState(null);
  const [failure, setFailure] = useState(trouble);
  const [view, setView] = useState(viewOf(location.hash));
  const [said, announce] = useState("");
  const [exchanges, setExchanges] = useState([]);
  const heading = useRef(null);
  const may = (role) => session.roles?.includes(role) ?? false;
  const views = Object.keys(VIEWS).filter((name) => name !== "log" || (may("log") && about?.log));
  const shown = views.includes(view) ? view : "ask";

  useEffect(() => {
    const moved = () => { if (location.hash in { "": 1, "#ask": 1, "#model": 1, "#log": 1 }) setView(viewOf(location.hash)); };
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  useEffect(() => { document.documentElement.lang = t.language; }, [t]);
  useEffect(() => {
    document.title = session.signed_in ? `${t(`view.${shown}`)} – ${about?.model ?? "Helder"}` : t("sign_in.title");
  }, [t, session, shown, about]);
  useEffect(() => {
    if (!session.signed_in) { setAbout(null); return; }
    api.get("/v1/about").then((told) => { setAbout(told); setFailure(null); }, (error) => fail(error, setFailure));
  }, [session]);

  function fail(error, otherwise) {
    if (error.kind === "signed_out" && session.signed_in) setSession({ signed_in: false, ended: true });
    else otherwise(error);
  }
  async function speak(event) {
    const words = await load(event.target.value);
    remember(words.language);
    setWords(() => words);
  }
  async function leave() {
    try {
      setSession(await api.signOut());
      setExchanges([]);
      setFailure(null);
    } catch (error) { fail(error, setFailure); }
  }
  async function enter(token) {
    setSession(await api.signIn(token));
  }

  const here = useMemo(() => ({ t, session, about, announce, fail, may, exchanges, setExchanges }), [t, session, about, exchanges]);
  const View = VIEWS[shown];
  return html`<${Here.Provider} value=${here}>
    <a class="skip" href="#main" onClick=${(event) => { event.preventDefault(); document.getElementById("main").focus(); }}>${t("page.skip")}</a>
    <header class="bar">
      <p class="kicker"><${Mark} /><span class="data">${about?.model ?? "Helder"}</span></p>
      ${session.signed_in && about && html`<nav aria-label=${t("page.views")}><ul>
        ${views.map((name) => html`<li key=${name}><a href=${`#${name}`} aria-current=${name === shown ? "page" : undefined}>${t(`view.${name}`)}</a></li>`)}
      </ul></nav>`}
      <div class="right">
        <label class="language"><span class="hidden">${t("page.language")}</span>
          <select value=${t.language} onChange=${speak}>
            ${Object.entries(LANGUAGES).map(([code, name]) => html`<option key=${code} value=${code} lang=${code}>${name}</option>`)}
          </select></label>
        ${session.signed_in && html`<button type="button" class="quiet" onClick=${leave} title=${t("page.signed_in_as", { name: session.name })}>${t("page.sign_out")}</button>`}
      </div>
    </header>
    <main id="main" tabindex="-1" class=${session.signed_in ? shown : "sign-in"}>
      ${failure && html`<${Trouble} failure=${failure} again=${() => location.reload()} label=${t("page.reload")} />`}
      ${!session.signed_in && html`<${SignIn} enter=${enter} ended=${session.ended} />`}
      ${session.signed_in && about && html`<${View} key=${shown} />`}
    </main>
    <p class="hidden" role="status" aria-live="polite">${said}</p>
  <//>`;
}

async function begin() {
  let words = await load(preferred());
  let known = { signed_in: false }, trouble = null;
  try {
    known = await api.session();
  } catch (error) {
    trouble = error;
  }
  render(html`<${App} first=${words} begin=${known} trouble=${trouble} />`, document.getElementById("page"));
}

begin();
