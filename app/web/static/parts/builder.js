// A condition built in steps: its parts, each of which can be removed, and a form that adds one.
import { html, useState } from '../vendor/core.js';
import { ask } from '../api.js';
import { t } from '../words.js';
import { Trouble } from './states.js';

const ROLES = { member: 'when', enters: 'enter', leaves: 'exit' };
const WITHIN = ['1h', '1d', '7d', '30d'];
const COMPARED = [['=', 'is'], ['!=', 'is_not'], ['>=', 'is_least'], ['<=', 'is_most'], ['contains', 'contains']];
const ORDERED = [['>=', 'is_least'], ['<=', 'is_most'], ['=', 'is']];
const CART = ['value', 'items', 'idle'];
const NEW = { what: 'events', event: '', often: 'least', times: '1', within: '7d', property: '', operator: '=', value: '', field: 'value', cart: '>=', amount: '', trait: '', segment: '', side: 'in', role: '' };

const quoted = (text) => `'${text.replaceAll("'", "''")}'`;
const literal = (text) => (/^(-?\d+(\.\d+)?|true|false)$/.test(text.trim()) ? text.trim() : quoted(text));

/** The expression that a form says, or '' while something is missing. */
function expressionOf(form) {
  if (form.what === 'events') {
    if (!form.event.trim()) return '';
    const where = form.property.trim() ? ` where ${form.property.trim()} ${form.operator} ${literal(form.value)}` : '';
    const events = quoted(form.event.trim()) + where + (form.within ? ` within ${form.within}` : '');
    if (form.often === 'never') return `never(${events})`;
    const times = form.times.trim() || '1';
    return form.often === 'least' && times === '1' ? `exists(${events})` : `count(${events}) ${form.often === 'least' ? '>=' : '<='} ${times}`;
  }
  if (form.what === 'cart') return form.amount.trim() ? `cart.${form.field} ${form.cart} ${form.amount.trim()}` : '';
  if (form.what === 'trait') return form.trait.trim() ? `traits.${form.trait.trim()} ${form.operator} ${literal(form.value)}` : '';
  return form.segment ? `${form.side === 'in' ? '' : 'not '}segment(${quoted(form.segment)})` : '';
}

function told(clause) {
  return clause.parts.length ? `${clause.text}: ${clause.parts.map(told).join('; ')}` : clause.text;
}

export function Builder({ text, reading, waiting, words, onText }) {
  const [form, setForm] = useState(NEW);
  const [problem, setProblem] = useState(null);
  const conditions = reading?.conditions ?? [];
  const ready = Boolean(reading) && !waiting && conditions.length > 0;
  const role = conditions.some((each) => each.when === form.role) ? form.role : conditions[0]?.when;
  const edit = async (body) => {
    try {
      setProblem(null);
      onText((await ask('definitions/edit', { method: 'POST', body: { text, ...body } })).text);
      return true;
    } catch (error) {
      setProblem(error);
      return false;
    }
  };
  const add = async (event) => {
    event.preventDefault();
    if (ready && await edit({ role: ROLES[role], add: expressionOf(form) })) setForm({ ...NEW, what: form.what, role: form.role });
  };
  return html`<section aria-labelledby="builder"><h2 id="builder">${t('builder_title')}</h2><p class="quiet">${t('builder_more')}</p>
    ${conditions.map((each) => html`<${Parts} key=${each.when} condition=${each} ready=${ready} onRemove=${(place) => edit({ role: ROLES[each.when], remove: place })} />`)}
    ${problem ? html`<${Trouble} problem=${problem} />` : ''}
    <form class="adding" onSubmit=${add} aria-label=${t('builder_add')}>
      <${Choice} label=${t('builder_what')} form=${form} name="what" set=${setForm} options=${['events', 'cart', 'trait', 'segment'].map((each) => [each, t(`builder_${each}`)])} />
      <${Fields} form=${form} set=${setForm} words=${words} />
      ${conditions.length > 1 ? html`<${Choice} label=${t('builder_into')} form=${{ role }} name="role" set=${({ role: chosen }) => setForm({ ...form, role: chosen })} options=${conditions.map((each) => [each.when, t(`builder_into_${each.when}`)])} />` : ''}
      <button disabled=${!ready || !expressionOf(form)}>${t('builder_add')}</button>
    </form></section>`;
}

function Parts({ condition, ready, onRemove }) {
  const parts = condition.clause.way === 'all' ? condition.clause.parts : [condition.clause];
  return html`<h3>${t(`when_${condition.when}`)}</h3>
    <ul class="parts" aria-label=${t(parts.length > 1 ? 'builder_parts' : 'builder_part')}>${parts.map((each, place) => html`<li key=${place}><span>${told(each)}</span>
      ${parts.length > 1 ? html`<button disabled=${!ready} aria-label=${t('builder_remove_label', { what: told(each) })} onClick=${() => onRemove(place)}>${t('builder_remove')}</button>` : ''}</li>`)}</ul>`;
}

function Choice({ label, form, name, set, options }) {
  return html`<label>${label}<select value=${form[name]} onChange=${(event) => set({ ...form, [name]: event.target.value })}>${options.map(([value, said]) => html`<option key=${value} value=${value}>${said}</option>`)}</select></label>`;
}

function Field({ label, form, name, set, list, type }) {
  return html`<label>${label}<input name=${`builder-${name}`} value=${form[name]} list=${list ? `builder-${name}-list` : null} type=${type ?? 'text'} min="0" autocomplete="off" maxlength="200" onInput=${(event) => set({ ...form, [name]: event.target.value })} />
    ${list ? html`<datalist id=${`builder-${name}-list`}>${list.map((each) => html`<option key=${each} value=${each} />`)}</datalist>` : ''}</label>`;
}

function Fields({ form, set, words }) {
  const both = { form, set };
  const compared = COMPARED.map(([sign, said]) => [sign, t(`builder_${said}`)]);
  if (form.what === 'cart') {
    return html`<${Choice} ...${both} label=${t('builder_field')} name="field" options=${CART.map((each) => [each, t(`cart_${each}`)])} />
      <${Choice} ...${both} label=${t('builder_is')} name="cart" options=${ORDERED.map(([sign, said]) => [sign, t(`builder_${said}`)])} />
      <${Field} ...${both} label=${t(form.field === 'idle' ? 'builder_duration' : 'builder_value')} name="amount" />`;
  }
  if (form.what === 'trait') {
    return html`<${Field} ...${both} label=${t('builder_trait_name')} name="trait" list=${(words?.traits ?? []).map((each) => each.name)} />
      <${Choice} ...${both} label=${t('builder_is')} name="operator" options=${compared} /><${Field} ...${both} label=${t('builder_value')} name="value" />`;
  }
  if (form.what === 'segment') {
    return html`<${Choice} ...${both} label=${t('builder_is')} name="side" options=${[['in', t('builder_in')], ['not', t('builder_not_in')]]} />
      <${Choice} ...${both} label=${t('segment')} name="segment" options=${[['', '–'], ...(words?.segments ?? []).map((each) => [each, each])]} />`;
  }
  const events = (words?.events ?? []).filter((each) => each.kind === 'track');
  const chosen = events.find((each) => each.name === form.event);
  const values = chosen?.properties.find((each) => each.name === form.property)?.examples ?? [];
  return html`<${Field} ...${both} label=${t('builder_event')} name="event" list=${events.map((each) => each.name)} />
    <${Choice} ...${both} label=${t('builder_often')} name="often" options=${['least', 'most', 'never'].map((each) => [each, t(`builder_${each}`)])} />
    ${form.often === 'never' ? '' : html`<${Field} ...${both} label=${t('builder_times')} name="times" type="number" />`}
    <${Choice} ...${both} label=${t('builder_within')} name="within" options=${[...WITHIN.map((each) => [each, t(`within_${each}`)]), ['', t('builder_ever')]]} />
    <${Field} ...${both} label=${`${t('builder_property')} ${t('builder_any')}`} name="property" list=${chosen?.properties.map((each) => each.name) ?? []} />
    ${form.property.trim() ? html`<${Choice} ...${both} label=${t('builder_is')} name="operator" options=${compared} /><${Field} ...${both} label=${t('builder_value')} name="value" list=${values} />` : ''}`;
}
