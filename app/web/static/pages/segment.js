// One segment: its size, its meaning, who is in it, what changed and why.
import { html, useState } from '../vendor/core.js';
import { ask, query as made, useData } from '../api.js';
import { backfillHref, editHref, segmentHref, setQuery } from '../router.js';
import { bytes, number, share, t } from '../words.js';
import { Figure, Shown, Time } from '../parts/states.js';
import { Conditions } from '../parts/conditions.js';
import { SizeChart } from '../parts/chart.js';
import { Removal } from '../parts/removal.js';
import { Renaming } from '../parts/renaming.js';
import { ChangeTable, User } from '../parts/changes.js';

const PERIODS = ['1h', '1d', '7d', '30d'];
const EVERY = 5000;

export function Segment({ name, me, query }) {
  const path = `segments/${encodeURIComponent(name)}`;
  const view = useData(path);
  const [doing, setDoing] = useState('');
  const button = (deed) => html`<button aria-expanded=${doing === deed} onClick=${() => setDoing(doing === deed ? '' : deed)}>${t(deed)}</button>`;
  return html`<h1 tabindex="-1">${name}</h1>
    <${Shown} of=${view}>${(data) => html`
      ${data.title || data.description ? html`<p class="lead">${data.title}${data.title && data.description ? ': ' : ''}${data.description}</p>` : ''}
      <p class="facts"><span class=${`state ${data.status}`}>${t(`state_${data.status}`)}</span>
        ${data.owner ? html`<span>${t('owner')}: ${data.owner}</span>` : ''}
        ${me.rights.includes('edit') ? html`<a class="action" href=${editHref(name)}>${t('edit')}</a>` : ''}
        ${me.features.published ? html`<a href=${`/history${made({ name })}`}>${t('history_of')}</a>` : ''}
        ${me.rights.includes('publish') && me.features.published ? html`${button('rename')}${button('remove')}` : ''}
        ${me.rights.includes('publish') && data.status === 'live' ? html`<a href=${backfillHref(name)}>${t('backfill_offer')}</a>` : ''}
        ${data.tags.map((each) => html`<a class="tag" key=${each} href=${`/segments${made({ tag: each })}`}>${each}</a>`)}</p>
      ${doing === 'rename' ? html`<${Renaming} name=${name} path=${path} live=${data.status === 'live'} destinations=${data.destinations} review=${me.features.review} onCancel=${() => setDoing('')} />` : ''}
      ${doing === 'remove' ? html`<${Removal} name=${name} path=${path} live=${data.status === 'live'} review=${me.features.review} onCancel=${() => setDoing('')} />` : ''}
      ${data.status === 'live' ? html`<${Sizes} path=${path} name=${name} query=${query} />` : html`<p class="notice">${t('not_live')}</p>`}
      ${data.persona ? html`<${Persona} persona=${data.persona} />` : ''}
      <${Definition} view=${data} />
      ${data.status === 'live' ? html`
        <div class="halves">
          <${Who} path=${path} me=${me} />
          <${Overlap} path=${path} name=${name} />
        </div>
        <${Latest} path=${path} me=${me} />` : ''}`}<//>`;
}

function Sizes({ path, name, query }) {
  const chosen = PERIODS.includes(query.get('back')) ? query.get('back') : null;
  const week = useData(`${path}/size${made({ back: chosen ?? '7d' })}`, { every: EVERY });
  const empty = !chosen && week.data && !week.data.over_time.some((each) => each.users !== null && each !== week.data.over_time.at(-1));
  const hour = useData(`${path}/size?back=1h`, { every: EVERY });
  const fresh = useData(`${path}/freshness`);
  const size = empty && hour.data ? hour : week;
  const period = chosen ?? (empty ? '1h' : '7d');
  return html`<${Shown} of=${size}>${(data) => html`
    <dl class="figures">
      <${Figure} label=${t('segment_now')} value=${number(data.users)} />
      <${Figure} label=${t('segment_hour')} value=${typeof hour.data?.over_time[0]?.users === 'number' ? number(hour.data.over_time[0].users) : '–'} />
      <${Figure} label=${t('segment_day')} value=${data.day_ago === null ? '–' : number(data.day_ago)} />
      <${Figure} label=${t('segment_week')} value=${data.week_ago === null ? '–' : number(data.week_ago)} />
      <${Figure} label=${t('segment_last')} value=${html`<${Time} at=${fresh.data?.last_change ?? data.last_entry} />`} />
      <${Figure} label=${t('segment_event')} value=${html`<${Time} at=${fresh.data?.last_event} />`} />
    </dl>
    ${fresh.data?.missing.length ? html`<p class="notice">${t('missing_kinds', { kinds: fresh.data.missing.join(', ') })}</p>` : ''}
    <section aria-labelledby="curve"><h2 id="curve">${t('segment_curve')}</h2>
      <fieldset class="choice"><legend class="unseen">${t('period')}</legend>${PERIODS.map((each) => html`<label key=${each}><input type="radio" name="back" value=${each} checked=${each === period} onChange=${() => setQuery({ back: each })} />${t(`period_${each}`)}</label>`)}</fieldset>
      ${data.over_time.some((each) => each.users !== null) ? html`<${SizeChart} points=${data.over_time} name=${name} />` : html`<p class="quiet">${t('curve_none')}</p>`}
    </section>`}<//>`;
}

function Persona({ persona }) {
  return html`<section aria-labelledby="persona"><h2 id="persona">${t('persona')}: ${persona.name}</h2>
    ${persona.traits.length ? html`<ul>${persona.traits.map((each, index) => html`<li key=${index}>${each}</li>`)}</ul>` : ''}
    <dl class="pairs">
      ${persona.offer ? html`<dt>${t('offer')}</dt><dd>${persona.offer}</dd>` : ''}
      ${persona.picture ? html`<dt>${t('picture')}</dt><dd><a href=${persona.picture} target="_blank" rel="noopener noreferrer">${persona.picture}</a></dd>` : ''}
    </dl></section>`;
}

const Names = ({ names }) => names.map((each, index) => html`${index ? ', ' : ''}<a href=${segmentHref(each)}>${each}</a>`);

function Definition({ view }) {
  return html`<section aria-labelledby="definition"><h2 id="definition">${t('definition')}</h2>
    <div class="halves">
      <div><h3>${t('definition_words')}</h3>
        ${view.each ? html`<p>${t('one_each', { each: view.each })}</p>` : ''}
        <${Conditions} conditions=${view.conditions} />
        ${view.attach.length ? html`<p>${t('carries')}: ${view.attach.map((each, index) => html`${index ? ', ' : ''}<b>${each.name}</b> (<code>${each.expression}</code>)`)}</p>` : ''}
        <dl class="pairs">
          ${view.needs.length ? html`<dt>${t('uses')}</dt><dd><${Names} names=${view.needs} /></dd>` : ''}
          ${view.needed_by.length ? html`<dt>${t('used_by')}</dt><dd><${Names} names=${view.needed_by} /></dd>` : ''}
          <dt>${t('feeds')}</dt><dd>${view.destinations.length ? html`<a href="/destinations">${view.destinations.join(', ')}</a>` : html`<span class="quiet">${t('no_destination')}</span>`}</dd>
          <dt>${t('tests')}</dt><dd>${view.tests.length ? html`<ul>${view.tests.map((each) => html`<li key=${each}>${each}</li>`)}</ul>` : html`<span class="quiet">${t('untested')}</span>`}</dd>
        </dl>
        <p class="quiet">${t('bytes', { n: bytes(view.bytes_max) })}</p></div>
      <div><h3>${t('definition_text')}</h3>
        <pre tabindex="0" aria-label=${t('definition_text')}>${view.text}</pre>
        <p class="quiet">${t('file')}: ${view.path}</p></div>
    </div></section>`;
}

function Who({ path, me }) {
  const may = me.rights.includes('people');
  const first = useData(may ? `${path}/users` : null, { every: EVERY });
  const [more, setMore] = useState({ users: [], next: undefined });
  const next = more.next === undefined ? first.data?.next : more.next;
  const further = async () => {
    const page = await ask(`${path}/users${made({ cursor: next })}`);
    setMore({ users: [...more.users, ...page.users], next: page.next });
  };
  return html`<section aria-labelledby="who"><h2 id="who">${t('who')}</h2>
    ${may ? html`<${Shown} of=${first}>${(data) => data.users.length ? html`<div class="scroll tall" tabindex="0" role="region" aria-labelledby="who"><table>
        <thead><tr><th scope="col">${t('user')}</th><th scope="col">${t('since')}</th></tr></thead>
        <tbody>${[...data.users, ...more.users].map((each) => html`<tr key=${each.user}><td><${User} user=${each.user} /></td><td><${Time} at=${each.since} /></td></tr>`)}</tbody></table>
        ${next ? html`<button onClick=${further}>${t('who_more')}</button>` : ''}</div>` : html`<p class="quiet">${t('who_none')}</p>`}<//>`
      : html`<p class="quiet">${t('who_hidden')}</p>`}</section>`;
}

function Latest({ path, me }) {
  const changes = useData(`${path}/changes`, { every: EVERY });
  return html`<section aria-labelledby="latest"><h2 id="latest">${t('latest')}</h2>
    <${Shown} of=${changes}>${(data) => data.changes.length
      ? html`<${ChangeTable} changes=${data.changes} hidden=${!me.rights.includes('people')} label=${t('latest')} />`
      : html`<p class="quiet">${t('latest_none')}</p>`}<//></section>`;
}

function Overlap({ path, name }) {
  const overlap = useData(`${path}/overlap`);
  return html`<section aria-labelledby="overlap"><h2 id="overlap">${t('overlap')}</h2>
    <${Shown} of=${overlap}>${(data) => {
      const rows = data.pairs.filter((each) => each.users_both > 0);
      return rows.length ? html`<table><thead><tr><th scope="col">${t('segment')}</th><th scope="col" class="n">${t('overlap_both')}</th><th scope="col" class="n">${t('overlap_share')}</th></tr></thead>
        <tbody>${rows.map((each) => {
          const other = each.smaller === name ? each.larger : each.smaller;
          return html`<tr key=${other}><td><a href=${segmentHref(other)}>${other}</a></td><td class="n">${number(each.users_both)}</td><td class="n">${share(each.share).replace('+', '')}</td></tr>`;
        })}</tbody></table>` : html`<p class="quiet">${t('overlap_none')}</p>`;
    }}<//></section>`;
}
