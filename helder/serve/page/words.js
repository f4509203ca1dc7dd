// The words of a language: texts with {placeholders}, numbers, shares and times as that language writes them.

export const LANGUAGES = { en: "English", nl: "Nederlands", de: "Deutsch", fr: "Français" };
const REMEMBERED = "helder-language"; // the one thing that the page leaves in the browser

export function preferred() {
  let kept = null;
  try { kept = localStorage.getItem(REMEMBERED); } catch { /* storage is shut: the browser's languages then */ }
  const wanted = [kept, ...navigator.languages].filter(Boolean).map((one) => one.slice(0, 2).toLowerCase());
  return wanted.find((one) => one in LANGUAGES) ?? "en";
}

export function remember(language) {
  try { localStorage.setItem(REMEMBERED, language); } catch { /* it is asked for again next time */ }
}

export async function load(language) {
  const got = await fetch(`/page/texts/${language}.json`);
  if (!got.ok) throw new Error(`texts: ${got.status}`);
  return words(language, await got.json());
}

export function words(language, table) {
  // Dates as the reader's country writes them, where the browser tells which it is.
  const place = navigator.languages.find((one) => one.slice(0, 2).toLowerCase() === language) ?? language;
  const number = new Intl.NumberFormat(language, { maximumFractionDigits: 2 });
  const plural = new Intl.PluralRules(language);
  const share = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0 });
  const fine = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 });
  const moment = new Intl.DateTimeFormat(place, { dateStyle: "medium", timeStyle: "medium" });
  const t = (key, values = {}) => {
    // A number {n} chooses between "….one" and "….other" where the text has both.
    const chosen = table[key] ?? table[`${key}.${plural.select(values.n)}`] ?? table[`${key}.other`];
    if (chosen === undefined) throw new Error(`no text ${key} in ${language}`);
    return chosen.replace(/\{(\w+)\}/g, (_, name) => (typeof values[name] === "number" ? number.format(values[name]) : String(values[name])));
  };
  t.language = language;
  t.has = (key) => key in table;
  t.number = (value) => number.format(value);
  // Never "100 %" for what is not certain, nor "0 %" for what is possible.
  t.share = (value) => (value > 0.995 && value < 1) || (value > 0 && value < 0.01) ? fine.format(Math.min(Math.max(value, 0.001), 0.999)) : share.format(value);
  t.time = (text) => moment.format(new Date(text));
  return t;
}
