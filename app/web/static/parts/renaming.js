// Giving a segment another name: what it means, what stands in the way, and a reason.
import { html, useState } from '../vendor/core.js';
import { ask, query as made, useData } from '../api.js';
import { segmentHref } from '../router.js';
import { t } from '../words.js';
import { propose, Proposed } from './review.js';
import { Shown } from './states.js';

export function Renaming({ name, path, live, destinations, review, onCancel }) {
  const size = useData(live ? `${path}/size?back=1h` : null);
  const source = useData(`definitions${made({ name })}`);
  const [form, setForm] = useState({ to: name, message: '', takeOver: false });
  const [state, setState] = useState({ busy: false, problem: null, done: null });
  const set = (field) => ({ target }) => {
    const value = field === 'takeOver' ? target.checked : target.value;
    setForm((before) => ({ ...before, [field]: value }));
  };
  const to = form.to.trim();
  const go = async (event) => {
    event.preventDefault();
    setState({ busy: true, problem: null, done: null });
    try {
      const base = source.data.publication;
      const rename = (body) => ask('publications/rename', { method: 'POST', body: { name, to, ...body } });
      if (review) await rename({ dry_run: true });
      const done = review ? await propose({ deed: 'rename', name, to, base }, form.message) : await rename({ message: form.message, if_version: base, take_over: form.takeOver });
      setState({ busy: false, problem: null, done });
    } catch (problem) { setState({ busy: false, problem, done: null }); }
  };
  if (state.done && review) return html`<${Proposed} draft=${state.done} />`;
  if (state.done) return html`<p class="fine" role="status">${t('renamed', { number: String(state.done.number) })} <a href=${segmentHref(to)}>${to}</a></p>`;
  return html`<form class="panel publish" onSubmit=${go} aria-label=${t('rename_title', { name })}><h2>${t('rename_title', { name })}</h2>
    ${live ? html`<${Shown} of=${size}>${(data) => html`<p>${t('rename_members', { n: data.users ?? 0 })}</p>`}<//>` : ''}
    <p>${t('rename_more')}</p>${destinations.length ? html`<p class="notice">${t('rename_feeds', { names: destinations.join(', ') })}</p>` : ''}
    <label>${t('rename_to')}<input name="to" value=${form.to} required maxlength="64" spellcheck="false" onInput=${set('to')} /></label>
    <label>${t('publish_message')}<input name="message" value=${form.message} required maxlength="2000" onInput=${set('message')} /></label>
    ${state.problem?.code === 'other-source' || form.takeOver ? html`<label class="tick"><input type="checkbox" checked=${form.takeOver} onChange=${set('takeOver')} />${t('take_over')}</label>` : ''}
    ${state.problem ? html`<div class="trouble" role="alert"><p class="lines">${state.problem.message}</p></div>` : ''}
    <div class="buttons"><button class="main" disabled=${state.busy || !source.data || to === name}>${t(state.busy ? 'working' : review ? 'review_send' : 'rename_go')}</button><button type="button" onClick=${onCancel}>${t('cancel')}</button></div></form>`;
}
