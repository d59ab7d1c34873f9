// Destinations: where changes go, and how far each is.
import { html } from '../vendor/core.js';
import { useData } from '../api.js';
import { segmentHref } from '../router.js';
import { moment, number, t } from '../words.js';
import { Shown } from '../parts/states.js';

export function Destinations() {
  const found = useData('destinations', { every: 10_000 });
  return html`<h1 tabindex="-1">${t('destinations_title')}</h1>
    <${Shown} of=${found}>${(data) => data.missing
      ? html`<p>${t('destinations_none')}</p><p>${t('destinations_how', { folder: data.folder })}</p><pre tabindex="0">${data.missing}</pre>`
      : html`<table class="cards"><thead><tr><th scope="col">${t('destination')}</th><th scope="col">${t('kind')}</th><th scope="col">${t('segments_title')}</th><th scope="col">${t('sends')}</th><th scope="col" class="n">${t('waiting')}</th><th scope="col">${t('state')}</th></tr></thead>
        <tbody>${data.destinations.map((each) => html`<tr key=${each.name}>
          <th scope="row">${each.name}<span class="sub">${each.path}</span></th>
          <td data-label=${t('kind')}>${each.kind}</td>
          <td data-label=${t('segments_title')}>${each.segments === null ? t('all') : each.segments.map((one, index) => html`${index ? ', ' : ''}<a href=${segmentHref(one)}>${one}</a>`)}</td>
          <td data-label=${t('sends')}>${each.changes.map((kind) => t(kind)).join(', ')}</td>
          <td data-label=${t('waiting')} class="n">${each.behind === null ? t('never_ran') : number(each.behind)}</td>
          <td data-label=${t('state')}>${each.paused_since ? html`<b class="wrong">${t('paused_since', { at: moment(each.paused_since) })}</b><span class="sub">${each.status} ${each.detail}</span>` : each.behind === null ? t('never_ran') : t('delivering')}</td></tr>`)}</tbody></table>`}<//>`;
}
