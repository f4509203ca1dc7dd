// The model: what stands behind the answers, and its certificate, cut off from this page and its session.

import { code, grouped, html, useHere } from "./ui.js";

export function Model() {
  const { t, about } = useHere();
  const { task, certificate, policy, abstention, log } = about;
  const rows = [
    ["purpose", task.purpose],
    ["form", t(`form.${task.kind}`)],
    ["model", html`${about.model} <code>${about.format}</code>`],
    ["digest", html`<code>${grouped(about.sha256)}</code>`],
    ["context", t("about.tokens", { n: about.context })],
    ["engine", about.engine],
    ["mode", about.mode && t(`mode.${about.mode}`)],
    ["seal", about.seal === null || about.seal === undefined ? t("about.seal_unknown") : t(`seal.${about.seal}`)],
    ["promise", abstention && html`<span lang="en">${abstention.promise}</span>`],
    ["trace", about.trace ? t("about.trace_yes") : html`${t("about.trace_no")}${about.untraced && html`<br /><span lang="en" class="soft">${about.untraced}</span>`}`],
    ["log", log ? html`${log.origin}<br />${t(`kept.${log.keep}`)}` : t("about.log_no")],
    ["server", about.server],
  ];
  return html`<section class="model">
    <h1>${t("about.title", { name: about.model })}</h1>
    <dl class="facts-list">${rows.filter(([, value]) => value).map(([name, value]) => html`<div key=${name}><dt>${t(`about.${name}`)}</dt><dd class="data">${value}</dd></div>`)}</dl>
    ${Object.keys(policy?.demanded ?? {}).length > 0 && html`<h2>${t("about.policy")}</h2><p class="soft">${t("about.policy_what")}</p>
      <div class="scroll" tabindex="0" role="group" aria-label=${t("about.policy")}><table><thead><tr><th scope="col">${t("about.demand")}</th><th scope="col">${t("about.demanded")}</th><th scope="col">${t("about.found")}</th></tr></thead>
      <tbody>${Object.entries(policy.demanded).map(([name, value]) => html`<tr key=${name}><th scope="row"><code>${name}</code></th><td class="data">${plain(value, t)}</td><td class="data">${plain(policy.found?.[name], t)}</td></tr>`)}</tbody></table></div>`}
    <h2>${t("about.certificate")}</h2>
    ${certificate
      ? html`<dl class="facts-list">${Object.entries(certificate).map(([name, value]) => html`<div key=${name}><dt>${t.has(`certificate.${name}`) ? t(`certificate.${name}`) : name}</dt><dd class="data">${plain(value, t)}</dd></div>`)}</dl>
        <p class="soft">${t("about.certificate_what")} <a href="/v1/certificate" target="_blank" rel="noopener">${t("about.certificate_alone")}</a></p>
        <iframe class="certificate" src="/v1/certificate" sandbox="allow-scripts" title=${t("about.certificate")} loading="lazy"></iframe>`
      : html`<p>${code(t("about.certificate_none"))}</p>`}
  </section>`;
}

// A value of the policy or the certificate, for people: digests in groups, lists one below the other.
function plain(value, t) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "boolean") return t(value ? "answer.yes" : "answer.no");
  if (typeof value === "string" && /^[0-9a-f]{64}$/.test(value)) return html`<code>${grouped(value)}</code>`;
  if (Array.isArray(value) && value.some((one) => typeof one === "object" && one)) return value.map((one, place) => html`<div key=${place}>${plain(one, t)}</div>`);
  if (Array.isArray(value)) return value.length > 0 ? value.join(", ") : "–";
  if (typeof value === "object") return Object.entries(value).map(([name, one]) => html`<div key=${name}><span class="soft">${name}</span> ${plain(one, t)}</div>`);
  return String(value);
}
