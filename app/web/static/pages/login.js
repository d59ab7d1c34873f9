// Logging in: with a password, at a provider, or, behind a proxy, not here.
import { html, useEffect, useState } from '../vendor/core.js';
import { ask } from '../api.js';
import { t } from '../words.js';
import { Language } from '../parts/language.js';
import { Loading } from '../parts/states.js';

const FAILURES = ['denied', 'expired', 'no-name', 'no-role', 'refused', 'unreachable'];

function Password({ onIn }) {
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const enter = async (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    setBusy(true);
    setProblem('');
    try {
      onIn(await ask('session', { method: 'POST', body: { name: form.get('name'), password: form.get('password') } }));
    } catch (error) {
      setProblem(error.message);
      setBusy(false);
    }
  };
  return html`<form class="login" onSubmit=${enter}>
    <h1>${t('login_title')}</h1>
    <label>${t('login_name')}<input name="name" autocomplete="username" required autofocus spellcheck="false" /></label>
    <label>${t('login_password')}<input name="password" type="password" autocomplete="current-password" required /></label>
    ${problem ? html`<p class="wrong" role="alert">${problem}</p>` : ''}
    <button disabled=${busy}>${t('login_go')}</button>
    <${Language} />
  </form>`;
}

function Elsewhere() {
  const query = new URLSearchParams(location.search);
  const failure = FAILURES.find((each) => each === query.get('login'));
  query.delete('login');
  const to = location.pathname + (query.size ? `?${query}` : '') + location.hash;
  return html`<div class="login">
    <h1>${t('login_title')}</h1>
    ${failure ? html`<p class="wrong" role="alert">${t(`login_${failure.replace('-', '_')}`)}</p>` : ''}
    <p><a class="button" href=${`/console/v1/oidc/begin?${new URLSearchParams({ to })}`}>${t('login_provider')}</a></p>
    <${Language} />
  </div>`;
}

export function Login({ problem, onIn }) {
  const [way, setWay] = useState(null);
  useEffect(() => {
    ask('login').then((found) => setWay(found.login), () => setWay('password'));
  }, []);
  if (way === null) return html`<main class="alone"><div class="login"><h1>${t('login_title')}</h1><${Loading} /></div></main>`;
  const page = way === 'oidc' ? html`<${Elsewhere} />` : way === 'proxy'
    ? html`<div class="login"><h1>${t('login_title')}</h1><p class="wrong" role="alert">${t('login_proxy')}</p><p>${problem}</p><${Language} /></div>`
    : html`<${Password} onIn=${onIn} />`;
  return html`<main class="alone">${page}</main>`;
}
