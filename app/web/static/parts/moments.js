// The instants of a test: what happens, whether the user is in, and why.
import { html, useState } from '../vendor/core.js';
import { brevity, t } from '../words.js';

const shown = (value) => (value === null || value === undefined ? t('no_value') : typeof value === 'string' ? value : JSON.stringify(value));
const side = (moment) => t(!moment.known ? 'moment_unknown' : moment.inside ? 'moment_in' : 'moment_out');

/** The instants of a test with a slider. `plain`: nothing is expected. */
export function Test({ test, id, plain }) {
  const [at, setAt] = useState(0);
  const moment = test.moments[Math.min(at, test.moments.length - 1)];
  return html`${plain ? '' : html`<h4>${test.name}: <span class=${test.passed ? 'fine' : 'wrong'}>${t(test.passed ? 'test_passed' : 'test_failed')}</span></h4>`}
    ${plain ? '' : test.failures.map((each, index) => html`<p class="wrong" key=${index}>${t('test_failure', { at: each.at, expected: each.expected, got: each.got, line: String(each.line) })}</p>`)}
    ${test.notes.map((each, index) => html`<p class="quiet" key=${index}>${each}</p>`)}
    ${moment ? html`<label class="slider" for=${id}>${t('moment_label')}<input id=${id} type="range" min="0" max=${test.moments.length - 1} value=${at} aria-valuetext=${`${moment.at}: ${side(moment)}`} onInput=${(event) => setAt(Number(event.target.value))} /></label>
      <div class="moment"><p><b>${t('moment_at', { at: moment.at })}</b> <span class=${moment.inside ? 'kind entered' : 'kind'}>${side(moment)}</span>${moment.by.length ? html` <span class="of">${moment.by.join(', ')}</span>` : ''}
        ${moment.events.length ? html`<span class="sub">${t('moment_events', { events: moment.events.join(', ') })}</span>` : ''}</p>
      <ul class="atoms">${moment.atoms.map((each, index) => html`<li key=${index} class=${`depth-${Math.min(each.depth, 4)} ${each.holds ? '' : 'bad'}`}><span aria-hidden="true">${each.holds ? '✓' : '✗'}</span> <span title=${each.text}>${each.said}</span> <span class="unseen">${t(each.holds ? 'holds' : 'does_not_hold')}</span>${/^(all of these|at least one of these|not|enter: .*|exit: .*)$/.test(each.text) && each.value === null || typeof each.value === 'boolean' ? '' : html` <span class="quiet">${shown(brevity(each.value))}</span>`}</li>`)}</ul>
      ${moment.waits.map((each) => html`<p class="quiet" key=${each}>${each}</p>`)}
      <p class="quiet">${moment.next ? t(`moment_next_${moment.next}`, { at: moment.next_at }) : moment.known ? t('next_none') : ''}</p></div>` : ''}`;
}
