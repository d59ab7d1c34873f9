// Flows between segments: bands whose height is the number of users, and the same as a table.
import { html } from '../vendor/core.js';
import { number, t } from '../words.js';
import { segmentHref } from '../router.js';

const WIDTH = 640;
const BAR = 8;
const GAP = 14;
const LEFT = 215;
const RIGHT = WIDTH - LEFT;
const NAME_MAX = 21;

function column(movements, end, scale) {
  const totals = new Map();
  for (const each of movements) totals.set(each[end], (totals.get(each[end]) ?? 0) + each.users);
  let y = 8;
  const nodes = new Map();
  for (const [name, users] of [...totals].sort((one, other) => other[1] - one[1])) {
    const height = Math.max(10, users * scale);
    nodes.set(name, { y, height, used: 0, users });
    y += height + GAP;
  }
  return { nodes, height: y };
}

const short = (name) => name.length > NAME_MAX ? `${name.slice(0, NAME_MAX - 1)}…` : name;

export function Flows({ movements }) {
  const total = movements.reduce((sum, each) => sum + each.users, 0);
  const scale = Math.min(6, 200 / Math.max(1, total));
  const left = column(movements, 'from', scale);
  const right = column(movements, 'to', scale);
  const bands = movements.map((each) => {
    const source = left.nodes.get(each.from);
    const target = right.nodes.get(each.to);
    const width = Math.max(1.5, each.users * scale);
    const y1 = source.y + source.used + width / 2;
    const y2 = target.y + target.used + width / 2;
    source.used += width;
    target.used += width;
    const middle = (LEFT + RIGHT) / 2;
    return html`<path class="band" d=${`M${LEFT + BAR},${y1} C${middle},${y1} ${middle},${y2} ${RIGHT - BAR},${y2}`} stroke-width=${width}><title>${t('flow_summary', { from: each.from, to: each.to, n: each.users })}</title></path>`;
  });
  const nodes = (side, x, anchor, offset) => [...side.nodes].map(([name, node]) => html`
    <rect class="node" x=${x} y=${node.y} width=${BAR} height=${node.height} rx="2" />
    <text x=${x + offset} y=${node.y + node.height / 2} dy="0.35em" text-anchor=${anchor}>${short(name)}<tspan class="count"> ${number(node.users)}</tspan></text>`);
  return html`<figure class="flows">
    <svg viewBox=${`0 0 ${WIDTH} ${Math.max(left.height, right.height)}`} aria-hidden="true">
      ${bands}${nodes(left, LEFT, 'end', -6)}${nodes(right, RIGHT - BAR, 'start', BAR + 6)}
    </svg>
    <details><summary>${t('as_table')}</summary>
      <table><thead><tr><th scope="col">${t('from')}</th><th scope="col">${t('to')}</th><th scope="col" class="n">${t('users')}</th></tr></thead>
      <tbody>${movements.map((each) => html`<tr key=${`${each.from}>${each.to}`}><td><a href=${segmentHref(each.from)}>${each.from}</a></td><td><a href=${segmentHref(each.to)}>${each.to}</a></td><td class="n">${number(each.users)}</td></tr>`)}</tbody></table>
    </details>
  </figure>`;
}
