// Static lists: which definitions ask for them, how many users are on them, and users out of a file.
import { html, useState } from '../vendor/core.js';
import { ask, useData } from '../api.js';
import { segmentHref } from '../router.js';
import { number, t } from '../words.js';
import { Control, useJob } from '../parts/job.js';
import { Shown, Time } from '../parts/states.js';

const FILE_BYTES_MAX = 450_000;
const NOTHING = { name: '', on: 'yes', column: '', columns: [], file: null, more: '' };

/** The columns that the first line of a CSV file names. */
async function columnsOf(file) {
  if (!/\.csv$/i.test(file.name)) return [];
  const [line] = (await file.slice(0, 20_000).text()).replace(/^\ufeff/, '').split(/\r?\n/, 1);
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain).filter(Boolean).slice(0, 100);
}

export function Lists({ me }) {
  const found = useData('lists');
  return html`<h1 tabindex="-1">${t('lists_title')}</h1><p>${t('lists_more')}</p>
    <${Shown} of=${found}>${(data) => html`<${Rows} lists=${data.lists} me=${me} />
      ${me.rights.includes('publish') ? html`<${Change} lists=${data.lists} mayEdit=${me.rights.includes('edit')} />` : html`<p class="notice">${t('lists_no_right')}</p>`}`}<//>`;
}

function Rows({ lists, me }) {
  const [other, setOther] = useState('');
  const name = other.trim();
  const counting = useJob({ kind: 'counts', lists: name ? [name] : [] });
  const counts = counting.job?.counts;
  const counted = new Map((counts?.lists ?? []).map((each) => [each.name, each]));
  const names = [...new Set([...lists.map((each) => each.name), ...counted.keys()])].sort();
  const users = (each) => counted.get(each.name)?.users;
  const rows = names.map((each) => ({ name: each, used_by: lists.find((one) => one.name === each)?.used_by ?? [] }));
  return html`<section aria-labelledby="all-lists"><h2 id="all-lists">${t('lists_all')}</h2>
    ${rows.length ? html`<table class="cards" aria-label=${t('lists_all')}><thead><tr><th scope="col">${t('list')}</th><th scope="col" class="n">${t('users')}</th><th scope="col">${t('list_newest')}</th><th scope="col">${t('used_by')}</th></tr></thead>
      <tbody>${rows.map((each) => html`<tr key=${each.name}><th scope="row">${each.name}</th>
        <td class="n" data-label=${t('users')}>${users(each) === undefined ? '–' : number(users(each))}</td>
        <td data-label=${t('list_newest')}>${counted.get(each.name)?.newest ? html`<span><${Time} at=${counted.get(each.name).newest} /></span>` : '–'}</td>
        <td data-label=${t('used_by')}><span>${each.used_by.length ? each.used_by.map((one, index) => html`${index ? ', ' : ''}<a href=${segmentHref(one)}>${one}</a>`) : t('list_unused')}</span></td></tr>`)}</tbody></table>`
      : html`<p>${t('lists_none')}</p>`}
    ${me.rights.includes('edit') ? html`<h3>${t('lists_count')}</h3><p class="quiet">${t('lists_count_more')}</p>
      <div class="filters"><label>${t('lists_other')}<input value=${other} maxlength="64" spellcheck="false" onInput=${(event) => setOther(event.target.value)} /></label></div>
      <${Control} of=${counting} go=${t('lists_count_go')} ready=${true} />
      ${counts ? html`<p class="quiet">${t('counts_of', { n: counts.profiles })}</p>` : ''}` : ''}</section>`;
}

async function bodyOf(form) {
  const text = form.file ? await form.file.text() : form.more;
  return { name: form.name.trim(), text, on: form.on === 'yes', csv: Boolean(form.file) && /\.csv$/i.test(form.file.name), column: form.file ? form.column.trim() : '' };
}

function Change({ lists, mayEdit }) {
  const [form, setForm] = useState(NOTHING);
  const [state, setState] = useState({ busy: false, problem: null, plan: null, done: null });
  const set = (name) => (event) => {
    const value = name === 'file' ? event.target.files[0] ?? null : event.target.value;
    setForm((before) => ({ ...before, [name]: value, ...(name === 'file' ? { column: '', columns: [] } : {}) }));
    if (name === 'file' && value) columnsOf(value).then((columns) => setForm((before) => (before.file === value ? { ...before, columns } : before)));
    setState({ busy: false, problem: null, plan: null, done: null });
  };
  const large = form.file && form.file.size > FILE_BYTES_MAX;
  const go = (dry) => async (event) => {
    event.preventDefault();
    setState({ ...state, busy: true, problem: null });
    try {
      const said = await ask('lists/import', { method: 'POST', body: { ...await bodyOf(form), dry_run: dry } });
      setState({ busy: false, problem: null, plan: dry ? said : null, done: dry ? null : said });
      if (!dry) setForm({ ...NOTHING, name: form.name });
    } catch (problem) { setState({ busy: false, problem, plan: null, done: null }); }
  };
  const { plan, done, problem, busy } = state;
  const ready = form.name.trim() && (form.file || form.more.trim()) && !large;
  return html`<section aria-labelledby="change-list"><h2 id="change-list">${t('list_change')}</h2><p>${t('list_change_more')}</p>
    <form class="adding" onSubmit=${go(true)} aria-label=${t('list_change')}>
      <label>${t('list')}<input value=${form.name} list="lists" required maxlength="64" spellcheck="false" onInput=${set('name')} /></label>
      <datalist id="lists">${lists.map((each) => html`<option value=${each.name}></option>`)}</datalist>
      <label>${t('list_what')}<select value=${form.on} onChange=${set('on')}><option value="yes">${t('list_put')}</option><option value="no">${t('list_take')}</option></select></label>
      <label>${t('list_file')}<input type="file" accept=".csv,.txt,text/csv,text/plain" onChange=${set('file')} /></label>
      ${form.columns.length ? html`<label>${t('list_column')}<select name="column" value=${form.column} onChange=${set('column')}><option value="">${t('list_column_usual')}</option>${form.columns.map((each) => html`<option key=${each} value=${each}>${each}</option>`)}</select></label>` : ''}
      ${form.file ? '' : html`<label>${t('list_ids')}<textarea rows="3" value=${form.more} spellcheck="false" onInput=${set('more')}></textarea></label>`}
      <div class="buttons"><button disabled=${!ready || busy}>${t(busy && !plan ? 'working' : 'list_check')}</button></div></form>
    ${large ? html`<p class="notice">${t('list_large')} <code>shoal lists import ${form.name || 'NAME'} ${form.file.name}</code></p>` : ''}
    ${problem ? html`<div class="trouble" role="alert"><p class="lines">${problem.message}</p></div>` : ''}
    ${plan ? html`<div class="panel"><p><b>${t(plan.on ? 'list_would_put' : 'list_would_take', { n: plan.users, name: plan.name })}</b></p><${Skipped} of=${plan} />
      <div class="buttons"><button class="main" disabled=${!plan.users || busy} onClick=${go(false)}>${t(busy ? 'working' : plan.on ? 'list_put_go' : 'list_take_go')}</button></div></div>` : ''}
    <div role="status">${done ? html`<p class="fine">${t(done.on ? 'list_was_put' : 'list_was_taken', { n: done.users, name: done.name })} ${done.on && mayEdit ? html`<a href=${`/edit?list=${encodeURIComponent(done.name)}`}>${t('list_segment')}</a>` : ''}</p>` : ''}</div></section>`;
}

const Skipped = ({ of }) => (of.skipped ? html`<p class="wrong">${t('list_skipped', { n: of.skipped })}</p><ul>${of.examples.map((each) => html`<li key=${each}><bdi>${each}</bdi></li>`)}</ul>` : '');
