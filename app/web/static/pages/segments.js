// All segments: found by name, tag, owner and state.
import { html, useEffect, useMemo, useRef, useState } from '../vendor/core.js';
import { useData } from '../api.js';
import { segmentHref, setQuery } from '../router.js';
import { number, share, t } from '../words.js';
import { Shown, isEmpty } from '../parts/states.js';

const EVERY = 5000;
const PAGE = 50;
const PAUSE_MS = 80;

const moved = (each) => each.entered + each.exited;
const ORDERS = {
  name: (one, other) => one.name.localeCompare(other.name),
  users: (one, other) => (other.users ?? -1) - (one.users ?? -1),
  moved: (one, other) => moved(other) - moved(one),
};

function Day({ row }) {
  if (row.users === null || row.day_ago === null) return html`<span class="quiet">–</span>`;
  if (!row.day_ago) return html`<span>${row.users ? `+${number(row.users)}` : '0'}</span>`;
  return html`<span>${share((row.users - row.day_ago) / row.day_ago)}</span>`;
}

export function Segments({ me, query }) {
  const rows = useData('segments', { every: EVERY });
  return html`<h1 tabindex="-1">${t('segments_title')}</h1>
    ${me.rights.includes('edit') ? html`<p><a class="action" href="/edit">${t('new_segment')}</a></p>` : ''}
    ${isEmpty(rows) ? html`<p>${t('segments_none_at_all')}</p>` : html`<${Shown} of=${rows}>${(data) => data.segments.length ? html`<${List} data=${data} query=${query} />` : html`<p>${t('segments_none_at_all')}</p>`}<//>`}`;
}

/** A field whose text is told a moment after the last key: rows are drawn between words, not at each key. */
function Filter({ value, onText }) {
  const [text, setText] = useState(value);
  const told = useRef(value);
  useEffect(() => {
    if (value !== told.current) setText(value);
    told.current = value;
  }, [value]);
  useEffect(() => {
    if (text === told.current) return undefined;
    const timer = setTimeout(() => { told.current = text; onText(text); }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return html`<label>${t('filter')}<input type="search" value=${text} onInput=${(event) => setText(event.target.value)} /></label>`;
}

function List({ data, query }) {
  const [shown, setShown] = useState(PAGE);
  const wanted = (query.get('q') ?? '').toLowerCase();
  const tag = query.get('tag') ?? '';
  const state = query.get('state') ?? '';
  const order = query.get('sort') in ORDERS ? query.get('sort') : 'name';
  const tags = useMemo(() => [...new Set(data.segments.flatMap((each) => each.tags))].sort(), [data]);
  const found = useMemo(() => data.segments
    .filter((each) => (!wanted || `${each.name} ${each.title} ${each.owner}`.toLowerCase().includes(wanted))
      && (!tag || each.tags.includes(tag)) && (!state || each.status === state))
    .sort(ORDERS[order]), [data, wanted, tag, state, order]);
  const narrow = (name, value) => { setShown(PAGE); setQuery({ [name]: value }); };
  const choose = (name) => (event) => narrow(name, event.target.value);
  return html`
    <div class="filters">
      <${Filter} value=${query.get('q') ?? ''} onText=${(text) => narrow('q', text)} />
      <label>${t('filter_tag')}<select value=${tag} onChange=${choose('tag')}><option value="">${t('all')}</option>${tags.map((each) => html`<option key=${each}>${each}</option>`)}</select></label>
      <label>${t('filter_state')}<select value=${state} onChange=${choose('state')}><option value="">${t('all')}</option>${['live', 'draft', 'retired'].map((each) => html`<option key=${each} value=${each}>${t(`state_${each}`)}</option>`)}</select></label>
      <label>${t('sort')}<select value=${order} onChange=${choose('sort')}>${Object.keys(ORDERS).map((each) => html`<option key=${each} value=${each}>${t(`sort_${each}`)}</option>`)}</select></label>
    </div>
    <p role="status" class="quiet">${t('segments_count', { n: found.length, all: data.segments.length })}</p>
    ${data.sizes ? html`<p class="notice">${t('attention_sizes', { why: data.sizes })}</p>` : ''}
    ${found.length ? html`<table class="cards segments">
      <thead><tr><th scope="col">${t('segment')}</th><th scope="col">${t('state')}</th><th scope="col" class="n">${t('size')}</th><th scope="col" class="n">${t('day')}</th>
        <th scope="col">${t('in_out')}</th><th scope="col">${t('feeds')}</th><th scope="col">${t('owner')}</th><th scope="col">${t('tags')}</th></tr></thead>
      <tbody>${found.slice(0, shown).map((each) => html`<tr key=${each.name}>
        <th scope="row"><a href=${segmentHref(each.name)}>${each.name}</a>${each.title ? html`<span class="sub">${each.title}</span>` : ''}</th>
        <td data-label=${t('state')}><span class=${`state ${each.status}`}>${t(`state_${each.status}`)}</span>${each.tests ? '' : html` <span class="quiet">${t('untested')}</span>`}</td>
        <td data-label=${t('size')} class="n">${each.users === null ? '–' : number(each.users)}</td>
        <td data-label=${t('day')} class="n"><${Day} row=${each} /></td>
        <td data-label=${t('in_out')}>${t('in_out_value', { in: each.entered, out: each.exited })}</td>
        <td data-label=${t('feeds')}>${each.destinations.join(', ') || '–'}</td>
        <td data-label=${t('owner')}>${each.owner || '–'}</td>
        <td data-label=${t('tags')}>${each.tags.length ? each.tags.map((one) => html`<span class="tag" key=${one}>${one}</span> `) : '–'}</td></tr>`)}</tbody></table>
      ${found.length > shown ? html`<button onClick=${() => setShown(shown + PAGE)}>${t('more_rows', { n: Math.min(PAGE, found.length - shown) })}</button>` : ''}`
      : html`<p>${t('segments_none')}</p>`}`;
}
