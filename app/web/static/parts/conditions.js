// A condition in words.
import { html } from '../vendor/core.js';
import { t } from '../words.js';

function Clause({ clause }) {
  if (clause.way === 'one') return html`<span>${clause.text}</span>`;
  return html`<span>${clause.text}</span><ul class="clause">${clause.parts.map((each, index) => html`<li key=${index}><${Clause} clause=${each} /></li>`)}</ul>`;
}

export const Conditions = ({ conditions }) => conditions.map((each) => html`<div class="condition" key=${each.when}>
  <p>${t(`when_${each.when}`)} <${Clause} clause=${each.clause} />${each.waits.map((wait) => html`, ${wait}`)}</p></div>`);
