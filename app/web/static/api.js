// Requests to the console, and data that stays up to date while a page shows it.
import { useEffect, useRef, useState } from './vendor/core.js';
import { language, t } from './words.js';

const BASE = '/console/v1/';
const UNREAD_MS = 1000;
let csrf = '';
export const setCsrf = (text) => { csrf = text; };

export class ApiError extends Error {
  constructor(status, code, message, values = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.values = values;
  }
}

async function send(path, method, body) {
  const headers = { Accept: 'application/json', 'Accept-Language': language };
  if (method !== 'GET') {
    headers['Content-Type'] = 'application/json';
    headers['X-Shoal-CSRF'] = csrf;
  }
  try {
    return await fetch(BASE + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new ApiError(0, 'unreachable', t('unreachable'));
  }
}

export async function ask(path, { method = 'GET', body } = {}) {
  const answer = await send(path, method, body);
  const said = await answer.json().catch(() => null);
  if (answer.ok) return said;
  throw problemOf(answer, said);
}

/** The answer to a write, as a file. One that ends before its end is a problem. */
export async function askFile(path, body) {
  const answer = await send(path, 'POST', body);
  if (!answer.ok) throw problemOf(answer, await answer.json().catch(() => null));
  try {
    return await answer.blob();
  } catch {
    throw new ApiError(0, 'incomplete', t('incomplete'));
  }
}

function problemOf(answer, said) {
  const problem = new ApiError(answer.status, said?.code ?? 'failure', said?.message ?? t('unreachable'), said?.values);
  if (answer.status === 401 && problem.code === 'no-session') window.dispatchEvent(new Event('shoal-no-session'));
  return problem;
}

export const query = (values) => {
  const made = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== undefined && each !== null && each !== '') made.append(name, each);
    }
  }
  const text = made.toString();
  return text ? `?${text}` : '';
};

/** {data, problem, at, reload}: of a path, asked again every so many milliseconds while the page can be seen. */
export function useData(path, { every = 0 } = {}) {
  const [state, setState] = useState({ path: null, data: null, problem: null, at: null });
  const reload = useRef(() => {});
  useEffect(() => {
    if (path === null) return undefined;
    let over = false;
    let timer = 0;
    const look = async () => {
      clearTimeout(timer);
      if (document.hidden && every) return;
      let pause = every;
      try {
        const data = await ask(path);
        if (!over) setState({ path, data, problem: null, at: new Date().toISOString() });
      } catch (problem) {
        if (!over) setState((before) => before.path === path ? { ...before, problem } : { path, data: null, problem, at: null });
        if (problem.code === 'unread') pause = UNREAD_MS;
      }
      if (!over && pause) timer = setTimeout(look, pause);
    };
    const seen = () => { if (!document.hidden && every) look(); };
    reload.current = look;
    document.addEventListener('visibilitychange', seen);
    look();
    return () => {
      over = true;
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', seen);
    };
  }, [path, every]);
  const fits = state.path === path;
  return { data: fits ? state.data : null, problem: fits ? state.problem : null, at: fits ? state.at : null, reload: () => reload.current() };
}
