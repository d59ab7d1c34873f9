// The past of new segments: where it comes from, how far its filling is, and its end.
import { html, useEffect, useState } from '../vendor/core.js';
import { ask, useData } from '../api.js';
import { segmentHref } from '../router.js';
import { number, span, t } from '../words.js';
import { Figure, Shown, Time, Trouble } from '../parts/states.js';

const EVERY = 1000;
const Named = ({ names }) => names.map((each, index) => html`${index ? ', ' : ''}<a key=${each} href=${segmentHref(each)}><bdi>${each}</bdi></a>`);
const sourceText = (source) => (source === 'topic' ? t('backfill_topic') : source || t('backfill_elsewhere'));

export function Backfill({ me, query }) {
  const found = useData('backfill', { every: EVERY });
  const segments = useData('segments');
  const may = me.rights.includes('publish');
  const live = (segments.data?.segments ?? []).filter((each) => each.status === 'live').map((each) => each.name);
  return html`<h1 tabindex="-1">${t('backfill_title')}</h1><p>${t('backfill_more')}</p>
    <${Shown} of=${found}>${(data) => html`<${Now} data=${data} may=${may} again=${found.reload} />
      ${may ? html`<${Begin} data=${data} live=${live} wanted=${query.get('name') ?? ''} again=${found.reload} />` : html`<p class="notice">${t('backfill_no_right')}</p>`}`}<//>`;
}

/** What is done to a backfill by a click, and what stood in its way: [busy, problem, go]. */
function useDeed(again) {
  const [state, setState] = useState({ busy: false, problem: null });
  const go = async (method, body) => {
    setState({ busy: true, problem: null });
    try {
      await ask('backfill', { method, body });
      setState({ busy: false, problem: null });
      again();
      return true;
    } catch (problem) {
      setState({ busy: false, problem });
      return false;
    }
  };
  return [state.busy, state.problem, go];
}

function Now({ data, may, again }) {
  const [busy, problem, go] = useDeed(again);
  const { state, names, source } = data;
  if (state === 'none') return data.problem ? html`<${Trouble} problem=${{ message: data.problem }} />` : '';
  if (state === 'looking') return html`<p class="quiet" role="status">${t('backfill_looking')}</p>`;
  const open = ['running', 'unfinished', 'failed'].includes(state);
  return html`<section aria-labelledby="now"><h2 id="now">${t(`backfill_${state}`)}</h2>
    <dl class="pairs"><dt>${t('segment')}</dt><dd><${Named} names=${names} /></dd>
      <dt>${t('backfill_source')}</dt><dd>${sourceText(source)}</dd>
      ${data.by ? html`<dt>${t('by')}</dt><dd><bdi>${data.by}</bdi></dd>` : ''}
      ${data.began ? html`<dt>${t('at')}</dt><dd><${Time} at=${data.began} /></dd>` : ''}</dl>
    <div role="status">${state === 'running' || state === 'cancelling' ? html`<${Progress} data=${data} />` : ''}</div>
    ${state === 'done' ? html`<${Outcome} outcome=${data.outcome} />` : ''}
    ${state === 'failed' ? html`<${Trouble} problem=${{ message: data.problem }} />` : ''}
    ${state === 'unfinished' || state === 'failed' ? html`<p>${t(source ? 'backfill_go_on_more' : 'backfill_go_on_elsewhere')}</p>` : ''}
    ${may && open ? html`<div class="buttons">
      ${state !== 'running' && source ? html`<button class="main" disabled=${busy} onClick=${() => go('POST', { names, source })}>${t('backfill_go_on')}</button>` : ''}
      <button disabled=${busy} onClick=${() => go('DELETE', {})}>${t('backfill_give_up')}</button></div>` : ''}
    ${problem ? html`<${Trouble} problem=${problem} />` : ''}</section>`;
}

function Progress({ data }) {
  const { stage, done, total, left_s: left } = data;
  const said = data.state === 'cancelling' ? t('backfill_giving_up') : t(`backfill_stage_${stage || 'starting'}`, { done, total });
  return html`<p class="progress"><progress aria-label=${t('backfill_title')} value=${total ? Math.min(1, done / total) : undefined}></progress>
    ${said} ${left ? t('backfill_left', { time: span(left * 1000) }) : ''}</p><p class="quiet">${t('backfill_may_leave')}</p>`;
}

function Outcome({ outcome }) {
  if (outcome.was_over) return html`<p class="fine">${t('backfill_was_over')}</p>`;
  return html`<p class="fine">${t('backfill_done_more')}</p><dl class="figures">
    <${Figure} label=${t('backfill_filled')} value=${number(outcome.filled)} />
    <${Figure} label=${t('backfill_records')} value=${number(outcome.records)} />
    <${Figure} label=${t('backfill_took')} value=${span(outcome.seconds * 1000)} /></dl>`;
}

function Begin({ data, live, wanted, again }) {
  const [names, setNames] = useState(wanted ? [wanted] : []);
  const [source, setSource] = useState('topic');
  const [more, setMore] = useState('');
  const [busy, problem, go] = useDeed(again);
  useEffect(() => { if (wanted) setNames([wanted]); }, [wanted]);
  const idle = ['none', 'done', 'cancelled'].includes(data.state);
  const begin = async (event) => {
    event.preventDefault();
    if (await go('POST', { names, source })) setNames([]);
  };
  const add = (name) => { if (live.includes(name)) { setNames([...new Set([...names, name])]); setMore(''); } else setMore(name); };
  if (!idle) return '';
  return html`<section aria-labelledby="begin"><h2 id="begin">${t('backfill_begin')}</h2>
    <form class="publish" onSubmit=${begin} aria-label=${t('backfill_begin')}>
      ${names.length ? html`<ul class="parts" aria-label=${t('backfill_chosen')}>${names.map((each) => html`<li key=${each}><span><bdi>${each}</bdi></span><button type="button" aria-label=${t('builder_remove_label', { what: each })} onClick=${() => setNames(names.filter((one) => one !== each))}>${t('builder_remove')}</button></li>`)}</ul>` : ''}
      <label>${t(names.length ? 'backfill_add' : 'segment')}<input name="segment" value=${more} list="backfill-segments" autocomplete="off" maxlength="100" onInput=${(event) => add(event.target.value)} />
        <datalist id="backfill-segments">${live.filter((each) => !names.includes(each)).map((each) => html`<option key=${each} value=${each} />`)}</datalist></label>
      ${data.sources.length > 1 ? html`<label>${t('backfill_source')}<select name="source" value=${source} onChange=${(event) => setSource(event.target.value)}>${data.sources.map((each) => html`<option key=${each} value=${each}>${sourceText(each)}</option>`)}</select></label>` : ''}
      <p class="quiet">${t('backfill_together')}</p>
      <div class="buttons"><button class="main" disabled=${busy || !names.length}>${t('backfill_go')}</button></div></form>
    ${problem ? html`<${Trouble} problem=${problem} />` : ''}</section>`;
}
