// Trying a text before it is published: its tests moment by moment, and the latest events with it.
import { html, useState } from '../vendor/core.js';
import { number, t } from '../words.js';
import { User } from './changes.js';
import { Control, useJob } from './job.js';
import { Test } from './moments.js';
import { Visitor } from './visitor.js';
import { Figure, Time } from './states.js';

export function Try({ name, text, reading, waiting, words }) {
  const tests = useJob({ kind: 'tests', name, text });
  const backtest = useJob({ kind: 'backtest', name, text });
  const ready = reading?.usable && !waiting && reading.kind === 'segment';
  return html`<section aria-labelledby="try"><h2 id="try">${t('try_title')}</h2>
    <h3>${t('try_tests')}</h3><p class="quiet">${t('try_tests_more')}</p>
    <${Control} of=${tests} go=${t('try_tests_go')} ready=${ready && reading.tests.length > 0} why=${reading?.usable && !reading.tests.length ? t('try_no_tests') : ''} />
    <${Old} of=${tests} text=${text} />
    ${tests.job?.tests ? html`<${Tests} results=${tests.job.tests} />` : ''}
    <${Visitor} name=${name} text=${text} reading=${reading} ready=${ready} words=${words} />
    <h3>${t('try_backtest')}</h3><p class="quiet">${t('try_backtest_more')}</p>
    <${Control} of=${backtest} go=${t('try_backtest_go')} ready=${ready} why="" />
    <${Old} of=${backtest} text=${text} />
    ${backtest.job?.backtest ? html`<${Backtest} result=${backtest.job.backtest} />` : ''}
  </section>`;
}

const Old = ({ of, text }) => (of.job?.state === 'done' && of.of?.text !== text ? html`<p class="notice" role="status">${t('try_old')}</p>` : '');

function Tests({ results }) {
  const failed = results.tests.filter((each) => !each.passed).length;
  return html`<p class=${failed ? 'wrong' : 'fine'}>${failed ? t('tests_failed', { n: failed, all: results.tests.length }) : t('tests_passed', { n: results.tests.length })}</p>
    ${results.left_out ? html`<p class="quiet">${t('tests_left_out', { n: results.left_out })}</p>` : ''}
    <ul class="starts">${results.tests.map((each, index) => html`<li key=${index} class="panel"><${Test} test=${each} id=${`moment-${index}`} /></li>`)}</ul>`;
}

function Backtest({ result }) {
  if (!result.events) return html`<p class="notice">${t('backtest_nothing')}</p>`;
  const [live, draft] = result.members;
  return html`<dl class="figures">
      <${Figure} label=${t('backtest_live')} value=${number(live)} /><${Figure} label=${t('backtest_draft')} value=${number(draft)} />
      <${Figure} label=${t('backtest_enter')} value=${number(result.enter)} /><${Figure} label=${t('backtest_leave')} value=${number(result.leave)} /></dl>
    <p>${t('backtest_of', { n: result.used, users: result.users })} <${Time} at=${result.since} /> – <${Time} at=${result.until} />. ${t('backtest_moves', { live: result.entries[0], draft: result.entries[1] })}</p>
    ${result.window ? html`<p class="notice">${t('backtest_window', { window: result.window, span: result.span })}</p>` : ''}
    ${result.late || result.unusable ? html`<p class="quiet">${t('backtest_left_out', { late: result.late, unusable: result.unusable })}</p>` : ''}
    <div class="halves"><${Movers} movers=${result.enter_examples} all=${result.enter} title=${t('backtest_enter')} /><${Movers} movers=${result.leave_examples} all=${result.leave} title=${t('backtest_leave')} /></div>
    ${result.curve.length > 1 ? html`<details><summary>${t('backtest_curve')}</summary><div class="scroll" tabindex="0" role="region" aria-label=${t('backtest_curve')}><table>
      <thead><tr><th scope="col">${t('at')}</th><th scope="col" class="n">${t('backtest_live')}</th><th scope="col" class="n">${t('backtest_draft')}</th></tr></thead>
      <tbody>${result.curve.map((each) => html`<tr key=${each.at}><td><${Time} at=${each.at} /></td><td class="n">${number(each.live)}</td><td class="n">${number(each.draft)}</td></tr>`)}</tbody></table></div></details>` : ''}`;
}

function Movers({ movers, all, title }) {
  return html`<div><h4>${title}</h4>${movers.length ? html`<ul>${movers.map((each) => html`<li key=${each.user}><${User} user=${each.user} /></li>`)}</ul>${all > movers.length ? html`<p class="quiet">${t('and_more', { n: all - movers.length })}</p>` : ''}` : html`<p class="quiet">${t('who_none')}</p>`}</div>`;
}
