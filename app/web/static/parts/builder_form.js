// What the form of the builder says as an expression, and back.
const quoted = (text) => `'${text.replaceAll("'", "''")}'`;
const PLAIN = /^(-?\d+(\.\d+)?|true|false)$/;
const literal = (text) => (PLAIN.test(text.trim()) ? text.trim() : quoted(text));

export const NEW = { what: 'events', event: '', often: 'least', times: '1', within: '7d', per: '', property: '', operator: '=', value: '', field: 'value', cart: '>=', amount: '', trait: '', segment: '', list: '', side: 'in', role: '' };
export const WITHIN = ['1h', '1d', '7d', '30d'];

/** The expression that a form says, or '' while something is missing. */
export function expressionOf(form) {
  if (form.what === 'events' || form.what === 'visits') {
    const kind = form.what === 'visits' ? 'page' : form.event.trim() && quoted(form.event.trim());
    if (!kind) return '';
    const where = form.property.trim() ? ` where ${form.property.trim()} ${form.operator} ${literal(form.value)}` : '';
    const per = form.often === 'never' || !form.per.trim() ? '' : ` per ${form.per.trim()}`;
    const events = kind + where + per + (form.within ? ` within ${form.within}` : '');
    if (form.often === 'never') return `never(${events})`;
    const times = form.times.trim() || '1';
    return form.often === 'least' && times === '1' && !per ? `exists(${events})` : `count(${events}) ${form.often === 'least' ? '>=' : '<='} ${times}`;
  }
  if (form.what === 'cart') return form.amount.trim() ? `cart.${form.field} ${form.cart} ${form.amount.trim()}` : '';
  if (form.what === 'trait') return form.trait.trim() ? `traits.${form.trait.trim()} ${form.operator} ${literal(form.value)}` : '';
  const [kind, name] = form.what === 'list' ? ['list', form.list.trim()] : ['segment', form.segment];
  return name ? `${form.side === 'in' ? '' : 'not '}${kind}(${quoted(name)})` : '';
}

const COMPARED = "(=|!=|>=|<=|contains) ('(?:[^']|'')*'|\\S+?)";
const EVENTS = new RegExp(`^(exists|never|count)\\(('(?:[^']|'')*'|page)(?: where ([\\w.]+) ${COMPARED})?(?: per ([\\w.]+))?(?: within (\\w+))?\\)(?: (>=|<=) (\\d+))?$`);
const CART = /^cart\.(value|items|idle) (>=|<=|=) (\S+)$/;
const TRAIT = new RegExp(`^traits\\.([\\w.]+) ${COMPARED}$`);
const GROUP = /^(not )?(segment|list)\(('(?:[^']|'')*')\)$/;
const plain = (text) => (text?.startsWith("'") ? text.slice(1, -1).replaceAll("''", "'") : text ?? '');

/** The form that says an expression; null where it cannot say exactly this. */
export function formOf(expression) {
  const form = { ...NEW };
  const [, way, event, property, operator, value, per, within, least, times] = EVENTS.exec(expression) ?? [];
  const [, field, cart, amount] = CART.exec(expression) ?? [];
  const [, trait, compared, wanted] = TRAIT.exec(expression) ?? [];
  const [, not, kind, name] = GROUP.exec(expression) ?? [];
  if (way) {
    Object.assign(form, { what: event === 'page' ? 'visits' : 'events', event: event === 'page' ? '' : plain(event), often: way === 'never' ? 'never' : least === '<=' ? 'most' : 'least', times: times ?? '1', within: within ?? '', per: per ?? '' });
    if (property) Object.assign(form, { property, operator, value: plain(value) });
  } else if (field) Object.assign(form, { what: 'cart', field, cart, amount });
  else if (trait) Object.assign(form, { what: 'trait', trait, operator: compared, value: plain(wanted) });
  else if (kind) Object.assign(form, { what: kind, [kind]: plain(name), side: not ? 'not' : 'in' });
  return expressionOf(form) === expression && ['', ...WITHIN].includes(form.within) ? form : null;
}
