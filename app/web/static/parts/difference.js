// The lines in which two texts differ.
import { html } from '../vendor/core.js';
import { t } from '../words.js';

const KINDS = { '+': 'added', '-': 'removed', ' ': 'kept', '@': 'gap' };

export function Difference({ lines, label }) {
  if (lines === null) return html`<p class="quiet">${t('difference_long')}</p>`;
  if (!lines.length) return html`<p class="quiet">${t('difference_none')}</p>`;
  return html`<pre class="difference" tabindex="0" role="region" aria-label=${label}>${lines.map((each, index) => html`<span key=${index} class=${`line ${KINDS[each.sign]}`}>${each.sign === '@' ? '⋯' : html`${each.sign} ${each.text}`}</span>`)}</pre>`;
}
