// A form of one message and one button, which says what went wrong.
import { html, useState } from '../vendor/core.js';
import { t } from '../words.js';

/** `trouble`: what else is shown with a problem. */
export function Said({ label, word, onGo, start = '', optional = false, main = false, trouble = () => '' }) {
  const [message, setMessage] = useState(start);
  const [state, setState] = useState({ busy: false, problem: null });
  const go = async (event) => {
    event.preventDefault();
    setState({ busy: true, problem: state.problem });
    try {
      await onGo(message);
      setState({ busy: false, problem: null });
    } catch (problem) { setState({ busy: false, problem }); }
  };
  return html`<form class="publish" onSubmit=${go} aria-label=${word}>
    <label>${label}<input name="message" value=${message} maxlength="2000" required=${!optional} onInput=${(event) => setMessage(event.target.value)} /></label>
    ${state.problem ? html`<div class="trouble" role="alert"><p class="lines">${state.problem.message}</p>${trouble(state.problem)}</div>` : ''}
    <div class="buttons"><button class=${main ? 'main' : ''} disabled=${state.busy}>${state.busy ? t('working') : word}</button></div></form>`;
}
