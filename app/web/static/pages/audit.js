// Who did what: the latest records of the audit log.
import { html } from '../vendor/core.js';
import { useData } from '../api.js';
import { t } from '../words.js';
import { Shown, Time } from '../parts/states.js';

export function Audit({ me }) {
  const heading = html`<h1 tabindex="-1">${t('audit_title')}</h1>`;
  if (!me.rights.includes('administer')) return html`${heading}<p class="notice">${t('audit_no_right')}</p>`;
  return html`${heading}<${Records} />`;
}

function Records() {
  const found = useData('audit');
  return html`<p>${t('audit_more')}</p><${Shown} of=${found}>${(data) => html`<table class="cards changes" aria-label=${t('audit_title')}>
    <thead><tr><th scope="col">${t('at')}</th><th scope="col">${t('by')}</th><th scope="col">${t('audit_deed')}</th><th scope="col">${t('audit_result')}</th><th scope="col">${t('details')}</th></tr></thead>
    <tbody>${data.records.map((each, index) => html`<tr key=${index}>
      <td data-label=${t('at')}><${Time} at=${each.at} /></td>
      <td data-label=${t('by')}><span>${each.actor ? html`<bdi>${each.actor}</bdi>` : html`<span class="quiet">${t('nobody')}</span>`} <span class="sub">${t(each.way === 'http' ? 'audit_http' : 'audit_command')}</span></span></td>
      <td data-label=${t('audit_deed')}><code>${each.deed}</code></td>
      <td data-label=${t('audit_result')} class=${each.result === 'failed' || each.result === 'refused' ? 'wrong' : ''}>${each.result}${each.reason ? `: ${each.reason}` : ''}</td>
      <td data-label=${t('details')}>${Object.keys(each.details).length ? html`<span>${Object.entries(each.details).map(([name, value]) => html`<span class="sub" key=${name}>${name}: ${value}</span>`)}</span>` : '–'}</td></tr>`)}</tbody></table>`}<//>`;
}
