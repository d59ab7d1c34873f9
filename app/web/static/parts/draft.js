// Keeping a text as a draft for others, and what happens if two change it at once.
import { html, useEffect, useRef, useState } from '../vendor/core.js';
import { ask } from '../api.js';
import { draftHref, go } from '../router.js';
import { moment, t } from '../words.js';
import { saveText } from './save.js';
import { Trouble } from './states.js';

const QUIET_MS = 1500;

const placeOf = (id) => `shoal-draft-unsaved:${id}`;

/** What was written to a draft in this browser and not kept, with the revision that it was based on; else null. */
export function unsaved(draft) {
  try {
    const found = JSON.parse(localStorage.getItem(placeOf(draft.id)));
    return found && typeof found.text === 'string' && Number.isInteger(found.revision) && found.text !== draft.text ? found : null;
  } catch {
    return null;
  }
}

/** `draft`: the one that is open, or null. `onTheirs` is given a draft that takes the place of the text. */
export function DraftKeeper({ draft, name, text, base, onTheirs }) {
  const [kept, setKept] = useState(() => draft && { ...draft, revision: (unsaved(draft) ?? draft).revision });
  const [state, setState] = useState({ busy: false, problem: null, theirs: null });
  const [turn, setTurn] = useState(0);
  const writing = useRef(false);
  const differs = kept !== null && text !== kept.text;
  const begin = async () => {
    setState({ busy: true, problem: null, theirs: null });
    try {
      const made = await ask('drafts', { method: 'POST', body: { name, text, base: base ?? 'none' } });
      if (kept) localStorage.removeItem(placeOf(kept.id));
      go(draftHref(made));
    } catch (problem) { setState({ busy: false, problem, theirs: null }); }
  };
  const write = async () => {
    writing.current = true;
    try {
      setKept(await ask(`drafts/${kept.id}`, { method: 'PUT', body: { text, base: base ?? kept.base, revision: kept.revision } }));
      setState({ busy: false, problem: null, theirs: null });
    } catch (problem) {
      const theirs = problem.code === 'other-revision' ? await ask(`drafts/${kept.id}`).catch(() => null) : null;
      setState({ busy: false, problem, theirs });
    }
    writing.current = false;
    setTurn((before) => before + 1);
  };
  useEffect(() => {
    if (!differs || state.problem || writing.current) return undefined;
    const timer = setTimeout(write, QUIET_MS);
    return () => clearTimeout(timer);
  }, [text, differs, state.problem, turn]);
  useEffect(() => {
    if (kept === null) return;
    if (differs) localStorage.setItem(placeOf(kept.id), JSON.stringify({ revision: kept.revision, text }));
    else localStorage.removeItem(placeOf(kept.id));
  }, [text, kept, differs]);
  const take = () => {
    setKept(state.theirs);
    onTheirs(state.theirs);
    setState({ busy: false, problem: null, theirs: null });
  };
  if (kept === null) {
    return html`<p>${t('draft_keep_more')}</p><button disabled=${state.busy} onClick=${begin}>${t('draft_keep')}</button>
      ${state.problem ? html`<${Trouble} problem=${state.problem} again=${begin} />` : ''}`;
  }
  if (state.theirs) {
    return html`<div class="trouble" role="alert"><p class="lines">${state.problem.message}</p><p>${t('draft_choose')}</p>
      <h3>${t('draft_theirs')}</h3><pre tabindex="0" role="region" aria-label=${t('draft_theirs')}>${state.theirs.text}</pre>
      <div class="buttons"><button class="main" onClick=${begin}>${t('draft_apart')}</button>
        ${state.theirs.deleted ? '' : html`<button onClick=${take}>${t('draft_take')}</button>`}
        <button onClick=${() => saveText(text, 'draft.yaml')}>${t('save_file')}</button></div></div>`;
  }
  return html`<p role="status">${state.problem ? '' : differs ? t('draft_keeping') : t('draft_kept', { at: moment(kept.changed) })} <a href="/drafts">${t('drafts_title')}</a></p>
    ${state.problem ? html`<${Trouble} problem=${state.problem} again=${write} />` : ''}`;
}
