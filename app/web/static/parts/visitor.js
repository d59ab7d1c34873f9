// An invented visitor: what they do and when, played with the text that is being written.
import { html, useState } from '../vendor/core.js';
import { t } from '../words.js';
import { formOf } from './builder_form.js';
import { Control, useJob } from './job.js';
import { Test } from './moments.js';

const LATER_MINUTES = [0, 1, 60, 1440, 10080];
const TIMES_MAX = 50;
const NEW = { event: '', property: '', value: '', times: '1', later: '1' };
const PLAIN = /^(-?\d+(\.\d+)?|true|false)$/;
const valueOf = (text) => (PLAIN.test(text.trim()) ? JSON.parse(text.trim()) : text.trim());
const timesOf = (step) => Math.min(Math.max(Number.parseInt(step.times, 10) || 1, 1), TIMES_MAX);

/** The text with a test for these steps instead of its own. */
export function textWith(text, steps) {
  let inside = false;
  const kept = text.split('\n').filter((line) => {
    if (/^\S/.test(line) && !/^[#-]/.test(line)) inside = /^tests\s*:/.test(line);
    return !inside;
  });
  let minute = 0;
  const events = steps.flatMap((step, place) => {
    minute += place ? Number(step.later) : 0;
    return Array.from({ length: timesOf(step) }, (_, again) => {
      minute += again ? 1 : 0;
      const what = step.event === '' ? { type: 'page' } : { event: step.event };
      return { at: `${minute}m`, ...what, ...(step.property ? { properties: { [step.property]: valueOf(step.value) } } : {}) };
    });
  });
  return `${kept.join('\n').trimEnd()}\ntests: ${JSON.stringify([{ name: 'visitor', events, expect: [{ at: `${minute}m`, in: true }] }])}\n`;
}

/** The steps of a visitor who does what the parts of a condition ask for, as far as the form of the builder knows them. */
export function stepsOf(conditions) {
  const clauses = conditions.filter((each) => each.when !== 'leaves').flatMap(({ clause }) => (clause.way === 'all' ? clause.parts : [clause]));
  return clauses.map((each) => formOf(each.written)).filter((form) => form && ['events', 'visits'].includes(form.what) && form.often === 'least')
    .map((form) => ({ ...NEW, event: form.event, times: form.times, ...(['=', '>=', '<='].includes(form.operator) ? { property: form.property, value: form.value } : {}) }));
}

export function Visitor({ name, text, reading, ready, words }) {
  const [steps, setSteps] = useState([]);
  const [form, setForm] = useState(NEW);
  const job = useJob({ kind: 'tests', name, text: textWith(text, steps) });
  const played = job.job?.tests?.tests[0];
  const visit = t('visitor_visit');
  const asked = stepsOf(reading?.conditions ?? []);
  const add = (event) => {
    event.preventDefault();
    setSteps([...steps, { ...form, event: form.event.trim() === visit ? '' : form.event.trim() }]);
    setForm(NEW);
  };
  const seen = (words?.events ?? []).filter((each) => each.kind === 'track');
  const chosen = form.event === visit ? words?.events.find((each) => each.kind === 'page') : seen.find((each) => each.name === form.event);
  const told = (step, place) => `${step.event || visit}${step.property ? ` (${step.property}: ${step.value})` : ''} × ${timesOf(step)}${place ? `, ${t(`later_${step.later}`)}` : ''}`;
  return html`<h3>${t('visitor_title')}</h3><p class="quiet">${t('visitor_more')}</p>
    ${steps.length ? html`<ol class="parts" aria-label=${t('visitor_title')}>${steps.map((each, place) => html`<li key=${place}><span>${told(each, place)}</span>
      <button aria-label=${t('builder_remove_label', { what: told(each, place) })} onClick=${() => setSteps(steps.filter((_, other) => other !== place))}>${t('builder_remove')}</button></li>`)}</ol>`
      : asked.length ? html`<p><button onClick=${() => setSteps(asked)}>${t('visitor_fill')}</button></p>` : ''}
    <form class="adding" onSubmit=${add} aria-label=${t('visitor_add')}>
      <${Field} label=${t('builder_event')} name="event" form=${form} set=${setForm} list=${[visit, ...seen.map((each) => each.name)]} />
      <${Field} label=${t('builder_times')} name="times" form=${form} set=${setForm} type="number" />
      <${Field} label=${t('visitor_property')} name="property" form=${form} set=${setForm} list=${chosen?.properties.map((each) => each.name) ?? []} />
      ${form.property.trim() ? html`<${Field} label=${t('builder_value')} name="value" form=${form} set=${setForm} list=${chosen?.properties.find((each) => each.name === form.property)?.examples ?? []} />` : ''}
      ${steps.length ? html`<label>${t('visitor_later')}<select name="visitor-later" value=${form.later} onChange=${(event) => setForm({ ...form, later: event.target.value })}>${LATER_MINUTES.map((each) => html`<option key=${each} value=${String(each)}>${t(`later_${each}`)}</option>`)}</select></label>` : ''}
      <button disabled=${!form.event.trim()}>${t('visitor_add')}</button></form>
    <${Control} of=${job} go=${t('visitor_go')} ready=${ready && steps.length > 0} why="" />
    ${played && job.of?.text === textWith(text, steps) ? html`<div class="panel"><${Test} key=${job.of.text} test=${played} id="moment-visitor" plain=${true} /></div>` : ''}`;
}

function Field({ label, name, form, set, list, type }) {
  return html`<label>${label}<input name=${`visitor-${name}`} value=${form[name]} type=${type ?? 'text'} min="1" max=${String(TIMES_MAX)} list=${list ? `visitor-${name}-list` : null} autocomplete="off" maxlength="200" onInput=${(event) => set({ ...form, [name]: event.target.value })} />
    ${list ? html`<datalist id=${`visitor-${name}-list`}>${list.map((each) => html`<option key=${each} value=${each} />`)}</datalist>` : ''}</label>`;
}
