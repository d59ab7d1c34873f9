// Writing a segment: the text, what it means, what it changes, and publishing it.
import { html, useEffect, useMemo, useRef, useState } from '../vendor/core.js';
import { ask, query as made, useData } from '../api.js';
import { segmentHref } from '../router.js';
import { t } from '../words.js';
import { useAfterFrame } from '../parts/after_frame.js';
import { STARTS, listText, startText } from '../parts/starts.js';
import { Builder, Called } from '../parts/builder.js';
import { DraftKeeper, unsaved } from '../parts/draft.js';
import { Publish } from '../parts/publish.js';
import { Against, Findings, Meaning } from '../parts/reading.js';
import { Loading, Shown } from '../parts/states.js';
import { Try } from '../parts/try.js';
import { TextEditor } from '../parts/text_editor.js';

const PAUSE_MS = 250;
const kept = (name) => `shoal-draft:${name}`;

export function Edit({ name, me, query }) {
  const heading = html`<h1 tabindex="-1">${name ? t('edit_title', { name }) : t('new_segment')}</h1>`;
  if (!me.rights.includes('edit')) return html`${heading}<p class="notice">${t('edit_no_right')}</p>`;
  return html`${heading}${name ? html`<${Existing} name=${name} me=${me} draft=${query.get('draft')} />` : html`<${New} me=${me} query=${query} />`}`;
}

function Existing({ name, me, draft }) {
  const source = useData(`definitions${made({ name })}`);
  return html`<${Shown} of=${source}>${(data) => html`<${WithDraft} id=${draft} name=${name} me=${me} start=${data.text} publication=${data.publication} source=${data.source} />`}<//>`;
}

/** The page of a text; with an id it shows the draft, which is based on the publication that its author has seen. */
function WithDraft({ id, ...given }) {
  const found = useData(id ? `drafts/${encodeURIComponent(id)}` : null);
  if (!id) return html`<${Editing} ...${given} draft=${null} />`;
  return html`<${Shown} of=${found}>${(draft) => draft.deleted ? html`<p class="notice">${t('draft_was_deleted')} <a href="/drafts">${t('drafts_title')}</a></p>`
    : html`<${Editing} ...${given} draft=${draft} publication=${given.publication === null ? null : draft.base} />`}<//>`;
}

function New({ me, query }) {
  const latest = useData(me.features.published ? 'publications/latest' : null);
  const draft = query.get('draft');
  const from = query.get('from');
  const copied = useData(from ? `definitions${made({ name: from })}` : null);
  const [chosen, setChosen] = useState(null);
  if (from && !copied.data && !copied.problem) return html`<${Loading} />`;
  if (me.features.published && !latest.data) return html`<${Shown} of=${latest}>${() => ''}<//>`;
  if (draft) return html`<${WithDraft} id=${draft} name="" me=${me} start="" publication=${latest.data?.publication ?? null} source="" />`;
  const begun = localStorage.getItem(kept(''));
  const start = copied.data ? copied.data.text : chosen === null ? listText(query.get('list')) || null : startText(chosen);
  if (start === null && !begun) {
    return html`<section aria-labelledby="start"><h2 id="start">${t('start_title')}</h2><p>${t('start_more')}</p>
      <ul class="starts">${STARTS.map((each) => html`<li key=${each}><button onClick=${() => { setChosen(each); document.querySelector('h1').focus(); }}><b>${t(`start_${each}`)}</b><span class="sub">${t(`start_${each}_more`)}</span></button></li>`)}</ul></section>`;
  }
  return html`<${WithDraft} id=${null} name="" me=${me} start=${start ?? startText('empty')} publication=${latest.data?.publication ?? null} source="" />`;
}

/** The text and what the checker says of it; the newest question wins. */
function useReading(name, text) {
  const [state, setState] = useState({ of: null, reading: null, problem: null });
  const [again, setAgain] = useState(0);
  const newest = useRef(0);
  useEffect(() => {
    const number = ++newest.current;
    const timer = setTimeout(async () => {
      try {
        const reading = await ask('definitions/read', { method: 'POST', body: { text, name } });
        if (number === newest.current) setState({ of: text, reading, problem: null });
      } catch (problem) {
        if (number === newest.current) setState((before) => ({ ...before, of: text, problem }));
      }
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text, name, again]);
  return { reading: state.reading, problem: state.problem, waiting: state.of !== text, again: () => setAgain(again + 1) };
}

function Editing({ name: given, me, start, publication, source, draft }) {
  const [name, setName] = useState(given);
  const before = useMemo(() => draft ? (unsaved(draft) ?? draft).text : localStorage.getItem(kept(given)), [given]);
  const [restored, setRestored] = useState(!draft && before !== null && before !== start);
  const [edit, setEdit] = useState({ text: draft || restored ? before : start, turn: 0 });
  const [text, setText] = useState(edit.text);
  const [base, setBase] = useState(publication);
  const [present, setPresent] = useState(start);
  const [place, setPlace] = useState(null);
  const [written, setWritten] = useState(null);
  const words = useData('vocabulary');
  const { reading, problem, waiting, again } = useReading(name, text);
  const findings = useMemo(() => (reading && !waiting ? reading.findings : []), [reading, waiting]);
  const latest = useRef(edit.text);
  const edits = useRef(Promise.resolve());
  const typed = useAfterFrame(() => setText(latest.current));
  const write = (now) => {
    latest.current = now;
    if (!draft) localStorage.setItem(kept(name), now);
    typed.ask();
  };
  const show = (now) => {
    typed.drop();
    setRestored(false);
    localStorage.removeItem(kept(name));
    latest.current = now;
    setText(now);
    setEdit({ text: now, turn: edit.turn + 1 });
  };
  /** Edits the text step by step, after those edits that are still under way. */
  const step = (steps) => {
    const work = async () => {
      let made = latest.current;
      for (const each of steps) made = (await ask('definitions/edit', { method: 'POST', body: { text: made, ...each } })).text;
      latest.current = made;
      setWritten({ text: made });
    };
    const done = edits.current.then(work);
    edits.current = done.catch(() => {});
    return done;
  };
  const theirs = (other) => { typed.drop(); latest.current = other.text; setText(other.text); setEdit({ text: other.text, turn: edit.turn + 1 }); };
  const done = (published, { number }) => {
    localStorage.removeItem(kept(name));
    setRestored(false);
    setPresent(text);
    if (number !== null) setBase(String(number));
    if (!name) setName(published);
  };
  const compare = async () => {
    const found = await ask(`definitions${made({ name: name || reading.name })}`).catch(() => null);
    if (found) {
      setBase(found.publication);
      setPresent(found.text);
    }
    again();
  };
  // Nothing of these depends on the text itself: a key stroke does not draw them anew.
  const builder = useMemo(() => html`<${Builder} reading=${reading} waiting=${waiting} words=${words.data} onEdit=${step} />`, [reading, waiting, words.data]);
  const meaning = useMemo(() => html`<${Meaning} reading=${reading} words=${words.data} />`, [reading, words.data]);
  const against = useMemo(() => html`<${Against} reading=${reading} isNew=${!name} />`, [reading, !name]);
  return html`
    ${restored ? html`<p class="notice">${t('restored')} <button class="plain" onClick=${() => show(present)}>${t('discard')}</button></p>` : ''}
    ${['asked', 'approved'].includes(draft?.review?.state) ? html`<p class="notice">${t('review_ends')}</p>` : ''}
    ${source && source !== 'console' ? html`<p class="notice">${t('edit_source', { source })}</p>` : ''}
    <div class="editing">
      <div>${name ? '' : html`<${Called} reading=${reading} waiting=${waiting} onEdit=${step} />`}
        <section aria-labelledby="text" onFocusOut=${typed.now}><h2 id="text">${t('definition_text')}</h2>
          <${TextEditor} text=${edit.text} turn=${edit.turn} onText=${write} findings=${findings} words=${words.data} label=${t('definition_text')} described=${t('editor_keys')} place=${place} written=${written} />
          <p class="quiet">${t('editor_keys')}</p>
          <${Findings} reading=${reading} problem=${problem} waiting=${waiting} onGo=${(finding) => setPlace({ finding })} />
        </section>
        ${builder}</div>
      <div><section aria-labelledby="meaning"><h2 id="meaning">${t('definition_words')}</h2>${meaning}</section>
        <section aria-labelledby="against"><h2 id="against">${t('against')}</h2>${against}
          ${text !== present ? html`<button onClick=${() => show(present)}>${t('discard')}</button>` : ''}</section>
        <${Try} name=${name} text=${text} reading=${reading} waiting=${waiting} words=${words.data} /></div>
    </div>
    <section aria-labelledby="draft"><h2 id="draft">${t('draft_heading')}</h2>
      <${DraftKeeper} draft=${draft} name=${name} text=${text} base=${base} onTheirs=${theirs} /></section>
    <section aria-labelledby="publishing"><h2 id="publishing">${t('publish')}</h2>
      <${Publish} draft=${draft} name=${name} text=${text} base=${base} reading=${reading} waiting=${waiting} me=${me} onDone=${done} onCompare=${compare} /></section>
    <p>${name ? html`<a href=${segmentHref(name)}>${t('back_to', { name })}</a>` : html`<a href="/segments">${t('segments_title')}</a>`}</p>`;
}
