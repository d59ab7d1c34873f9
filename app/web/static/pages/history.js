// All publications: who, when, why, what changed; the difference of each; going back.
import { html, useEffect, useState } from '../vendor/core.js';
import { ask, query as made, useData } from '../api.js';
import { setQuery } from '../router.js';
import { t } from '../words.js';
import { CHANGES, Changed } from '../parts/changed.js';
import { Difference } from '../parts/difference.js';
import { propose, Proposed } from '../parts/review.js';
import { Shown, Time, Trouble } from '../parts/states.js';

export function History({ me, query }) {
  const heading = html`<h1 tabindex="-1">${t('history_title')}</h1>`;
  if (!me.features.published) return html`${heading}<p class="notice">${t('history_folder')}</p>`;
  const name = query.get('name') ?? '';
  return html`${heading}<${List} key=${name} name=${name} me=${me} />`;
}

function List({ name, me }) {
  const first = useData(`publications${made({ name })}`);
  const [older, setOlder] = useState({ publications: [], before: undefined });
  const [gone, setGone] = useState(null);
  const latest = useData('publications/latest');
  const before = older.before === undefined ? first.data?.before : older.before;
  const further = async () => {
    const page = await ask(`publications${made({ name, before })}`);
    setOlder({ publications: [...older.publications, ...page.publications], before: page.before });
  };
  const done = (number) => { setGone(number); setOlder({ publications: [], before: undefined }); first.reload(); latest.reload(); };
  return html`
    <form class="filters" role="search" onSubmit=${(event) => { event.preventDefault(); setQuery({ name: event.target.elements.name.value.trim() }); }}>
      <label>${t('history_filter')}<input name="name" type="search" defaultValue=${name} spellcheck="false" /></label><button>${t('search_go')}</button></form>
    <div role="status">${gone === null ? '' : html`<p class="fine">${gone ? t('rolled_back', { number: String(gone) }) : t('published_nothing')}</p>`}</div>
    <${Shown} of=${first}>${(data) => data.publications.length ? html`<ol class="steps">${[...data.publications, ...older.publications].map((each, index) => html`
        <${Publication} key=${each.number} row=${each} newest=${name ? (!latest.data && !latest.problem) || String(each.number) === String(latest.data?.publication ?? '') : index === 0} name=${name} me=${me} onDone=${done} />`)}</ol>
        ${before ? html`<button onClick=${further}>${t('history_older')}</button>` : ''}`
      : html`<p>${name ? t('history_none_about', { name }) : t('history_none')}</p>`}<//>`;
}

function Publication({ row, newest, name, me, onDone }) {
  const [open, setOpen] = useState(false);
  const [asked, setAsked] = useState(false);
  const label = `publication-${row.number}`;
  return html`<li><section aria-labelledby=${label}>
    <h2 id=${label}>${t('publication')} ${row.number}</h2>
    <p class=${row.message ? 'lead lines' : 'lead quiet'}>${row.message || t('no_message')}</p>
    <dl class="pairs">
      <dt>${t('at')}</dt><dd><${Time} at=${row.at} /></dd>
      <dt>${t('by')}</dt><dd>${row.by ? html`<bdi>${row.by}</bdi>` : html`<span class="quiet">${t('nobody')}</span>`}${row.source ? `, ${row.source}` : ''}</dd>
      ${row.approved_by ? html`<dt>${t('approved_by')}</dt><dd><bdi>${row.approved_by}</bdi></dd>` : ''}
      <dt>${t('what_changed')}</dt><dd><${Changed} row=${row} /></dd>
    </dl>
    ${row.restores ? html`<p>${t('restores', { number: String(row.restores) })}</p>` : ''}
    <div class="buttons">
      ${row.number > 1 ? html`<button aria-expanded=${open} onClick=${() => setOpen(!open)}>${t('show_difference')}</button>` : ''}
      ${me.rights.includes('publish') && !newest ? html`<button aria-expanded=${asked} onClick=${() => setAsked(!asked)}>${t('roll_back')}</button>` : ''}
    </div>
    ${open ? html`<${Differences} row=${row} name=${name} />` : ''}
    ${asked ? html`<${RollBack} row=${row} review=${me.features.review} onCancel=${() => setAsked(false)} onDone=${(number) => { setAsked(false); onDone(number); }} />` : ''}
  </section></li>`;
}

function Differences({ row, name }) {
  const before = row.number - 1;
  const found = useData(`publications/difference${made({ before, after: row.number, name })}`);
  return html`<${Shown} of=${found}>${(data) => html`<p>${t('difference_of', { before: String(before), after: String(row.number) })}</p>
    ${data.definitions.map((each) => html`<h3 key=${each.name}>${each.name} (${t(`names_${each.change}`)})</h3><${Difference} lines=${each.lines} label=${each.name} />`)}
    ${data.definitions.length ? '' : html`<p class="quiet">${t('difference_none')}</p>`}`}<//>`;
}

function RollBack({ row, review, onCancel, onDone }) {
  const [sent, setSent] = useState(null);
  const [plan, setPlan] = useState({ data: null, problem: null });
  const [message, setMessage] = useState('');
  const [busy, setBusy] = useState(false);
  const post = (body) => ask('publications/rollback', { method: 'POST', body: { to: String(row.number), ...body } });
  const look = async () => {
    try { setPlan({ data: await post({ dry_run: true }), problem: null }); } catch (problem) { setPlan({ data: null, problem }); }
  };
  useEffect(() => { look(); }, []);
  const go = async (event) => {
    event.preventDefault();
    setBusy(true);
    try {
      if (review) setSent(await propose({ deed: 'rollback', to: String(row.number), base: (await ask('publications/latest')).publication }, message));
      else onDone((await post({ message })).number ?? 0);
    } catch (problem) { setPlan({ ...plan, problem }); setBusy(false); }
  };
  if (sent) return html`<${Proposed} draft=${sent} />`;
  const nothing = plan.data && !CHANGES.some((kind) => plan.data[kind].length);
  return html`<form class="panel" onSubmit=${go} aria-label=${t('roll_back_title', { number: String(row.number) })}>
    <h3>${t('roll_back_title', { number: String(row.number) })}</h3>
    ${plan.problem ? html`<${Trouble} problem=${plan.problem} />` : ''}
    ${!plan.data ? html`<p class="quiet" role="status">${plan.problem ? '' : t('loading')}</p>` : nothing ? html`<p>${t('roll_back_nothing')}</p>` : html`<p>${t('roll_back_plan')}</p><${Changed} row=${plan.data} />
      <div class="publish"><label>${t('publish_message')}<input value=${message} required maxlength="2000" onInput=${(event) => setMessage(event.target.value)} /></label></div>`}
    <div class="buttons">${plan.data && !nothing ? html`<button class="main" disabled=${busy}>${t(busy ? 'working' : review ? 'review_send' : 'roll_back_go')}</button>` : ''}<button type="button" onClick=${onCancel}>${t('cancel')}</button></div>
  </form>`;
}
