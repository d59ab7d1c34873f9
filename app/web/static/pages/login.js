// Logging in.
import { html, useState } from '../vendor/core.js';
import { ask } from '../api.js';
import { t } from '../words.js';
import { Language } from '../parts/language.js';

export function Login({ onIn }) {
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
  return html`<main class="alone"><form class="login" onSubmit=${enter}>
    <h1>${t('login_title')}</h1>
    <label>${t('login_name')}<input name="name" autocomplete="username" required autofocus spellcheck="false" /></label>
    <label>${t('login_password')}<input name="password" type="password" autocomplete="current-password" required /></label>
    ${problem ? html`<p class="wrong" role="alert">${problem}</p>` : ''}
    <button disabled=${busy}>${t('login_go')}</button>
    <${Language} />
  </form></main>`;
}
