// Erasures, exports and restrictions of people: how far each is, and beginning one.
import { html, useState } from '../vendor/core.js';
import { ask, askFile, useData } from '../api.js';
import { segmentHref } from '../router.js';
import { t } from '../words.js';
import { saveFile } from '../parts/save.js';
import { Shown, Time } from '../parts/states.js';

const EVERY = 10_000;

export function Privacy({ me, query }) {
  const heading = html`<h1 tabindex="-1">${t('privacy_title')}</h1>`;
  if (!me.rights.includes('privacy')) return html`${heading}<p class="notice">${t('privacy_no_right')}</p>`;
  return html`${heading}<p>${t('privacy_more')}</p><${All} user=${query.get('user') ?? ''} />`;
}

function All({ user }) {
  const found = useData('privacy', { every: EVERY });
  return html`<${Begin} start=${user} onDone=${found.reload} />
    <${Shown} of=${found}>${(data) => html`<${Erasures} rows=${data.erasures} everything=${data.everything} /><${Exports} rows=${data.exports} />
      <section aria-labelledby="restricting"><h2 id="restricting">${t('restrictions')}</h2><p>${t('restrictions_more')}</p>
        <dl class="pairs"><dt>${t('restricting')}</dt><dd><${Names} names=${data.restricting} /></dd><dt>${t('not_restricting')}</dt><dd><${Names} names=${data.others} /></dd></dl></section>`}<//>`;
}

const Names = ({ names }) => (names.length ? names.map((each, index) => html`${index ? ', ' : ''}<a href=${segmentHref(each)}>${each}</a>`) : html`<span class="quiet">${t('none')}</span>`);

const DEEDS = ['erase', 'export', 'restrict', 'free'];

function Begin({ start, onDone }) {
  const [form, setForm] = useState({ user: start, deed: 'export', confirm: '', suppress: false });
  const [state, setState] = useState({ busy: false, problem: null, keys: null, done: '' });
  const clear = { busy: false, problem: null, keys: null, done: '' };
  const set = (name) => ({ target }) => {
    const value = name === 'suppress' ? target.checked : target.value;
    setForm((before) => ({ ...before, confirm: name === 'confirm' ? value : '', [name]: value }));
    if (name !== 'confirm') setState(clear);
  };
  const user = form.user.trim();
  const post = (path, body) => ask(`privacy/${path}`, { method: 'POST', body: { user, ...body } });
  const steps = {
    erase: async () => t('erase_done', { n: (await post('erasures', { confirm: form.confirm, suppress: form.suppress })).keys.length }),
    export: async () => { saveFile(await askFile('privacy/exports', { user, confirm: form.confirm }), 'person.json'); return t('export_saved'); },
    restrict: async () => t('restrict_done', { user: (await post('restrictions', { on: true })).user }),
    free: async () => t('free_done', { user: (await post('restrictions', { on: false })).user }),
  };
  const act = (work) => async (event) => {
    event.preventDefault();
    setState({ ...state, busy: true, problem: null, done: '' });
    try { setState({ ...clear, ...await work() }); } catch (problem) { setState({ ...state, busy: false, problem }); }
  };
  const look = act(async () => ({ keys: form.deed === 'erase' ? (await post('erasures', { suppress: form.suppress, dry_run: true })).keys : [] }));
  const go = act(async () => {
    const done = await steps[form.deed]();
    setForm((before) => ({ ...before, confirm: '' }));
    onDone();
    return { done };
  });
  const sure = form.confirm === user;
  return html`<section aria-labelledby="begin"><h2 id="begin">${t('privacy_begin')}</h2><p>${t('privacy_identity')}</p>
    <form class="adding" onSubmit=${look} aria-label=${t('privacy_begin')}>
      <label>${t('person_label')}<input value=${form.user} required maxlength="256" spellcheck="false" autocomplete="off" onInput=${set('user')} /></label>
      <label>${t('privacy_deed')}<select value=${form.deed} onChange=${set('deed')}>${DEEDS.map((each) => html`<option key=${each} value=${each}>${t(`privacy_${each}`)}</option>`)}</select></label>
      ${form.deed === 'erase' ? html`<label><span><input type="checkbox" checked=${form.suppress} onChange=${set('suppress')} /> ${t('erase_suppress')}</span></label>` : ''}
      <div class="buttons"><button disabled=${!user || state.busy}>${t(state.busy && !state.keys ? 'working' : 'privacy_next')}</button></div></form>
    ${state.keys ? html`<form class="panel publish" onSubmit=${go} aria-label=${t(`privacy_${form.deed}`)}><p><b>${t(`privacy_${form.deed}_what`)}</b></p>
      ${form.deed === 'erase' ? html`<p>${t('erase_keys')}</p><ul>${state.keys.map((each) => html`<li key=${each}><bdi>${each}</bdi></li>`)}</ul>` : ''}
      <label>${t('privacy_confirm')}<input name="confirm" value=${form.confirm} spellcheck="false" autocomplete="off" onInput=${set('confirm')} /></label>
      <div class="buttons"><button class="main" disabled=${!sure || state.busy}>${t(state.busy ? 'working' : `privacy_${form.deed}`)}</button><button type="button" onClick=${() => setState(clear)}>${t('cancel')}</button></div></form>` : ''}
    ${state.problem ? html`<div class="trouble" role="alert"><p class="lines">${state.problem.message}</p></div>` : ''}
    <div role="status">${state.done ? html`<p class="fine">${state.done}</p>` : ''}</div></section>`;
}

function Erasures({ rows, everything }) {
  return html`<section aria-labelledby="erasures"><h2 id="erasures">${t('erasures')}</h2><p>${t('erasures_more')}</p>
    ${rows.length ? html`<table class="cards" aria-label=${t('erasures')}><thead><tr><th scope="col">${t('user')}</th><th scope="col">${t('at')}</th><th scope="col">${t('state')}</th><th scope="col">${t('erasure_keys')}</th><th scope="col">${t('erasure_left')}</th></tr></thead>
      <tbody>${rows.map((each) => html`<tr key=${each.id}><th scope="row"><bdi>${each.user}</bdi>${each.suppressed ? html`<span class="sub">${t('suppressed')}</span>` : ''}</th>
        <td data-label=${t('at')}><span><${Time} at=${each.at} /></span></td><td data-label=${t('state')}>${t(`erasure_${each.state}`)}</td>
        <td data-label=${t('erasure_keys')}><span>${t('erasure_count', { done: each.erased, all: each.keys.length })}${each.elsewhere ? html` <span class="sub">${t('erasure_elsewhere', { n: each.elsewhere })}</span>` : ''}</span></td>
        <td data-label=${t('erasure_left')}><span>${each.left.join(', ') || '–'}</span></td></tr>`)}</tbody></table>` : html`<p>${t('erasures_none')}</p>`}
    ${everything ? '' : html`<p class="quiet">${t('erasures_part')}</p>`}
    <p class="quiet">${t('erasures_status')} <code>shoal users erase USER --status</code></p></section>`;
}

function Exports({ rows }) {
  return html`<section aria-labelledby="exports"><h2 id="exports">${t('exports')}</h2><p>${t('exports_more')}</p>
    ${rows.length ? html`<table class="cards" aria-label=${t('exports')}><thead><tr><th scope="col">${t('at')}</th><th scope="col">${t('by')}</th><th scope="col">${t('state')}</th><th scope="col">${t('export_subject')}</th></tr></thead>
      <tbody>${rows.map((each) => html`<tr key=${each.at + each.subject}><td data-label=${t('at')}><span><${Time} at=${each.at} /></span></td>
        <td data-label=${t('by')}><span><bdi>${each.by ?? t('nobody')}</bdi> <span class="sub">${t(each.way === 'http' ? 'audit_http' : 'audit_command')}</span></span></td>
        <td data-label=${t('state')}>${t(`export_${each.state}`)}${each.records ? ` (${t('export_records', { n: Number(each.records) })})` : ''}</td><td data-label=${t('export_subject')}><code>${each.subject ?? '–'}</code></td></tr>`)}</tbody></table>` : html`<p>${t('exports_none')}</p>`}</section>`;
}
