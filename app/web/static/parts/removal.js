// Removing a segment: who would leave, what stands in the way, and a reason.
import { html, useEffect, useState } from '../vendor/core.js';
import { ask, query as made, useData } from '../api.js';
import { t } from '../words.js';
import { propose, Proposed } from './review.js';
import { Loading, Shown, Trouble } from './states.js';

export function Removal({ name, path, live, review, onCancel }) {
  const size = useData(live ? `${path}/size?back=1h` : null);
  const source = useData(`definitions${made({ name })}`);
  const [plan, setPlan] = useState({ data: null, problem: null });
  const [message, setMessage] = useState('');
  const [takeOver, setTakeOver] = useState(false);
  const [state, setState] = useState({ busy: false, problem: null, done: null });
  const post = (body) => ask('publications/removal', { method: 'POST', body: { name, ...body } });
  const look = async () => {
    try { setPlan({ data: await post({ dry_run: true }), problem: null }); } catch (problem) { setPlan({ data: null, problem }); }
  };
  useEffect(() => { look(); }, []);
  const go = async (event) => {
    event.preventDefault();
    setState({ busy: true, problem: null, done: null });
    try {
      const base = source.data.publication;
      const done = review ? await propose({ deed: 'removal', name, base }, message) : await post({ message, if_version: base, take_over: takeOver });
      setState({ busy: false, problem: null, done });
    } catch (problem) { setState({ busy: false, problem, done: null }); }
  };
  if (state.done && review) return html`<${Proposed} draft=${state.done} />`;
  if (state.done) return html`<p class="fine" role="status">${t('removed', { number: String(state.done.number) })} <a href="/history">${t('history_title')}</a></p>`;
  const leaving = live ? html`<${Shown} of=${size}>${(data) => html`<p>${t('removal_leaves', { n: data.users ?? 0 })}</p>`}<//>` : '';
  return html`<form class="panel publish" onSubmit=${go} aria-label=${t('removal_title', { name })}><h2>${t('removal_title', { name })}</h2>
    ${leaving}<p>${t('removal_more')}</p>
    ${plan.problem ? html`<${Trouble} problem=${plan.problem} again=${look} />` : plan.data && source.data ? html`
      <label>${t('publish_message')}<input name="message" value=${message} required maxlength="2000" onInput=${(event) => setMessage(event.target.value)} /></label>
      ${state.problem?.code === 'other-source' || takeOver ? html`<label class="tick"><input type="checkbox" checked=${takeOver} onChange=${(event) => setTakeOver(event.target.checked)} />${t('removal_take_over')}</label>` : ''}`
      : source.problem ? html`<${Trouble} problem=${source.problem} again=${source.reload} />` : html`<${Loading} />`}
    ${state.problem ? html`<div class="trouble" role="alert"><p class="lines">${state.problem.message}</p></div>` : ''}
    <div class="buttons">${plan.data && source.data ? html`<button class="main" disabled=${state.busy}>${t(state.busy ? 'working' : review ? 'review_send' : 'removal_go')}</button>` : ''}<button type="button" onClick=${onCancel}>${t('cancel')}</button></div></form>`;
}
