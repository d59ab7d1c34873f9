// A table of a report: as a picture of one of its columns, as figures, and as files.
import { html, useEffect, useRef, useState } from '../vendor/core.js';
import uPlot from '../vendor/uplot.js';
import { exact, moment, number, span, t } from '../words.js';
import { savePng, saveCsv } from './save.js';

const BARS_MAX = 20;
const LINES_MAX = 8;
const BAR = 26;
const HEIGHT = 260;
const FONT = '13px system-ui, sans-serif';
const COLOURS = ['--line-1', '--line-2', '--line-3', '--line-4', '--line-5', '--line-6', '--line-7', '--line-8'];
const SPECIAL = { '(all users)': 'figures_everybody', '(first)': 'figures_first', '(direct)': 'figures_direct', '(others)': 'figures_others' };

const columnText = (name) => (name === 'segment' ? t('segment') : t(`column_${name.replaceAll(' ', '_')}`));

export function shown(value, kind) {
  if (value === null) return '–';
  if (kind === 'share') return exact(value);
  if (kind === 'span') return span(value);
  if (kind === 'instant') return moment(value);
  return kind === 'text' ? (value in SPECIAL ? t(SPECIAL[value]) : value) : number(value);
}

/** A note of a report in words. */
export const noteText = ({ key, values }) => t(`note_${key}`, 'at' in values ? { ...values, at: moment(values.at) } : values);

/** The title of a table: of its kind, with the window that ends its name. */
function titleOf(kind, table) {
  const window = table.name.match(/-(lifetime|[0-9a-z]+)$/)?.[1];
  const value = table.name.startsWith('attribution-value') ? '_value' : '';
  if (!window) return t(`report_${kind}`);
  return window === 'lifetime' ? t('figures_lifetime', { what: t(`report_${kind}`) }) : t('figures_within', { what: t(`report_${kind}${value}`), window });
}

/** A canvas that is drawn again when its width or the colours change. */
function useDrawing(draw, inputs) {
  const place = useRef(null);
  useEffect(() => {
    const box = place.current;
    const dark = matchMedia('(prefers-color-scheme: dark)');
    let width = 0;
    let end = () => {};
    const again = () => { end(); width = box.clientWidth; end = draw(box) ?? (() => {}); };
    again();
    const resized = new ResizeObserver(() => { if (box.clientWidth && box.clientWidth !== width) again(); });
    resized.observe(box);
    dark.addEventListener('change', again);
    return () => { resized.disconnect(); dark.removeEventListener('change', again); end(); };
  }, inputs);
  return place;
}

const colour = (box, name) => {
  const probe = document.createElement('i');
  box.append(probe);
  probe.style.color = `var(${name})`;
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
};

function fitting(pen, text, width) {
  if (pen.measureText(text).width <= width) return text;
  let length = text.length;
  while (length > 1 && pen.measureText(`${text.slice(0, length)}…`).width > width) length -= 1;
  return `${text.slice(0, length)}…`;
}

function drawBars(box, bars, kind) {
  const canvas = box.querySelector('canvas') ?? box.appendChild(document.createElement('canvas'));
  const scale = devicePixelRatio || 1;
  const width = box.clientWidth;
  const height = bars.length * BAR + 4;
  canvas.width = width * scale;
  canvas.height = height * scale;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const pen = canvas.getContext('2d');
  pen.scale(scale, scale);
  pen.font = FONT;
  pen.textBaseline = 'middle';
  const [bar, ink] = [colour(box, '--line-1'), colour(box, '--ink')];
  const left = Math.min(260, width * 0.42);
  const right = Math.max(0, ...bars.map((each) => pen.measureText(shown(each.value, kind)).width)) + 10;
  const top = Math.max(...bars.map((each) => each.value), 0);
  bars.forEach((each, index) => {
    const y = index * BAR + BAR / 2 + 2;
    const length = top > 0 ? (width - left - right) * Math.max(0, each.value) / top : 0;
    pen.fillStyle = ink;
    pen.textAlign = 'right';
    pen.fillText(fitting(pen, each.label, left - 10), left - 10, y);
    pen.textAlign = 'left';
    pen.fillText(shown(each.value, kind), left + length + 6, y);
    pen.fillStyle = bar;
    pen.fillRect(left, y - BAR / 2 + 5, length, BAR - 10);
  });
}

function drawLines(box, lines, across, kind) {
  const axis = { stroke: () => colour(box, '--ink'), grid: { stroke: 'rgba(128,128,128,.25)', width: 1 }, ticks: { show: false }, font: '12px system-ui, sans-serif' };
  const plot = new uPlot({
    width: box.clientWidth, height: HEIGHT, legend: { show: false }, cursor: { y: false },
    scales: { x: { time: false }, y: { range: (_, low, high) => [0, (high ?? 0) * 1.1 || 1] } },
    axes: [axis, { ...axis, size: 64, values: (_, ticks) => ticks.map((tick) => shown(tick, kind)) }],
    series: [{}, ...lines.map((each, index) => ({ label: each.label, stroke: colour(box, COLOURS[index]), width: 2, points: { show: true, size: 5 } }))],
  }, [across, ...lines.map((each) => each.values)], box);
  return () => plot.destroy();
}

function Bars({ bars, kind, summary }) {
  const place = useDrawing((box) => { drawBars(box, bars, kind); }, [bars, kind]);
  return html`<div class="drawn" ref=${place} role="img" aria-label=${summary}></div>`;
}

function Lines({ lines, across, kind, summary }) {
  const place = useDrawing((box) => drawLines(box, lines, across, kind), [lines, across, kind]);
  return html`<div class="plot" ref=${place} role="img" aria-label=${summary}></div>
    <ul class="legend">${lines.map((each, index) => html`<li key=${each.label}><span class=${`mark mark-${index + 1}`} aria-hidden="true"></span>${each.label}</li>`)}</ul>`;
}

function Picture({ table, value, summary }) {
  const at = (name) => table.columns.findIndex((each) => each.name === name);
  const { label, across, form } = table.chart;
  const place = at(value);
  const kind = table.columns[place].kind;
  const rows = table.rows.filter((row) => row[place] !== null);
  if (form === 'lines') {
    const names = [...new Set(table.rows.map((row) => row[at(label)]))].slice(-LINES_MAX);
    const steps = [...new Set(table.rows.map((row) => row[at(across)]))].sort((one, other) => one - other);
    const lines = names.map((name) => ({ label: name, values: steps.map((step) => table.rows.find((row) => row[at(label)] === name && row[at(across)] === step)?.[place] ?? null) }));
    return html`<${Lines} lines=${lines} across=${steps} kind=${kind} summary=${summary} />`;
  }
  const bars = rows.slice(0, BARS_MAX).map((row) => ({ value: row[place], label: [row[at(label)], ...(across ? [row[at(across)]] : [])].map((each) => shown(each, 'text')).join(' → ') }));
  return html`<${Bars} bars=${bars} kind=${kind} summary=${summary} />`;
}

export function Figures({ kind, of: table }) {
  const figure = useRef(null);
  const choices = table.columns.filter((each) => each.kind !== 'text' && each.name !== table.chart?.across && !['low', 'high'].includes(each.name));
  const [value, setValue] = useState(table.chart?.value);
  const id = `figures-${table.name}`;
  const title = titleOf(kind, table);
  const summary = t('figures_summary', { what: columnText(value ?? choices[0].name), title, n: table.rows.length });
  const csv = () => saveCsv([table.columns.map((each) => each.name), ...table.rows.map((row) => row.map((each) => each ?? ''))], `${table.name}.csv`);
  return html`<section aria-labelledby=${id}><h2 id=${id}>${title}</h2>
    ${table.notes.map((each) => html`<p class="quiet">${noteText(each)}</p>`)}
    ${table.rows.length && table.chart ? html`<figure class="chart" ref=${figure}>
      <div class="filters"><label>${t('figures_column')}<select value=${value} onInput=${(event) => setValue(event.target.value)}>${choices.map((each) => html`<option key=${each.name} value=${each.name}>${columnText(each.name)}</option>`)}</select></label></div>
      <${Picture} table=${table} value=${value} summary=${summary} />
      <figcaption>${table.rows.length > BARS_MAX && table.chart.form === 'bars' ? t('figures_cut', { n: BARS_MAX }) : ''}<span class="saves">
        <button class="plain" aria-label=${`${t('png')}: ${title}`} onClick=${() => savePng(figure.current.querySelector('canvas'), `${table.name}.png`)}>${t('png')}</button>
        <button class="plain" aria-label=${`${t('csv')}: ${title}`} onClick=${csv}>${t('csv')}</button></span></figcaption></figure>` : ''}
    ${table.rows.length ? html`<div class="scroll tall sheet" tabindex="0" role="region" aria-label=${title}><table><thead><tr>${table.columns.map((each) => html`<th key=${each.name} scope="col" class=${each.kind === 'text' ? '' : 'n'}>${columnText(each.name)}</th>`)}</tr></thead>
      <tbody>${table.rows.map((row, index) => html`<tr key=${index}>${row.map((each, place) => html`<td class=${table.columns[place].kind === 'text' ? '' : 'n'}>${shown(each, table.columns[place].kind)}</td>`)}</tr>`)}</tbody></table></div>` : html`<p>${t('figures_none')}</p>`}</section>`;
}
