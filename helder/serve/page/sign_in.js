// Signing in: a token, once. It goes to this server and nowhere else, and stays in no place of the browser.

import { Mark, Trouble, code, html, useEffect, useHere, useRef, useState } from "./ui.js";

export function SignIn({ enter, ended }) {
  const { t } = useHere();
  const [failure, setFailure] = useState(null);
  const [busy, setBusy] = useState(false);
  const field = useRef(null);
  useEffect(() => field.current.focus(), []);
  async function submit(event) {
    event.preventDefault();
    const token = field.current.value.trim();
    if (!token) return field.current.focus();
    setBusy(true);
    setFailure(null);
    try {
      await enter(token);
    } catch (error) {
      setBusy(false);
      setFailure(error);
      field.current.select();
    }
  }
  const wrong = failure?.kind === "signed_out"; // 401 here: the token is not one
  return html`<section class="card">
    <${Mark} />
    <h1>${t("sign_in.title")}</h1>
    <p class="soft">${t(ended ? "sign_in.ended" : "sign_in.what")}</p>
    <form onSubmit=${submit}>
      <label for="token">${t("sign_in.token")}</label>
      <input ref=${field} id="token" name="token" type="password" autocomplete="current-password" spellcheck=${false}
        maxlength="500" aria-describedby=${wrong ? "token-wrong" : "token-help"} aria-invalid=${wrong} />
      ${wrong && html`<p id="token-wrong" class="bad" role="alert">${t("sign_in.wrong")}</p>`}
      <button type="submit" class="main" disabled=${busy}>${t("sign_in.go")}</button>
      <p id="token-help" class="soft small">${code(t("sign_in.help"))}</p>
    </form>
    ${failure && !wrong && html`<${Trouble} failure=${failure} />`}
  </section>`;
}
