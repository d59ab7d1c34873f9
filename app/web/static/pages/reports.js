// Reports out of the warehouse: one kind at a time, each table with a picture.
import { html, useState } from '../vendor/core.js';
import { moment, t } from '../words.js';
import { Control, useJob } from '../parts/job.js';
import { Figures, noteText } from '../parts/figures.js';

const KINDS = ['conversion', 'experiments', 'flows', 'funnel', 'paths', 'attribution', 'cohorts'];
const WINDOWED = ['conversion', 'experiments', 'funnel', 'attribution'];
const LIMITED = ['flows', 'paths'];
const LIMITS = [20, 50, 100];
const SAMPLE_STEPS = 'Product Viewed\nProduct Added\nOrder Completed';
const words = (text, mark) => text.split(mark).map((each) => each.trim()).filter(Boolean);

function wish({ kind, goal, value, once, windows, steps, since, until, limit }) {
  const at = (day) => day ? `${day}T00:00:00Z` : '';
  return { kind, goal, value, once, limit: Number(limit), since: at(since), until: at(until),
    windows: WINDOWED.includes(kind) ? words(windows, ',') : ['30d'], steps: kind === 'funnel' ? words(steps, '\n') : [] };
}

export function Reports({ me, query }) {
  const [form, setForm] = useState({ kind: KINDS.find((each) => each === query.get('kind')) ?? KINDS[0], goal: 'Order Completed', value: 'revenue', once: '', windows: '30d', steps: SAMPLE_STEPS, since: '', until: '', limit: String(LIMITS[0]) });
  const asked = wish(form);
  const job = useJob({ kind: 'report', report: asked });
  if (!me.features.warehouse) return html`<h1 tabindex="-1">${t('reports_title')}</h1><p>${t('reports_none')}</p><p><code>shoal report conversion --events events.jsonl --changes changes.jsonl --html report.html</code></p>`;
  if (!me.rights.includes('edit')) return html`<h1 tabindex="-1">${t('reports_title')}</h1><p>${t('reports_right')}</p>`;
  const set = (field) => ({ target: { value } }) => setForm((before) => ({ ...before, [field]: value }));
  const field = (name, more = {}) => html`<label>${t(`report_${name}`)}<input name=${name} value=${form[name]} spellcheck="false" onInput=${set(name)} ...${more} /></label>`;
  const ready = form.goal.trim() !== '' && asked.windows.length > 0 && (form.kind !== 'funnel' || asked.steps.length > 1);
  const found = job.job?.report;
  return html`<h1 tabindex="-1">${t('reports_title')}</h1><p>${t('reports_more')}</p>
    <section aria-labelledby="wish"><h2 id="wish">${t('report_wish')}</h2>
      <div class="filters"><label>${t('report_kind')}<select name="kind" value=${form.kind} onInput=${set('kind')}>${KINDS.map((each) => html`<option key=${each} value=${each}>${t(`report_${each}`)}</option>`)}</select></label>
        ${field('goal')}${field('value')}${field('once', { placeholder: 'order_id' })}${WINDOWED.includes(form.kind) ? field('windows', { placeholder: '7d, 30d' }) : ''}
        ${LIMITED.includes(form.kind) ? html`<label>${t('report_limit')}<select name="limit" value=${form.limit} onInput=${set('limit')}>${LIMITS.map((each) => html`<option key=${each} value=${each}>${each}</option>`)}</select></label>` : ''}
        ${field('since', { type: 'date' })}${field('until', { type: 'date' })}
        ${form.kind === 'funnel' ? html`<label class="wide">${t('report_steps')}<textarea name="steps" rows="4" spellcheck="false" value=${form.steps} onInput=${set('steps')}></textarea></label>` : ''}</div>
      <p class="quiet">${t(`report_${form.kind}_more`)}</p>
      <${Control} of=${job} go=${t('report_go')} ready=${ready} /></section>
    ${found ? html`<p>${t('report_span', { since: moment(found.since), until: moment(found.until) })}</p>
      ${found.notes.map((each) => html`<p class="notice">${noteText(each)}</p>`)}
      ${found.tables.map((each) => html`<${Figures} key=${each.name} kind=${found.kind} of=${each} />`)}` : ''}`;
}
