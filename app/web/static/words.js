// The texts of the pages in the language of whoever reads them, and numbers and times as it writes them.
const KEPT = 'shoal-language';
const LANGUAGES = ['en', 'de'];

/** What was chosen here; else the first language of the browser that there is: it sends the same as Accept-Language. */
function chosen() {
  const wanted = [localStorage.getItem(KEPT), ...navigator.languages].filter(Boolean).map((each) => each.slice(0, 2).toLowerCase());
  return wanted.find((each) => LANGUAGES.includes(each)) ?? LANGUAGES[0];
}

export const language = chosen();
export const otherLanguage = LANGUAGES.find((each) => each !== language);
const { WORDS } = language === 'de' ? await import('./words/de.js') : await import('./words/en.js');
document.documentElement.lang = language;

/** Shows all pages in another language, from now on in this browser. */
export function speak(code) {
  localStorage.setItem(KEPT, code);
  location.reload();
}

const plural = new Intl.PluralRules(language);

/** A text by its key. */
export function t(key, values = {}) {
  let text = WORDS[key];
  if (text === undefined) throw new Error(`no text ${key}`);
  if (Array.isArray(text)) text = text[plural.select(Number(values.n)) === 'one' ? 0 : 1];
  return text.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    return typeof value === 'number' ? number(value) : String(value ?? '');
  });
}

const plain = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
const finer = new Intl.NumberFormat(language, { style: 'percent', minimumFractionDigits: 2, maximumFractionDigits: 2 });
const percent = new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 1, signDisplay: 'exceptZero' });
const instant = new Intl.DateTimeFormat(language, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });

/** A duration as the server writes it, such as 1h35m53s807ms, by its two greatest units: 1h 35m. Other values stay. */
export const brevity = (value) => (/^-?(\d+(ms|[dhms]))+$/.test(value) ? value.match(/-?\d+[a-z]+/g).slice(0, 2).join(' ') : value);

/** The same of each duration in parentheses, as reasons have them. */
export const brevities = (text) => text.replace(/\(([^()]+)\)/g, (_, value) => `(${brevity(value)})`);

const UNITS = [['unit_day', 86_400_000], ['unit_hour', 3_600_000], ['unit_minute', 60_000], ['unit_second', 1000]];

/** Milliseconds in the greatest unit that fits. */
export function span(value) {
  const found = UNITS.find(([, size]) => value >= size) ?? UNITS.at(-1);
  return `${number(value / found[1])} ${t(found[0])}`;
}

export const number = (value) => plain.format(value);
export const share = (value) => percent.format(value);
export const exact = (value) => finer.format(value);
export const moment = (iso) => instant.format(new Date(iso));
const day = new Intl.DateTimeFormat(language, { day: 'numeric', month: 'short' });
const clock = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const second = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });

/** Instants in seconds below an axis: the time of day, with the day where it begins; days alone if they are whole days apart. */
export function ticksOf(instants) {
  const step = instants.length > 1 ? instants[1] - instants[0] : 0;
  let before = '';
  return instants.map((each) => {
    const at = new Date(each * 1000);
    if (Number.isNaN(at.getTime())) return '';  // a chart without a point asks for any numbers
    const today = day.format(at);
    const isNew = today !== before;
    before = today;
    if (step >= 86_400) return today;
    const time = (step && step < 60 ? second : clock).format(at);
    return isNew ? `${time}\n${today}` : time;
  });
}
export const bytes = (value) => value < 2048 ? `${number(value)} ${t('unit_bytes')}` : `${number(value / 1024)} KB`;
