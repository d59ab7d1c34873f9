// The state of what runs.
import { html } from '../vendor/core.js';
import { useData } from '../api.js';
import { number, t } from '../words.js';
import { Figure, Shown, Time } from '../parts/states.js';
import { User } from '../parts/changes.js';

export function Health() {
  const health = useData('health', { every: 4000 });
  return html`<h1 tabindex="-1">${t('health_title')}</h1>
    <${Shown} of=${health}>${(data) => html`
      <dl class="figures">
        <${Figure} label=${t('events_rate')} value=${data.pulse.events_per_s === null ? t('measuring') : number(data.pulse.events_per_s)} />
        <${Figure} label=${t('changes_rate')} value=${number(data.changes_per_s)} />
        <${Figure} label=${t('behind')} value=${number(data.pulse.behind)} />
        <${Figure} label=${t('definitions_here')} value=${html`<code>${data.version ?? '–'}</code> <span class="quiet">${t(data.catalog === 'topic' ? 'from_topic' : 'from_folder')}</span>`} />
      </dl>
      <section aria-labelledby="partitions"><h2 id="partitions">${t('partitions')}</h2>
        <table class="cards"><thead><tr><th scope="col">${t('partition')}</th><th scope="col" class="n">${t('end')}</th><th scope="col" class="n">${t('behind')}</th><th scope="col">${t('clock')}</th><th scope="col">${t('version')}</th></tr></thead>
          <tbody>${data.pulse.partitions.map((each) => html`<tr key=${each.partition}><th scope="row">${each.partition}</th><td data-label=${t('end')} class="n">${number(each.end)}</td>
            <td data-label=${t('behind')} class="n">${number(each.behind)}</td><td data-label=${t('clock')}>${each.clock ? html`<${Time} at=${each.clock} />` : t('no_worker')}</td><td data-label=${t('version')}><code>${each.version ?? '–'}</code></td></tr>`)}</tbody></table></section>
      <${Letters} id="dead" title=${t('letters_dead')} letters=${data.pulse.dead} hint=${t('replay_hint')} />
      <${Letters} id="late" title=${t('letters_late')} letters=${data.pulse.late} />`}<//>`;
}

function Letters({ id, title, letters, hint }) {
  const reasons = Object.entries(letters.reasons);
  return html`<section aria-labelledby=${id}><h2 id=${id}>${title} (${number(letters.count)})</h2>
    ${!letters.count ? html`<p class="fine">${t('letters_none')}</p>` : html`
      <table><thead><tr><th scope="col">${t('reason')}</th><th scope="col" class="n">${t('count')}</th></tr></thead>
        <tbody>${reasons.map(([reason, count]) => html`<tr key=${reason}><td><code>${reason}</code></td><td class="n">${number(count)}</td></tr>`)}</tbody></table>
      <details><summary>${t('letters_latest')}</summary><div class="scroll" tabindex="0" role="region" aria-label=${t('letters_latest')}><table><thead><tr><th scope="col">${t('at')}</th><th scope="col">${t('reason')}</th><th scope="col">${t('user')}</th><th scope="col">${t('detail')}</th></tr></thead>
        <tbody>${letters.latest.map((each, index) => html`<tr key=${index}><td><${Time} at=${each.at} /></td><td><code>${each.reason}</code></td><td>${each.user ? html`<${User} user=${each.user} />` : ''}</td><td>${each.detail}</td></tr>`)}</tbody></table></div></details>
      ${hint ? html`<p class="quiet">${hint}</p>` : ''}`}</section>`;
}
