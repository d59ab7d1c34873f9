// What the checker says of a text that is being written.
import { html } from '../vendor/core.js';
import { segmentHref } from '../router.js';
import { bytes, t } from '../words.js';
import { occurs } from './completions.js';
import { Conditions } from './conditions.js';
import { Difference } from './difference.js';

export function Findings({ reading, problem, waiting, onGo }) {
  const findings = reading?.findings ?? [];
  const errors = findings.filter((each) => each.severity === 'error').length;
  const said = problem ? t('reading_failed', { why: problem.message }) : !reading || waiting ? t('checking') : errors ? t('problems', { n: errors }) : t('no_problems');
  return html`<p role="status" class=${problem ? 'wrong' : !reading || waiting ? 'quiet' : errors ? 'wrong' : 'fine'}>${said}</p>
    ${findings.length ? html`<ul class="findings" aria-label=${t('findings')}>${findings.map((each, index) => html`<li key=${index} class=${each.severity}>
      ${each.of ? html`<a href=${segmentHref(each.of)}>${each.of}</a>` : html`<button class="plain" onClick=${() => onGo(each)}>${t('line', { line: each.line })}</button>`}
      <b>${t(`severity_${each.severity}`)}:</b> ${each.message}
      ${each.detail ? html`<span class="sub">${each.detail}</span>` : ''}
      ${each.hint ? html`<span class="remedy">${t('remedy')}: <code>${each.hint}</code></span>` : ''}</li>`)}</ul>` : ''}`;
}

function Reads({ reads, words }) {
  if (!reads.length) return html`<span class="quiet">${t('reads_none')}</span>`;
  return html`<ul>${reads.map((each) => html`<li key=${each.event}><b>${each.event}</b>
    ${each.properties.length ? html` (${each.properties.join(', ')})` : ''}
    ${words && !words.unread ? html`<span class="sub">${occurs(words, each.event) ?? t('word_never', { n: words.records })}</span>` : ''}</li>`)}</ul>`;
}

export function Meaning({ reading, words }) {
  if (!reading) return html`<p class="quiet">${t('checking')}</p>`;
  if (!reading.conditions.length) return html`<p class="quiet">${t('meaning_none')}</p>`;
  return html`${reading.each ? html`<p>${t('one_each', { each: reading.each })}</p>` : ''}<${Conditions} conditions=${reading.conditions} />
    ${reading.attach.length ? html`<p>${t('carries')}: ${reading.attach.map((each, index) => html`${index ? ', ' : ''}<b>${each.name}</b> (<code>${each.expression}</code>)`)}</p>` : ''}
    <dl class="pairs">
      <dt>${t('reads')}</dt><dd><${Reads} reads=${reading.reads} words=${words} /></dd>
      ${reading.needs.length ? html`<dt>${t('uses')}</dt><dd>${reading.needs.join(', ')}</dd>` : ''}
      ${reading.needed_by.length ? html`<dt>${t('used_by')}</dt><dd>${reading.needed_by.join(', ')}</dd>` : ''}
      <dt>${t('tests')}</dt><dd>${reading.tests.length ? html`<ul>${reading.tests.map((each) => html`<li key=${each}>${each}</li>`)}</ul>` : html`<span class="quiet">${t('untested')}</span>`}</dd>
    </dl>
    <p class="quiet">${t('bytes', { n: bytes(reading.bytes_max) })}</p>`;
}

export function Against({ reading, isNew }) {
  if (!reading) return html`<p class="quiet">${t('checking')}</p>`;
  return html`<p>${reading.usable || reading.change === 'same' || reading.change === 'new' ? t(`change_${reading.change}`) : t('change_unknown')}</p>
    ${isNew ? '' : html`<${Difference} lines=${reading.difference} label=${t('against')} />`}`;
}
