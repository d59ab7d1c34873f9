// The review of one draft: what it changes, who has said what, and what comes next.
import { html, useEffect, useState } from '../vendor/core.js';
import { ask, useData } from '../api.js';
import { draftHref } from '../router.js';
import { t } from '../words.js';
import { Changed } from '../parts/changed.js';
import { unsaved } from '../parts/draft.js';
import { Against, Findings, Meaning } from '../parts/reading.js';
import { ReviewState, Who, whatOf } from '../parts/review.js';
import { Said } from '../parts/said.js';
import { Shown, Time, Trouble } from '../parts/states.js';
import { Untested, isUntested } from '../parts/untested.js';

const EVERY = 10_000;

export function Review({ me, query }) {
  const id = query.get('draft') ?? '';
  const heading = html`<h1 tabindex="-1">${t('review_title')}</h1>`;
  const may = me.rights.includes('edit');
  const found = useData(may && id ? `drafts/${encodeURIComponent(id)}` : null, { every: EVERY });
  if (!may) return html`${heading}<p class="notice">${t('edit_no_right')}</p>`;
  if (!me.features.review) return html`${heading}<p class="notice">${t('review_off')}</p>`;
  if (!id) return html`${heading}<p>${t('review_choose')} <a href="/drafts">${t('drafts_title')}</a></p>`;
  return html`${heading}<${Shown} of=${found}>${(draft) => draft.deleted
    ? html`<p class="notice">${t('draft_was_deleted')} <a href="/drafts">${t('drafts_title')}</a></p>`
    : html`<${Reviewed} draft=${draft} me=${me} again=${found.reload} />`}<//>`;
}

function Reviewed({ draft, me, again }) {
  const { review } = draft;
  return html`<section aria-labelledby="about"><h2 id="about"><bdi>${whatOf(draft)}</bdi></h2>
      <dl class="pairs">
        <dt>${t('review_deed')}</dt><dd>${t(`deed_${draft.deed}`, { to: draft.to })}</dd>
        <dt>${t('draft_begun')}</dt><dd><${Who} name=${draft.by} /> <${Time} at=${draft.begun} /></dd>
        <dt>${t('draft_changed')}</dt><dd><${Who} name=${draft.changed_by} /> <${Time} at=${draft.changed} /></dd>
        <dt>${t('draft_base')}</dt><dd>${draft.base}</dd>
        <dt>${t('review_state')}</dt><dd><${ReviewState} review=${review} /></dd>
        ${review ? html`<dt>${t('review_asked_for')}</dt><dd class="lines"><bdi>${review.message}</bdi></dd>` : ''}
        ${review?.comment ? html`<dt>${t('review_comment')}</dt><dd class="lines"><bdi>${review.comment}</bdi></dd>` : ''}
      </dl>
      ${draft.deed === 'publish' ? html`<p><a class="action" href=${draftHref(draft)}>${t('edit')}</a></p>` : ''}</section>
    ${draft.deed === 'publish' ? html`<${Text} draft=${draft} />` : html`<${Plan} draft=${draft} me=${me} />`}
    <section aria-labelledby="next"><h2 id="next">${t('review_next')}</h2><${Next} draft=${draft} me=${me} again=${again} /></section>`;
}

function Text({ draft }) {
  const [state, setState] = useState({ reading: null, problem: null });
  const look = async () => {
    try {
      setState({ reading: await ask('definitions/read', { method: 'POST', body: { text: draft.text, name: draft.name } }), problem: null });
    } catch (problem) { setState({ reading: null, problem }); }
  };
  useEffect(() => { look(); }, [draft.revision]);
  const { reading, problem } = state;
  return html`<div class="editing"><section aria-labelledby="against"><h2 id="against">${t('against')}</h2>
      <${Against} reading=${reading} isNew=${!draft.name} />
      ${draft.name ? '' : html`<pre tabindex="0" role="region" aria-label=${t('definition_text')}>${draft.text}</pre>`}
      <${Findings} reading=${reading} problem=${problem} waiting=${false} onGo=${() => {}} /></section>
    <section aria-labelledby="meaning"><h2 id="meaning">${t('definition_words')}</h2><${Meaning} reading=${reading} words=${null} /></section></div>`;
}

const PATHS = { publish: 'publications', removal: 'publications/removal', rename: 'publications/rename', rollback: 'publications/rollback' };

function bodyOf(draft) {
  const body = { if_version: draft.base, draft: draft.id };
  if (draft.deed === 'rollback') return { ...body, to: draft.to };
  if (draft.deed === 'rename') return { ...body, name: draft.name, to: draft.to };
  return { ...body, name: draft.name, ...(draft.deed === 'publish' ? { text: draft.text } : {}) };
}

/** Of a removal, or of going back: what would change now. Only who may publish can ask. */
function Plan({ draft, me }) {
  const [plan, setPlan] = useState({ data: null, problem: null });
  const look = async () => {
    try {
      setPlan({ data: await ask(PATHS[draft.deed], { method: 'POST', body: { ...bodyOf(draft), dry_run: true } }), problem: null });
    } catch (problem) { setPlan({ data: null, problem }); }
  };
  const may = me.rights.includes('publish');
  useEffect(() => { if (may) look(); }, [draft.revision]);
  return html`<section aria-labelledby="against"><h2 id="against">${t('against')}</h2>
    ${plan.data ? html`<${Changed} row=${plan.data} />` : plan.problem ? html`<${Trouble} problem=${plan.problem} again=${look} />` : html`<p class="quiet">${may ? t('loading') : t('publish_no_right')}</p>`}</section>`;
}

function Next({ draft, me, again }) {
  const [takeOver, setTakeOver] = useState(false);
  const [untested, setUntested] = useState(false);
  const state = draft.review?.state ?? 'none';
  const post = (path, body) => ask(path, { method: 'POST', body });
  const step = (name) => async (message) => { await post(`drafts/${draft.id}/${name}`, { revision: draft.revision, message }); again(); };
  const publish = async (message) => { await post(PATHS[draft.deed], { ...bodyOf(draft), message, ...(takeOver ? { take_over: true } : {}), ...(untested ? { untested: true } : {}) }); again(); };
  const rebase = async () => {
    const { publication } = await ask('publications/latest');
    await ask(`drafts/${draft.id}`, { method: 'PUT', body: { text: draft.text, base: publication, revision: draft.revision } });
    again();
  };
  const back = html`<${Said} key="back" label=${t('review_back_why')} word=${t('review_back')} onGo=${step('return')} />`;
  if (state === 'published') return html`<p class="fine">${t('published', { number: String(draft.review.publication) })} <a href="/history">${t('history_title')}</a></p>`;
  if (draft.deed === 'publish' && unsaved(draft)) return html`<p class="notice">${t('review_unsaved')} <a href=${draftHref(draft)}>${t('edit')}</a></p>`;
  if (state === 'none' || state === 'returned') return html`<p>${t('review_more')}</p><${Said} key="ask" label=${t('publish_message')} word=${t('review_send')} onGo=${step('review')} main />`;
  if (!me.rights.includes('publish')) return html`<p class="notice">${t(`review_wait_${state}`)}</p>`;
  if (state === 'asked') {
    if (draft.writers.includes(me.name)) return html`<p class="notice">${t('review_own')}</p>${back}`;
    return html`<${Said} key="approve" label=${t('review_comment_optional')} word=${t('review_approve')} onGo=${step('approval')} optional main />${back}`;
  }
  return html`<${Said} key="publish" label=${t('publish_message')} start=${draft.review.message} word=${t('publish')} onGo=${publish} main
      trouble=${(problem) => problem.code === 'other-source' ? html`<label class="tick"><input type="checkbox" checked=${takeOver} onChange=${(event) => setTakeOver(event.target.checked)} />${t('take_over')}</label>`
        : isUntested(problem) ? html`<${Untested} problem=${problem} wanted=${untested} onWanted=${setUntested} />`
        : problem.code === 'other-version' ? html`<p>${t('review_rebase_more')}</p><button type="button" onClick=${rebase}>${t('review_rebase')}</button>` : ''} />${back}`;
}
