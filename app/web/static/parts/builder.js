// A condition built in steps: its parts, each of which can be removed, and a form that adds one.
import { html, useRef, useState } from '../vendor/core.js';
import { t } from '../words.js';
import { NEW, WITHIN, expressionOf, formOf } from './builder_form.js';
import { Trouble } from './states.js';

const ROLES = { member: 'when', enters: 'enter', leaves: 'exit' };
const COMPARED = [['=', 'is'], ['!=', 'is_not'], ['>=', 'is_least'], ['<=', 'is_most'], ['contains', 'contains']];
const ORDERED = [['>=', 'is_least'], ['<=', 'is_most'], ['=', 'is']];
const CART = ['value', 'items', 'idle'];
function told(clause) {
  return clause.parts.length ? `${clause.text}: ${clause.parts.map(told).join('; ')}` : clause.text;
}

export function Builder({ reading, waiting, words, onEdit }) {
  const [form, setForm] = useState(NEW);
  const [problem, setProblem] = useState(null);
  const [changed, setChanged] = useState(null);
  const first = useRef(null);
  const conditions = reading?.conditions ?? [];
  const ready = Boolean(reading) && !waiting && conditions.length > 0;
  const role = conditions.some((each) => each.when === form.role) ? form.role : conditions[0]?.when;
  const edit = async (...steps) => {
    try {
      setProblem(null);
      await onEdit(steps);
      return true;
    } catch (error) {
      setProblem(error);
      return false;
    }
  };
  const close = () => { setChanged(null); setForm({ ...NEW, what: form.what, role: form.role }); };
  const change = (each, place) => (clause) => {
    setChanged({ when: each.when, place, of: clause.written });
    setForm({ ...formOf(clause.written), role: each.when });
    first.current.querySelector('select').focus();
  };
  const holds = changed && conditions.some((each) => each.when === changed.when && partsOf(each)[changed.place]?.written === changed.of);
  const submit = async (event) => {
    event.preventDefault();
    if (!ready) return;
    const into = ROLES[holds ? changed.when : role];
    const steps = [{ role: into, add: expressionOf(form) }, ...(holds ? [{ role: into, remove: changed.place }] : [])];
    if (holds && expressionOf(form) === changed.of) close();
    else if (await edit(...steps)) close();
  };
  return html`<section aria-labelledby="builder"><h2 id="builder">${t('builder_title')}</h2><p class="quiet">${t('builder_more')}</p>
    ${conditions.map((each) => html`<${Parts} key=${each.when} condition=${each} ready=${ready} onRemove=${(place) => edit({ role: ROLES[each.when], remove: place })} onChange=${(place, clause) => change(each, place)(clause)} />`)}
    ${problem ? html`<${Trouble} problem=${problem} />` : ''}
    <form class="adding" ref=${first} onSubmit=${submit} aria-label=${t(holds ? 'builder_change' : 'builder_add')}>
      <${Choice} label=${t('builder_what')} form=${form} name="what" set=${setForm} options=${['events', 'visits', 'cart', 'trait', 'segment', 'list'].map((each) => [each, t(`builder_${each}`)])} />
      <${Fields} form=${form} set=${setForm} words=${words} />
      ${conditions.length > 1 && !holds ? html`<${Choice} label=${t('builder_into')} form=${{ role }} name="role" set=${({ role: chosen }) => setForm({ ...form, role: chosen })} options=${conditions.map((each) => [each.when, t(`builder_into_${each.when}`)])} />` : ''}
      <button disabled=${!ready || !expressionOf(form)}>${t(holds ? 'builder_change_go' : 'builder_add')}</button>
      ${holds ? html`<button type="button" onClick=${close}>${t('cancel')}</button>` : ''}
    </form></section>`;
}

const partsOf = (condition) => (condition.clause.way === 'all' ? condition.clause.parts : [condition.clause]);

function Parts({ condition, ready, onRemove, onChange }) {
  const parts = partsOf(condition);
  return html`<h3>${t(`when_${condition.when}`)}</h3>
    <ul class="parts" aria-label=${t(parts.length > 1 ? 'builder_parts' : 'builder_part')}>${parts.map((each, place) => html`<li key=${place}><span>${told(each)}</span>
      ${each.written && formOf(each.written) ? html`<button disabled=${!ready} aria-label=${t('builder_change_label', { what: told(each) })} onClick=${() => onChange(place, each)}>${t('builder_change')}</button>` : ''}
      ${parts.length > 1 ? html`<button disabled=${!ready} aria-label=${t('builder_remove_label', { what: told(each) })} onClick=${() => onRemove(place)}>${t('builder_remove')}</button>` : ''}</li>`)}</ul>`;
}

/** What a new segment is called; its name is made of that. */
export function Called({ reading, waiting, onEdit }) {
  const [title, setTitle] = useState('');
  const [problem, setProblem] = useState(null);
  const ready = reading?.usable && reading.kind === 'segment' && !waiting;
  const call = async (event) => {
    event.preventDefault();
    try {
      await onEdit([{ call: title }]);
      setProblem(null);
      setTitle('');
    } catch (error) { setProblem(error); }
  };
  return html`<section aria-labelledby="called"><h2 id="called">${t('called_title')}</h2><p>${reading?.name ? html`${t('called_now')} <b><bdi>${reading.name}</bdi></b>` : t('checking')}</p>
    <form class="adding" onSubmit=${call} aria-label=${t('called_title')}>
      <label>${t('called_field')}<input name="called" value=${title} maxlength="100" autocomplete="off" onInput=${(event) => setTitle(event.target.value)} /></label>
      <button disabled=${!ready || !title.trim()}>${t('called_go')}</button></form>
    ${problem ? html`<${Trouble} problem=${problem} />` : ''}</section>`;
}

function Choice({ label, form, name, set, options }) {
  return html`<label>${label}<select name=${`builder-${name}`} value=${form[name]} onChange=${(event) => set({ ...form, [name]: event.target.value })}>${options.map(([value, said]) => html`<option key=${value} value=${value}>${said}</option>`)}</select></label>`;
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
  if (form.what === 'segment' || form.what === 'list') {
    const sides = [['in', t(form.what === 'list' ? 'builder_on' : 'builder_in')], ['not', t(form.what === 'list' ? 'builder_not_on' : 'builder_not_in')]];
    return html`<${Choice} ...${both} label=${t('builder_is')} name="side" options=${sides} />
      ${form.what === 'list' ? html`<${Field} ...${both} label=${t('builder_list_name')} name="list" />`
        : html`<${Choice} ...${both} label=${t('segment')} name="segment" options=${[['', '–'], ...(words?.segments ?? []).map((each) => [each, each])]} />`}`;
  }
  const events = (words?.events ?? []).filter((each) => each.kind === 'track');
  const chosen = form.what === 'visits' ? words?.events.find((each) => each.kind === 'page') : events.find((each) => each.name === form.event);
  const values = chosen?.properties.find((each) => each.name === form.property)?.examples ?? [];
  return html`${form.what === 'visits' ? '' : html`<${Field} ...${both} label=${t('builder_event')} name="event" list=${events.map((each) => each.name)} />`}
    <${Choice} ...${both} label=${t('builder_often')} name="often" options=${['least', 'most', 'never'].map((each) => [each, t(`builder_${each}`)])} />
    ${form.often === 'never' ? '' : html`<${Field} ...${both} label=${t('builder_times')} name="times" type="number" />`}
    <${Choice} ...${both} label=${t('builder_within')} name="within" options=${[...WITHIN.map((each) => [each, t(`within_${each}`)]), ['', t('builder_ever')]]} />
    <${Field} ...${both} label=${`${t('builder_property')} ${t('builder_any')}`} name="property" list=${chosen?.properties.map((each) => each.name) ?? []} />
    ${form.often === 'never' ? '' : html`<${Field} ...${both} label=${`${t('builder_per')} ${t('builder_any_per')}`} name="per" list=${chosen?.properties.map((each) => each.name) ?? []} />`}
    ${form.property.trim() ? html`<${Choice} ...${both} label=${t('builder_is')} name="operator" options=${compared} /><${Field} ...${both} label=${t('builder_value')} name="value" list=${values} />` : ''}`;
}
