// Drafts: texts that are not published, of everybody.
import { html, useState } from '../vendor/core.js';
import { ask, useData } from '../api.js';
import { draftHref, reviewHref } from '../router.js';
import { t } from '../words.js';
import { ReviewState, Who, whatOf } from '../parts/review.js';
import { Shown, Time, Trouble } from '../parts/states.js';

const EVERY = 10_000;

export function Drafts({ me }) {
  const heading = html`<h1 tabindex="-1">${t('drafts_title')}</h1>`;
  if (!me.rights.includes('edit')) return html`${heading}<p class="notice">${t('edit_no_right')}</p>`;
  return html`${heading}<p>${t('drafts_more')}</p><${List} review=${me.features.review} />`;
}

function List({ review }) {
  const found = useData('drafts', { every: EVERY });
  const [problem, setProblem] = useState(null);
  const [said, setSaid] = useState('');
  const act = async (draft, path, method, word) => {
    setProblem(null);
    try {
      await ask(path, { method, body: { revision: draft.revision } });
      setSaid(t(word, { what: draft.name || draft.text }));
    } catch (error) { setProblem(error); }
    found.reload();
  };
  const remove = (each) => act(each, `drafts/${each.id}`, 'DELETE', 'draft_deleted');
  const purge = (each) => act(each, `drafts/${each.id}/purge`, 'POST', 'draft_purged');
  const back = (each) => act(each, `drafts/${each.id}/bring-back`, 'POST', 'draft_back');
  return html`<div role="status">${said ? html`<p class="fine">${said}</p>` : ''}</div>
    ${problem ? html`<${Trouble} problem=${problem} />` : ''}
    <${Shown} of=${found}>${(data) => {
      const there = data.drafts.filter((each) => !each.deleted);
      const gone = data.drafts.filter((each) => each.deleted);
      return html`${there.length ? html`<${Rows} rows=${there} review=${review} label=${t('drafts_title')} word=${t('draft_delete')} onGo=${remove} />` : html`<p>${t('drafts_none')}</p>`}
        ${gone.length ? html`<details><summary>${t('drafts_gone', { n: gone.length })}</summary><${Rows} rows=${gone} review=${false} label=${t('drafts_gone_title')} word=${t('draft_bring_back')} onGo=${back} onPurge=${purge} /></details>` : ''}`;
    }}<//>`;
}

/** Deleting for good takes two clicks. */
function Purge({ what, onGo }) {
  const [sure, setSure] = useState(false);
  const word = t(sure ? 'draft_purge_sure' : 'draft_purge');
  return html`<button aria-label=${`${word}: ${what}`} onClick=${() => (sure ? onGo() : setSure(true))}>${word}</button>`;
}

function Rows({ rows, review, label, word, onGo, onPurge }) {
  return html`<table class="cards" aria-label=${label}>
    <thead><tr><th scope="col">${t('segment')}</th><th scope="col">${t('draft_changed')}</th><th scope="col">${t('draft_begun')}</th><th scope="col">${t('draft_base')}</th>${review ? html`<th scope="col">${t('review_title')}</th>` : ''}<th scope="col">${t('draft_do')}</th></tr></thead>
    <tbody>${rows.map((each) => {
      const what = whatOf(each);
      const note = each.deed === 'publish' ? each.name ? '' : 'draft_new' : `deed_${each.deed}`;
      return html`<tr key=${each.id}>
        <th scope="row"><bdi>${each.deleted ? what : html`<a href=${each.deed === 'publish' ? draftHref(each) : reviewHref(each)}>${what}</a>`}</bdi>${note ? html`<span class="sub">${t(note, { to: each.to })}</span>` : ''}</th>
        <td data-label=${t('draft_changed')}><span><${Time} at=${each.changed} /> <${Who} name=${each.changed_by} /></span></td>
        <td data-label=${t('draft_begun')}><span><${Time} at=${each.begun} /> <${Who} name=${each.by} /></span></td>
        <td data-label=${t('draft_base')}>${each.base}</td>
        ${review ? html`<td data-label=${t('review_title')}><a href=${reviewHref(each)}><${ReviewState} review=${each.review} /></a></td>` : ''}
        <td data-label=${t('draft_do')}><span class="buttons"><button aria-label=${`${word}: ${what}`} onClick=${() => onGo(each)}>${word}</button>${onPurge ? html`<${Purge} what=${what} onGo=${() => onPurge(each)} />` : ''}</span></td></tr>`;
    })}</tbody></table>`;
}
