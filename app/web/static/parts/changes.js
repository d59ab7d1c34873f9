// Rows of changes.
import { html } from '../vendor/core.js';
import { brevities, moment, t } from '../words.js';
import { personHref, segmentHref } from '../router.js';

const SIGNS = { entered: '+', exited: '−', updated: '~' };

export const Kind = ({ kind }) => html`<span class=${`kind ${kind}`}><span aria-hidden="true">${SIGNS[kind] ?? ''}</span> ${t(kind in SIGNS ? kind : 'unknown')}</span>`;

export const User = ({ user, hidden }) => hidden ? html`<span>${user}</span>` : html`<a class="user" href=${personHref(user)}><bdi>${user}</bdi></a>`;

/** The value that a change of a segment by value is about. */
export const OfValue = ({ value }) => (value === null || value === undefined ? '' : html` <bdi class="of">${String(value)}</bdi>`);

export function ChangeTable({ changes, hidden, withSegment, label }) {
  return html`<table class="cards changes" aria-label=${label}>
    <thead><tr><th scope="col">${t('at')}</th><th scope="col">${t('user')}</th><th scope="col">${t('change')}</th>
      ${withSegment ? html`<th scope="col">${t('segment')}</th>` : ''}<th scope="col">${t('why')}</th></tr></thead>
    <tbody>${changes.map((each) => html`<tr key=${each.key ?? `${each.id}${each.user}${each.sequence}`}>
      <td data-label=${t('at')}>${moment(each.at)}</td>
      <td data-label=${t('user')}><${User} user=${each.user} hidden=${hidden} /></td>
      <td data-label=${t('change')}><${Kind} kind=${each.change} /><${OfValue} value=${each.value} /></td>
      ${withSegment ? html`<td data-label=${t('segment')}><a href=${segmentHref(each.segment)}>${each.segment}</a></td>` : ''}
      <td data-label=${t('why')} class="why">${brevities(each.why)}</td></tr>`)}</tbody></table>`;
}
