// What the command line does, and how.
import { html } from '../vendor/core.js';
import { t } from '../words.js';

const THINGS = [
  ['models', 'shoal train rows.parquet --label NAME --output MODEL', 'docs/features.md'],
];

export function More() {
  return html`<h1 tabindex="-1">${t('more_title')}</h1><p>${t('more_intro')}</p>
    <div class="halves">${THINGS.map(([name, command, page]) => html`<section key=${name} aria-labelledby=${`more-${name}`}><h2 id=${`more-${name}`}>${t(`more_${name}`)}</h2>
      <p>${t(`more_what_${name}`)}</p><pre tabindex="0" aria-label=${t(`more_${name}`)}>${command}</pre><p class="quiet">${t('more_page', { page })}</p></section>`)}</div>`;
}
