// A line over time, with its summary, as a table, as a picture and as a file.
import { html, useEffect, useRef } from '../vendor/core.js';
import uPlot from '../vendor/uplot.js';
import { moment, number, t, ticksOf } from '../words.js';
import { savePng, saveCsv } from './save.js';

const HEIGHT = 220;

/** `points`: [{at, users}], users null where nothing was counted. */
export function SizeChart({ points, name }) {
  const place = useRef(null);
  const chart = useRef(null);
  useEffect(() => {
    const box = place.current;
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const draw = () => {
      chart.current?.destroy();
      const probe = getComputedStyle(box);
      const line = probe.color;
      const axis = { stroke: () => getComputedStyle(box.parentElement).color, grid: { stroke: 'rgba(128,128,128,.25)', width: 1 }, ticks: { show: false }, font: '12px system-ui, sans-serif' };
      chart.current = new uPlot({
        width: box.clientWidth,
        height: HEIGHT,
        legend: { show: false },
        cursor: { y: false },
        scales: { y: { range: (_, low, high) => [0, Math.max(4, (high ?? 0) * 1.1)] } },
        axes: [{ ...axis, space: 64, values: (_, ticks) => ticksOf(ticks) }, { ...axis, size: 56, values: (_, ticks) => ticks.map((tick) => number(tick)) }],
        series: [{}, { label: t('users'), stroke: line, width: 2, spanGaps: false, points: { show: true, size: 5, fill: line }, fill: 'rgba(40,140,180,.12)' }],
      }, [points.map((each) => Date.parse(each.at) / 1000), points.map((each) => each.users)], box);
    };
    draw();
    const resized = new ResizeObserver(() => {
      if (chart.current && box.clientWidth && box.clientWidth !== chart.current.width) chart.current.setSize({ width: box.clientWidth, height: HEIGHT });
    });
    resized.observe(box);
    dark.addEventListener('change', draw);
    return () => {
      resized.disconnect();
      dark.removeEventListener('change', draw);
      chart.current?.destroy();
      chart.current = null;
    };
  }, [points]);
  const known = points.filter((each) => each.users !== null);
  const summary = known.length === 1 ? t('curve_once', { n: known[0].users }) : known.length ? t('curve_summary', { first: known[0].users, last: known.at(-1).users, most: Math.max(...known.map((each) => each.users)) }) : '';
  return html`<figure class="chart">
    <div class="plot" ref=${place} role="img" aria-label=${summary}></div>
    <figcaption>${summary}
      <span class="saves">
        <button class="plain" onClick=${() => savePng(place.current.querySelector('canvas'), `${name}.png`)}>${t('png')}</button>
        <button class="plain" onClick=${() => saveCsv([['at', 'users'], ...points.map((each) => [each.at, each.users ?? ''])], `${name}.csv`)}>${t('csv')}</button>
      </span>
    </figcaption>
    <details><summary>${t('as_table')}</summary>
      <div class="scroll" tabindex="0" role="region" aria-label=${t('segment_curve')}><table><thead><tr><th scope="col">${t('at')}</th><th scope="col" class="n">${t('users')}</th></tr></thead>
      <tbody>${known.map((each) => html`<tr key=${each.at}><td>${moment(each.at)}</td><td class="n">${number(each.users)}</td></tr>`)}</tbody></table></div>
    </details>
  </figure>`;
}
