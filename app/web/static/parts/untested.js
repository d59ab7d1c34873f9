// Tests of a text that do not pass, and the wish to publish it all the same.
import { html } from '../vendor/core.js';
import { t } from '../words.js';

export const isUntested = (problem) => problem?.code === 'tests-failed';

export function Untested({ problem, wanted, onWanted }) {
  const { tests = [], more = 0 } = problem?.values ?? {};
  return html`${tests.length ? html`<ul>${tests.map((each) => html`<li key=${each}><bdi>${each}</bdi></li>`)}${more ? html`<li>${t('and_more', { n: more })}</li>` : ''}</ul>` : ''}
    ${problem ? html`<p>${t('untested_more')}</p>` : ''}
    <label class="tick"><input type="checkbox" name="untested" checked=${wanted} onChange=${(event) => onWanted(event.target.checked)} />${t('publish_untested')}</label>`;
}
