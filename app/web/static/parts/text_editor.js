// An editor for the text of a definition. It lives in a shadow tree: there its styles need no exception from the policy.
import { html, useEffect, useRef, useState } from '../vendor/core.js';
import { completions } from './completions.js';
import { Loading } from './states.js';

let loading = null;
const load = () => (loading ??= import('../vendor/editor.js'));

/** The separator with which a text is split into lines and put together again without a change of a byte. */
export const separatorOf = (text) => (/\r\n/.test(text) && !/(^|[^\r])\n/.test(text) ? '\r\n' : '\n');

/** The offsets of a finding: its column counts characters, where the editor counts halves of surrogate pairs. */
function rangeOf(doc, finding) {
  const line = doc.line(Math.min(Math.max(finding.line, 1), doc.lines));
  const before = [...line.text].slice(0, finding.column - 1).join('').length;
  const from = line.from + Math.min(before, line.length);
  const length = finding.text.split(/\r?\n/, 1)[0].trimEnd().length;
  return { from, to: Math.min(from + Math.max(length, 1), line.to) };
}

function themeOf(cm) {
  const look = {
    '&': { backgroundColor: 'var(--paper)', color: 'var(--ink)', fontSize: '.9rem' },
    '&.cm-focused': { outline: '3px solid var(--brand)', outlineOffset: '2px' },
    '.cm-content': { fontFamily: 'ui-monospace, "SF Mono", Menlo, "DejaVu Sans Mono", monospace', caretColor: 'var(--ink)', minHeight: '16rem' },
    '.cm-gutters': { backgroundColor: 'var(--ground)', color: 'var(--quiet)', borderRight: '1px solid var(--line)' },
    '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'color-mix(in srgb, var(--soft) 45%, transparent)' },
    '.cm-cursor': { borderLeftColor: 'var(--ink)' },
    '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': { backgroundColor: 'var(--select)' },
    '.cm-tooltip': { backgroundColor: 'var(--paper)', color: 'var(--ink)', border: '1px solid var(--edge)', borderRadius: '6px' },
    '.cm-tooltip-autocomplete ul li[aria-selected]': { backgroundColor: 'var(--brand)', color: 'var(--paper)' },
    '.cm-completionDetail': { fontStyle: 'normal', opacity: '1', marginLeft: '1em' },
    '.cm-completionInfo': { maxWidth: '22rem', padding: '.4rem .7rem', whiteSpace: 'pre-line' },
    '.cm-lintRange-error': { backgroundImage: 'none', textDecoration: 'underline wavy var(--bad) 2px', textUnderlineOffset: '3px' },
    '.cm-lintRange-warning': { backgroundImage: 'none', textDecoration: 'underline wavy var(--warn-line) 2px', textUnderlineOffset: '3px' },
    '.cm-diagnostic': { whiteSpace: 'pre-line' },
    '.cm-matchingBracket': { backgroundColor: 'var(--soft)' },
  };
  const { tags } = cm;
  const colours = cm.HighlightStyle.define([
    { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: 'var(--link)', fontWeight: '600' },
    { tag: tags.string, color: 'var(--good)' },
    { tag: tags.comment, color: 'var(--quiet)', fontStyle: 'italic' },
  ]);
  return [cm.EditorView.theme(look), cm.syntaxHighlighting(colours)];
}

function diagnosticsOf(doc, findings) {
  const own = findings.filter((each) => !each.of);
  return own
    .map((each) => ({ ...rangeOf(doc, each), severity: each.severity, message: [each.message, each.detail, each.hint].filter(Boolean).join('\n') }))
    .sort((one, other) => one.from - other.from);
}

function makeEditor(cm, shadow, { text, label, described, words, changed }) {
  return new cm.EditorView({
    parent: shadow,
    root: shadow,
    state: cm.EditorState.create({
      doc: text,
      extensions: [
        cm.EditorState.lineSeparator.of(separatorOf(text)),
        cm.lineNumbers(), cm.highlightSpecialChars(), cm.history(), cm.drawSelection(), cm.highlightActiveLine(),
        cm.bracketMatching(), cm.closeBrackets(), cm.indentUnit.of('  '), cm.EditorView.lineWrapping, cm.yaml(),
        cm.autocompletion({ override: [completions(cm, words)], icons: false }),
        cm.keymap.of([...cm.closeBracketsKeymap, ...cm.completionKeymap, ...cm.historyKeymap, ...cm.lintKeymap, ...cm.defaultKeymap]),
        cm.EditorView.contentAttributes.of({ 'aria-label': label, 'aria-description': described, spellcheck: 'false' }),
        cm.EditorView.updateListener.of((update) => { if (update.docChanged) changed(update.state.sliceDoc()); }),
        themeOf(cm),
      ],
    }),
  });
}

/** `text`: shown when `turn` changes; `place`: {finding}: where to go; `written`: {text}: to stand there instead, and can be undone. */
export function TextEditor({ text, turn, onText, findings, words, label, described, place, written }) {
  const host = useRef(null);
  const made = useRef(null);
  const latest = useRef({ onText, words });
  const [there, setThere] = useState(false);
  latest.current = { onText, words };
  useEffect(() => {
    let over = false;
    load().then((cm) => {
      if (over) return;
      const shadow = host.current.shadowRoot ?? host.current.attachShadow({ mode: 'open' });
      const changed = (now) => latest.current.onText(now);
      made.current = { cm, view: makeEditor(cm, shadow, { text, label, described, words: () => latest.current.words, changed }) };
      setThere(true);
    });
    return () => {
      over = true;
      made.current?.view.destroy();
      made.current = null;
      setThere(false);
    };
  }, [turn]);
  useEffect(() => {
    if (!made.current) return;
    const { cm, view } = made.current;
    view.dispatch(cm.setDiagnostics(view.state, diagnosticsOf(view.state.doc, findings)));
  }, [findings, there]);
  useEffect(() => {
    if (!place || !made.current) return;
    const { view } = made.current;
    const { from } = rangeOf(view.state.doc, place.finding);
    view.dispatch({ selection: { anchor: from }, scrollIntoView: true });
    view.focus();
  }, [place]);
  useEffect(() => {
    if (!written || !made.current) return;
    const { view } = made.current;
    view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: view.state.toText(written.text) } });
  }, [written]);
  return html`<div class="editor" ref=${host}></div>${there ? '' : html`<${Loading} />`}`;
}
