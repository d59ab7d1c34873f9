// Experiments: their groups and segments, how many users each group has, and what difference it makes.
import { html, useState } from '../vendor/core.js';
import { useData } from '../api.js';
import { segmentHref } from '../router.js';
import { exact, number, share, t } from '../words.js';
import { Control, useJob } from '../parts/job.js';
import { Shown, Time } from '../parts/states.js';

export function Experiments({ me }) {
  const found = useData('experiments');
  return html`<h1 tabindex="-1">${t('experiments_title')}</h1><p>${t('experiments_more')}</p>
    <${Shown} of=${found}>${(data) => data.experiments.length ? html`<${All} data=${data} me=${me} />` : html`<p>${t('experiments_none')}</p>`}<//>`;
}

function All({ data, me }) {
  const counting = useJob({ kind: 'counts' });
  const counted = new Map((counting.job?.counts?.experiments ?? []).map((each) => [each.name, each]));
  const may = me.rights.includes('edit');
  return html`${may ? html`<section aria-labelledby="count"><h2 id="count">${t('experiments_count')}</h2><p class="quiet">${t('lists_count_more')}</p>
      <${Control} of=${counting} go=${t('lists_count_go')} ready=${true} />
      ${counting.job?.counts ? html`<p class="quiet">${t('counts_of', { n: counting.job.counts.profiles })}</p>` : ''}</section>` : ''}
    ${data.experiments.map((each) => html`<${Experiment} key=${each.name} of=${each} counts=${counted.get(each.name)} may=${may} warehouse=${data.warehouse} />`)}`;
}

function Experiment({ of, counts, may, warehouse }) {
  const id = `experiment-${of.name}`;
  const names = Object.keys(of.segments);
  const exposed = counts ? Object.values(counts.groups).reduce((sum, each) => sum + each, 0) : 0;
  const old = counts ? Object.keys(counts.groups).filter((name) => !of.groups.some((each) => each.name === name)) : [];
  return html`<section aria-labelledby=${id}><h2 id=${id}>${of.name}</h2>
    <dl class="pairs"><dt>${t('segments_title')}</dt><dd>${of.is_universal ? t('experiment_all') : names.map((each, index) => html`${index ? ', ' : ''}<a href=${segmentHref(each)}>${each}</a>${of.segments[each] === 'live' ? '' : ` (${t(`state_${of.segments[each]}`)})`}`)}</dd>
      ${of.layer ? html`<dt>${t('experiment_layer')}</dt><dd>${of.layer}</dd>` : ''}
      <dt>${t('experiment_start')}</dt><dd>${of.start ? html`<${Time} at=${of.start} />` : t('experiment_no_start')}</dd>
      <dt>${t('experiment_salt')}</dt><dd><code>${of.salt}</code></dd></dl>
    <table class="cards" aria-label=${t('experiment_groups', { name: of.name })}><thead><tr><th scope="col">${t('group')}</th><th scope="col" class="n">${t('group_share')}</th><th scope="col" class="n">${t('group_place')}</th><th scope="col" class="n">${t('group_users')}</th></tr></thead>
      <tbody>${of.groups.map((each) => html`<tr key=${each.name}><th scope="row">${each.name}</th><td class="n" data-label=${t('group_share')}>${share(each.share / 100).replace('+', '')}</td>
        <td class="n" data-label=${t('group_place')}>${number(each.starts_at)}–${number(each.starts_at + each.share)}</td>
        <td class="n" data-label=${t('group_users')}>${counts ? number(counts.groups[each.name] ?? 0) : '–'}</td></tr>`)}
      ${old.map((name) => html`<tr key=${name}><th scope="row">${name}<span class="sub">${t('group_old')}</span></th><td class="n" data-label=${t('group_share')}>–</td><td class="n" data-label=${t('group_place')}>–</td><td class="n" data-label=${t('group_users')}>${number(counts.groups[name])}</td></tr>`)}</tbody></table>
    ${counts ? html`<p class="quiet">${t('experiment_exposed', { n: exposed })} ${counts.crossed ? t('experiment_crossed', { n: counts.crossed }) : ''}</p>` : ''}
    ${!warehouse ? html`<p class="quiet">${t('uplift_none')} <code>shoal uplift exposures.jsonl outcomes.jsonl --within 7d</code></p>` : may ? html`<${Uplift} name=${of.name} />` : ''}</section>`;
}

function Uplift({ name }) {
  const [form, setForm] = useState({ goal: '', within: '7d', value: '' });
  const job = useJob({ kind: 'uplift', uplift: { experiment: name, ...form } });
  const set = (field) => ({ target: { value } }) => setForm((before) => ({ ...before, [field]: value }));
  const found = job.job?.uplift;
  return html`<h3>${t('uplift_title')}</h3><p class="quiet">${t('uplift_more')}</p>
    <div class="filters"><label>${t('uplift_goal')}<input value=${form.goal} placeholder="Order Completed" spellcheck="false" onInput=${set('goal')} /></label>
      <label>${t('uplift_within')}<input value=${form.within} spellcheck="false" onInput=${set('within')} /></label>
      <label>${t('uplift_value')}<input value=${form.value} placeholder="revenue" spellcheck="false" onInput=${set('value')} /></label></div>
    <${Control} of=${job} go=${t('uplift_go')} ready=${form.goal.trim() !== '' && form.within.trim() !== ''} />
    ${found ? html`<${Result} found=${found} />` : ''}`;
}

function Result({ found }) {
  const mean = (value) => found.metric === 'conversion' ? exact(value) : number(value);
  const signed = (value) => value === null ? '–' : found.metric === 'conversion' ? `${value > 0 ? '+' : ''}${exact(value)}` : `${value > 0 ? '+' : ''}${number(value)}`;
  const waiting = found.groups.reduce((sum, each) => sum + each.pending, 0);
  const wrong = found.comparisons.some((each) => each.verdict === 'wrong ratio');
  return html`<p>${t('uplift_as_of')} <${Time} at=${found.at} />. ${t('uplift_control', { control: found.control })}</p>
    ${waiting ? html`<p class="notice">${t('uplift_pending', { n: waiting })}</p>` : ''}
    ${wrong ? html`<p class="trouble">${t('uplift_wrong')}</p>` : ''}
    <table class="cards" aria-label=${t('uplift_groups')}><thead><tr><th scope="col">${t('group')}</th><th scope="col" class="n">${t('uplift_over')}</th><th scope="col" class="n">${t('uplift_waiting')}</th><th scope="col" class="n">${t('uplift_reached')}</th><th scope="col" class="n">${t(`uplift_mean_${found.metric}`)}</th></tr></thead>
      <tbody>${found.groups.map((each) => html`<tr key=${each.group}><th scope="row">${each.group}</th><td class="n" data-label=${t('uplift_over')}>${number(each.users)}</td><td class="n" data-label=${t('uplift_waiting')}>${number(each.pending)}</td><td class="n" data-label=${t('uplift_reached')}>${number(each.converted)}</td><td class="n" data-label=${t(`uplift_mean_${found.metric}`)}>${mean(each.mean)}</td></tr>`)}</tbody></table>
    ${found.comparisons.length ? html`<table class="cards" aria-label=${t('uplift_differences')}><thead><tr><th scope="col">${t('group')}</th><th scope="col" class="n">${t('uplift_difference')}</th><th scope="col" class="n">${t('uplift_interval')}</th><th scope="col">${t('uplift_verdict')}</th></tr></thead>
      <tbody>${found.comparisons.map((each) => html`<tr key=${each.group}><th scope="row">${each.group}</th><td class="n" data-label=${t('uplift_difference')}>${signed(each.difference)}</td><td class="n" data-label=${t('uplift_interval')}>${each.low === null ? '–' : `${signed(each.low)} … ${signed(each.high)}`}</td><td data-label=${t('uplift_verdict')}><b>${t(`verdict_${each.verdict.replace(' ', '_')}`)}</b></td></tr>`)}</tbody></table>` : ''}
    ${found.crossed ? html`<p class="quiet">${t('uplift_crossed', { n: found.crossed })}</p>` : ''}`;
}
