// One person: what they are in and why, why not, what comes next, and what happened.
import { html, useEffect, useState } from '../vendor/core.js';
import { ask, query as made, useData } from '../api.js';
import { go, personHref, segmentHref } from '../router.js';
import { brevities, brevity, moment, t } from '../words.js';
import { Figure, Shown, Time, Trouble } from '../parts/states.js';
import { Kind, OfValue } from '../parts/changes.js';

const READING_EVERY = 400;

export function People({ me, query }) {
  const user = query.get('user') ?? '';
  const [text, setText] = useState(user);
  useEffect(() => setText(user), [user]);
  const may = me.rights.includes('people');
  const show = (event) => {
    event.preventDefault();
    if (text.trim()) go(personHref(text.trim()));
  };
  return html`<h1 tabindex="-1">${t('people_title')}</h1>
    ${!may ? html`<p class="notice">${t('who_hidden')}</p>` : html`
      <form class="filters" onSubmit=${show}>
        <label class="wide">${t('person_label')}<input value=${text} maxlength="300" autocomplete="off" spellcheck="false" onInput=${(event) => setText(event.target.value)} /></label>
        <button>${t('person_go')}</button>
      </form>
      ${user && me.rights.includes('privacy') ? html`<p><a href=${`/privacy${made({ user })}`}>${t('person_privacy')}</a></p>` : ''}
      ${user ? html`<${Person} key=${user} user=${user} />` : html`<p class="quiet">${t('person_start')}</p>`}`}`;
}

const shown = (value) => value === null || value === undefined ? t('no_value') : typeof value === 'object' ? JSON.stringify(value) : String(value);

function Atoms({ standing }) {
  const mark = !standing.in;
  return html`<ul class="atoms">${standing.because.map((atom, index) => {
    const decides = standing.deciding.includes(atom.expression);
    const bad = mark && decides;
    return html`<li key=${index} class=${bad ? 'bad' : ''}><span aria-hidden="true">${bad ? '✗' : '✓'}</span>
      <span class="unseen">${t(bad ? 'missing' : 'holds')}:</span> <span title=${atom.expression}>${standing.said[atom.expression]}</span>${typeof atom.value === 'boolean' ? '' : html` <b>${shown(brevity(atom.value))}</b>`}</li>`;
  })}</ul>`;
}

// Of a segment by value: each value with its own reasons; else those of the segment.
function Reasons({ standing }) {
  if (!standing.values) return html`<${Atoms} standing=${standing} />`;
  if (!standing.values.length) return html`<p class="quiet">${t('no_values')}</p>`;
  return html`<ul class="standings">${standing.values.map((each) => html`<li key=${JSON.stringify(each.value)}>
    <p><b><bdi>${shown(each.value)}</bdi></b> · ${each.in ? html`${t('since')} <${Time} at=${each.since} /> · ${t('person_times', { n: each.times })}` : t('value_not_in')} · ${t('person_next')}: <${Next} next=${each.next} /></p>
    <${Atoms} standing=${each} />
    <${Attached} values=${each.attach} /></li>`)}</ul>`;
}

const Attached = ({ values }) => Object.keys(values).length ? html`<p class="quiet">${Object.entries(values).map(([name, value]) => `${name}: ${shown(value)}`).join(' · ')}</p>` : '';

const Next = ({ next }) => next ? html`<span>${t(`next_${next.change}`, { at: moment(next.at) })}</span>` : html`<span class="quiet">${t('next_none')}</span>`;

// What Redis knows is there at once; the reasons need a reading of the profiles.
function Person({ user }) {
  const view = useData(`people${made({ user })}`);
  const live = useData(`people/memberships${made({ user })}`);
  if (!view.data && live.data) return html`<${AtOnce} of=${live.data} reasons=${view} />`;
  if (!view.data && !view.problem) return html`<h2 class="id"><bdi>${user}</bdi></h2><${Reading} user=${user} />`;
  return html`<${Shown} of=${view}>${(data) => html`
    <h2 class="id"><bdi>${data.user}</bdi></h2>
    ${data.moved_to ? html`<p class="notice">${t('person_moved', { asked: data.asked, user: data.user })}</p>` : ''}
    <p class="quiet">${t('person_clock', { at: moment(data.at) })}</p>
    ${data.known ? html`<${Known} data=${data} />` : html`<p class="notice">${t('person_unknown')}</p>`}
    <${Timeline} user=${data.user} keys=${[...new Set([data.asked, ...data.keys.map((each) => each.id)])].filter((each) => each !== data.user).slice(0, 9)} />`}<//>`;
}

/** How much of the profiles has been read for the reasons. */
function Reading({ user }) {
  const { data } = useData(`people/reading${made({ user })}`, { every: READING_EVERY });
  return html`<p class="quiet" role="status">${t('person_reading')}</p>
    ${data && data.share !== null ? html`<p class="progress"><progress max="1" value=${data.share} aria-label=${t('person_reading_label')} />
      <span class="quiet">${t('person_reading_share', { n: Math.floor(data.share * 100) })}</span></p>` : ''}`;
}

function AtOnce({ of: found, reasons }) {
  return html`<h2 class="id"><bdi>${found.user}</bdi></h2>
    ${reasons.problem ? html`<${Trouble} problem=${reasons.problem} again=${reasons.reload} />` : html`<${Reading} user=${found.asked} />`}
    <section aria-labelledby="in"><h2 id="in">${t('person_in')} (${found.memberships.length})</h2>
      ${found.memberships.length ? html`<ul class="standings">${found.memberships.map((each) => html`<li key=${JSON.stringify([each.segment, each.value])}>
        <h3><a href=${segmentHref(each.segment)}>${each.segment}</a>${'value' in each ? html` · <bdi>${shown(each.value)}</bdi>` : ''}</h3>
        <p>${t('since')} <${Time} at=${each.since} /> · ${t('person_times', { n: each.times })}</p></li>`)}</ul>` : html`<p class="quiet">${t('person_in_none')}</p>`}</section>`;
}

function Known({ data }) {
  const inside = data.segments.filter((each) => each.in);
  const outside = data.segments.filter((each) => !each.in);
  const about = data.remembered;
  const names = (standings) => [...new Set(standings.map((each) => each.segment))].sort();  // by value, one comes several times
  const differs = data.live && names(inside).join() !== names(data.live).join();
  return html`
    <dl class="figures">
      <${Figure} label=${t('person_first')} value=${html`<${Time} at=${about.first_seen} />`} />
      <${Figure} label=${t('person_last')} value=${html`<${Time} at=${about.last_seen} />`} />
      <${Figure} label=${t('person_identified')} value=${t(about.identified ? 'yes' : 'no')} />
    </dl>
    ${about.suppressed ? html`<p class="notice">${t('suppressed')}</p>` : ''}
    <section aria-labelledby="in"><h2 id="in">${t('person_in')} (${inside.length})</h2>
      ${differs ? html`<p class="notice">${t('live_differs', { segments: names(data.live).join(', ') || t('none') })}</p>` : ''}
      ${inside.length ? html`<ul class="standings">${inside.map((each) => html`<li key=${each.segment}>
        <h3><a href=${segmentHref(each.segment)}>${each.segment}</a></h3>
        <p>${t('since')} <${Time} at=${each.since} /> · ${t('person_times', { n: each.times })}${each.values ? '' : html` · ${t('person_next')}: <${Next} next=${each.next} />`}</p>
        <${Reasons} standing=${each} />
        <${Attached} values=${each.attach} /></li>`)}</ul>`
        : html`<p class="quiet">${t('person_in_none')}</p>`}
    </section>
    ${outside.length ? html`<${WhyNot} outside=${outside} />` : ''}
    <div class="halves">
      <section aria-labelledby="keys"><h2 id="keys">${t('person_keys')}</h2>
        ${data.keys.length ? html`<table><thead><tr><th scope="col">${t('key')}</th><th scope="col">${t('state')}</th><th scope="col">${t('key_made')}</th><th scope="col">${t('at')}</th></tr></thead>
          <tbody>${data.keys.map((each) => html`<tr key=${each.id}><td><bdi>${each.id}</bdi></td><td>${each.state}${each.reason ? `: ${each.reason}` : ''}</td><td>${each.why}</td><td><${Time} at=${each.at} /></td></tr>`)}</tbody></table>`
          : html`<p class="quiet">${t('person_keys_none')}</p>`}</section>
      <section aria-labelledby="consent"><h2 id="consent">${t('person_consent')}</h2>
        <${Values} rows=${[...about.consent, ...about.lists]} none=${t('person_consent_none')} /></section>
    </div>
    <section aria-labelledby="values"><h2 id="values">${t('person_values')}</h2><${Values} rows=${about.values} none=${t('person_values_none')} /></section>`;
}

function Values({ rows, none }) {
  if (!rows.length) return html`<p class="quiet">${none}</p>`;
  return html`<table><thead><tr><th scope="col">${t('key')}</th><th scope="col">${t('value')}</th><th scope="col">${t('at')}</th></tr></thead>
    <tbody>${rows.map((each) => html`<tr key=${each.name}><td><code>${each.name}</code></td><td>${shown(each.value)}</td><td><${Time} at=${each.at} /></td></tr>`)}</tbody></table>`;
}

function WhyNot({ outside }) {
  const [name, setName] = useState(outside[0].segment);
  const standing = outside.find((each) => each.segment === name) ?? outside[0];
  return html`<section aria-labelledby="not"><h2 id="not">${t('person_not')}</h2>
    <div class="filters"><label>${t('person_not_label')}<select value=${standing.segment} onChange=${(event) => setName(event.target.value)}>${outside.map((each) => html`<option key=${each.segment}>${each.segment}</option>`)}</select></label></div>
    <div class="panel"><h3><a href=${segmentHref(standing.segment)}>${standing.segment}</a></h3>
      <${Reasons} standing=${standing} />${standing.values ? '' : html`<p>${t('person_next')}: <${Next} next=${standing.next} /></p>`}</div></section>`;
}

function Timeline({ user, keys }) {
  const path = (before) => `people/timeline${made({ user, key: keys, before })}`;
  const first = useData(path());
  const [more, setMore] = useState([]);
  const [only, setOnly] = useState('both');
  return html`<section aria-labelledby="timeline"><h2 id="timeline">${t('timeline')}</h2>
    <${Shown} of=${first}>${(data) => {
      const parts = [data, ...more];
      const last = parts.at(-1);
      const items = parts.flatMap((each) => each.items).filter((each) => only === 'both' || `${each.kind}s` === only);
      const records = parts.reduce((sum, each) => sum + each.records, 0);
      const further = async () => setMore([...more, await ask(path(last.earlier))]);
      return html`<div class="filters"><label>${t('timeline_filter')}<select value=${only} onChange=${(event) => setOnly(event.target.value)}>${['both', 'events', 'changes'].map((each) => html`<option key=${each} value=${each}>${t(`timeline_${each}`)}</option>`)}</select></label></div>
        ${items.length ? html`<ol class="timeline">${items.map((each, index) => html`<${Item} key=${index} item=${each} />`)}</ol>` : html`<p class="quiet">${t('timeline_none')}</p>`}
        <p class="quiet">${last.since ? t('timeline_since', { at: moment(last.since), n: records }) : t('timeline_all', { n: records })}</p>
        ${last.earlier ? html`<button onClick=${further}>${t('timeline_earlier')}</button>` : ''}`;
    }}<//></section>`;
}

function Item({ item }) {
  const change = item.kind === 'change';
  return html`<li class=${item.kind}><${Time} at=${item.at} />
    ${change ? html`<span><${Kind} kind=${item.value.change} /> <a href=${segmentHref(item.name)}>${item.name}</a><${OfValue} value=${item.value.value} /> <span class="why">${brevities(item.value.why ?? '')}</span></span>`
      : html`<span><b>${item.name}</b> ${item.value.properties ? html`<span class="quiet">${brief(item.value.properties)}</span>` : ''}</span>`}
    <details><summary aria-label=${`${t('details')}: ${item.name}`}>${t('details')}</summary><pre tabindex="0">${JSON.stringify(item.value, null, 2)}</pre></details></li>`;
}

function brief(properties) {
  const text = Object.entries(properties).filter(([, value]) => typeof value !== 'object').slice(0, 4).map(([name, value]) => `${name}: ${value}`).join(' · ');
  return text.length > 160 ? `${text.slice(0, 159)}…` : text;
}
