// The first page: what is going on, and what needs somebody.
import { html } from '../vendor/core.js';
import { useData } from '../api.js';
import { segmentHref } from '../router.js';
import { number, t } from '../words.js';
import { Figure, isEmpty, Shown, Time } from '../parts/states.js';
import { Flows } from '../parts/flows.js';

const EVERY = 3000;
const BEHIND_MANY = 1000;
const SHOWN = 12;

function attention(rows, health, destinations, drafts, mayEdit) {
  const found = [];
  const waiting = (drafts.data?.drafts ?? []).filter((each) => !each.deleted && each.review?.state === 'asked').length;
  if (waiting) found.push([t('attention_review', { n: waiting }), '/drafts']);
  if (isEmpty(rows)) found.push([t('attention_no_definitions'), mayEdit ? '/edit' : null]);
  if (rows.data?.sizes) found.push([t('attention_sizes', { why: rows.data.sizes }), null]);
  for (const each of destinations.data?.destinations ?? []) {
    if (each.paused_since) found.push([t('attention_paused', { name: each.name }), '/destinations']);
  }
  const pulse = health.data?.pulse;
  if (health.problem) found.push([health.problem.message, '/health']);
  if (pulse?.dead.count) found.push([t('attention_dead', { n: pulse.dead.count }), '/health']);
  if (pulse && pulse.behind >= BEHIND_MANY) found.push([t('attention_behind', { n: pulse.behind }), '/health']);
  if (pulse && new Set(pulse.partitions.map((each) => each.version).filter(Boolean)).size > 1) found.push([t('attention_versions'), '/health']);
  for (const each of rows.data?.segments ?? []) {
    if (each.status === 'live' && each.users === 0 && each.day_ago > 0) found.push([t('attention_empty', { name: each.name }), segmentHref(each.name)]);
  }
  return found;
}

export function Overview({ me }) {
  const rows = useData('segments', { every: EVERY });
  const health = useData('health', { every: EVERY });
  const flows = useData('flows', { every: EVERY * 2 });
  const destinations = useData('destinations', { every: EVERY * 10 });
  const drafts = useData(me.features.review && me.rights.includes('edit') ? 'drafts' : null, { every: EVERY * 10 });
  const pulse = health.data?.pulse;
  const live = (rows.data?.segments ?? []).filter((each) => each.users !== null);
  const members = live.reduce((sum, each) => sum + each.users, 0);
  const ready = (rows.data || rows.problem) && (health.data || health.problem);
  const needs = attention(rows, health, destinations, drafts, me.rights.includes('edit'));
  const rate = (value) => value === null || value === undefined ? t('measuring') : number(value);
  return html`<h1 tabindex="-1">${t('overview_title')}</h1>
    <dl class="figures">
      <${Figure} label=${t('events_rate')} value=${rate(pulse?.events_per_s)} />
      <${Figure} label=${t('changes_rate')} value=${rate(health.data?.changes_per_s)} href="/changes" />
      <${Figure} label=${t('memberships_now')} value=${rows.data?.sizes === null ? number(members) : '–'} href="/segments" />
      <${Figure} label=${t('behind')} value=${pulse ? number(pulse.behind) : '–'} href="/health" />
      <${Figure} label=${t('dead')} value=${pulse ? number(pulse.dead.count) : '–'} href="/health" alert=${pulse?.dead.count > 0} />
      <${Figure} label=${t('late')} value=${pulse ? number(pulse.late.count) : '–'} href="/health" />
    </dl>
    <section aria-labelledby="needs"><h2 id="needs">${t('attention')}</h2>
      ${!ready ? html`<p class="quiet">${t('loading')}</p>`
        : needs.length ? html`<ul class="needs">${needs.map(([text, href]) => html`<li key=${text}>${text} ${href ? html`<a href=${href} aria-label=${`${t('see')}: ${text}`}>${t('see')}</a>` : ''}</li>`)}</ul>`
        : html`<p class="fine">${t('attention_none')}</p>`}
    </section>
    <div class="halves">
      <section aria-labelledby="largest"><h2 id="largest">${t('largest')}</h2>
        ${isEmpty(rows) ? html`<${Largest} segments=${[]} />` : html`<${Shown} of=${rows}>${(data) => html`<${Largest} segments=${data.segments} />`}<//>`}
      </section>
      <section aria-labelledby="flows"><h2 id="flows">${t('flows')}</h2>
        <${Shown} of=${flows}>${(data) => data.movements.length
          ? html`<p class="quiet">${t('flows_since')} <${Time} at=${data.since} />.</p><${Flows} movements=${data.movements} />`
          : html`<p class="quiet">${t('flows_none')}</p>`}<//>
      </section>
    </div>`;
}

function Largest({ segments }) {
  const known = segments.filter((each) => each.users !== null).sort((one, other) => other.users - one.users).slice(0, SHOWN);
  if (!known.length) return html`<p class="quiet">${t(segments.length ? 'unknown' : 'segments_none_at_all')}</p>`;
  const most = Math.max(1, known[0].users);
  return html`<table class="bars"><thead class="unseen"><tr><th scope="col">${t('segment')}</th><th scope="col">${t('size')}</th><th scope="col">${t('in_out')}</th></tr></thead>
    <tbody>${known.map((each) => html`<tr key=${each.name}>
      <th scope="row"><a href=${segmentHref(each.name)}>${each.name}</a></th>
      <td class="n"><meter min="0" max=${most} value=${each.users} aria-hidden="true"></meter><span class="size">${number(each.users)}</span></td>
      <td class="n quiet">+${number(each.entered)} −${number(each.exited)}</td></tr>`)}</tbody></table>
    <p><a href="/segments">${t('largest_more')}</a></p>`;
}
