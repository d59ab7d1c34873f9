// The last step of an edit: a message, and what stands in the way.
import { html, useState } from '../vendor/core.js';
import { ask } from '../api.js';
import { backfillHref, reviewHref, segmentHref } from '../router.js';
import { t } from '../words.js';
import { saveText } from './save.js';
import { Untested, isUntested } from './untested.js';

export function Publish({ draft, name, text, base, reading, waiting, me, onDone, onCompare }) {
  const [message, setMessage] = useState('');
  const [takeOver, setTakeOver] = useState(false);
  const [past, setPast] = useState('');
  const [untestedText, setUntestedText] = useState(null);
  const [state, setState] = useState({ busy: false, problem: null, done: null });
  const file = `${reading?.name || name || 'segment'}.yaml`;
  const save = html`<button type="button" onClick=${() => saveText(text, file)}>${t('save_file')}</button>`;
  if (!me.features.published) return html`<p class="notice">${t('publish_folder')}</p>${save}`;
  if (me.features.review) return html`<p>${t('review_more')} ${draft ? '' : t('review_keep_first')}</p><div class="buttons">${draft ? html`<a class="action" href=${reviewHref(draft)}>${t('review_see')}</a>` : ''}${save}</div>`;
  if (!me.rights.includes('publish')) return html`<p class="notice">${t('publish_no_right')}</p>${save}`;
  const ready = reading?.usable && !waiting && base !== null && (reading.change !== 'same');
  const needsPast = reading?.usable && reading.reads.length && ['new', 'changed'].includes(reading.change);
  const untested = untestedText === text;
  const publish = async (event) => {
    event.preventDefault();
    if (!ready || state.busy) return;
    setState({ busy: true, problem: null, done: null });
    try {
      const done = await ask('publications', { method: 'POST', body: { name, text, message, if_version: base, take_over: takeOver, untested } });
      setState({ busy: false, problem: null, done });
      setMessage('');
      setPast(done.number !== null && needsPast ? reading.name : '');
      onDone(reading.name, done);
    } catch (problem) {
      setState({ busy: false, problem, done: null });
    }
  };
  const why = waiting || !reading ? t('checking') : !reading.usable ? t('publish_problems') : reading.change === 'same' ? t('publish_same') : '';
  return html`<form class="publish" onSubmit=${publish}>
    <label>${t('publish_message')}<input name="message" value=${message} maxlength="2000" required placeholder=${t('publish_message_hint')} onInput=${(event) => setMessage(event.target.value)} /></label>
    ${state.problem?.code === 'other-source' || takeOver ? html`<label class="tick"><input type="checkbox" checked=${takeOver} onChange=${(event) => setTakeOver(event.target.checked)} />${t('take_over')}</label>` : ''}
    ${needsPast ? html`<p class="notice">${t(`past_${reading.change}`)} </p>` : ''}
    <div class="buttons"><button class="main" disabled=${!ready || state.busy}>${t(state.busy ? 'publishing' : 'publish')}</button>${save}${why ? html`<span class="quiet">${why}</span>` : ''}</div>
    <div role="status">${state.done ? html`<p class="fine">${state.done.number === null ? t('published_nothing') : t('published', { number: String(state.done.number) })} <a href=${segmentHref(reading?.name || name)}>${t('see')}</a>${past ? html` <a class="action" href=${backfillHref(past)}>${t('backfill_offer')}</a>` : ''}</p>` : ''}</div>
    ${state.problem ? html`<div class="trouble" role="alert"><p class="lines">${state.problem.message}</p>
      ${state.problem.code === 'other-version' || state.problem.code === 'overtaken' ? html`<p>${t('conflict_more')}</p><button type="button" onClick=${() => { setState({ busy: false, problem: null, done: null }); onCompare(); }}>${t('conflict_compare')}</button>` : ''}
      ${isUntested(state.problem) ? html`<${Untested} problem=${state.problem} wanted=${untested} onWanted=${(wanted) => setUntestedText(wanted ? text : null)} />` : ''}
      ${state.problem.code === 'other-source' ? html`<p>${t('take_over_more')}</p>` : ''}</div>` : ''}
  </form>`;
}
