// Loading, trouble, nothing there.
import { html, useEffect, useState } from '../vendor/core.js';
import { moment, t } from '../words.js';

export function Loading() {
  const [long, setLong] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLong(true), 1000);
    return () => clearTimeout(timer);
  }, []);
  return html`<p class="quiet" role="status">${t(long ? 'loading_long' : 'loading')}</p>`;
}

export function Trouble({ problem, again }) {
  return html`<div class="trouble" role="alert">
    <p>${t('problem', { why: problem.message })}</p>
    ${again ? html`<button onClick=${again}>${t('again')}</button>` : ''}
  </div>`;
}

/** The content of data that is there; else what keeps it away. With old data both. */
export function Shown({ of, children }) {
  if (of.data) {
    return html`${of.problem ? html`<p class="notice" role="status">${t('stale', { at: moment(of.at), why: of.problem.message })}</p>` : ''}${children(of.data)}`;
  }
  return of.problem ? html`<${Trouble} problem=${of.problem} again=${of.reload} />` : html`<${Loading} />`;
}

/** True of the segments of a shop in which nothing is published: no trouble, but a beginning. */
export const isEmpty = (rows) => !rows.data && rows.problem?.code === 'no-definitions';

export const Time = ({ at }) => at ? html`<time datetime=${at} title=${at}>${moment(at)}</time>` : html`<span class="quiet">${t('unknown')}</span>`;

export const Figure = ({ label, value, href, alert }) => html`<div class=${`figure ${alert ? 'alert' : ''}`}>
  <dt>${label}</dt><dd>${href ? html`<a href=${href}>${value}</a>` : value}</dd></div>`;
