// A job of the console: a button that starts it, its progress, and a button that ends it.
import { html, useEffect, useRef, useState } from '../vendor/core.js';
import { ask } from '../api.js';
import { t } from '../words.js';
import { Trouble } from './states.js';

const LOOK_MS = 400;

/** A job of the console, which `body` asks for: {job, problem, of: the body that it was started with, start, cancel}. */
export function useJob(body) {
  const [state, setState] = useState({ job: null, problem: null, of: null });
  const timer = useRef(0);
  const over = useRef(false);
  const running = useRef(null);
  const follow = async (job) => {
    running.current = job.state === 'running' ? job.id : null;
    if (over.current) return;
    setState((before) => ({ ...before, job }));
    if (job.state === 'running') timer.current = setTimeout(() => look(job.id), LOOK_MS);
  };
  const look = async (id) => {
    try {
      await follow(await ask(`jobs/${id}`));
    } catch (problem) {
      setState((before) => ({ ...before, job: null, problem }));
    }
  };
  const start = async () => {
    setState({ job: { state: 'running', stage: 'starting', done: 0, total: 0 }, problem: null, of: body });
    try {
      await follow(await ask('jobs', { method: 'POST', body }));
    } catch (problem) {
      setState({ job: null, problem, of: body });
    }
  };
  const cancel = async () => {
    clearTimeout(timer.current);
    if (!running.current) return;
    const id = running.current;
    running.current = null;
    const job = await ask(`jobs/${id}`, { method: 'DELETE', body: {} }).catch(() => null);
    if (!over.current) setState((before) => ({ ...before, job }));
  };
  useEffect(() => () => { over.current = true; cancel(); }, []);
  return { ...state, start, cancel };
}

export function Control({ of, go, ready, why = '' }) {
  const { job, problem, start, cancel } = of;
  const running = job?.state === 'running';
  return html`<div class="buttons"><button disabled=${!ready || running} onClick=${start}>${go}</button>
      ${running ? html`<button onClick=${cancel}>${t('cancel')}</button>` : ''}${why ? html`<span class="quiet">${why}</span>` : ''}</div>
    <div role="status">${running ? html`<p class="progress"><progress aria-label=${go} value=${job.total && job.stage === 'playing' ? job.done / job.total : undefined}></progress> ${t(`stage_${job.stage || 'starting'}`, { done: job.done, total: job.total })}</p>` : ''}
      ${job?.state === 'cancelled' ? html`<p class="quiet">${t('cancelled')}</p>` : ''}</div>
    ${problem ? html`<${Trouble} problem=${problem} />` : ''}
    ${job?.state === 'failed' ? html`<${Trouble} problem=${{ message: job.problem }} />` : ''}`;
}
