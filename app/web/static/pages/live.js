// Changes as they happen: one connection, none while the page cannot be seen.
import { html, useEffect, useRef, useState } from '../vendor/core.js';
import { query as made, useData } from '../api.js';
import { setQuery } from '../router.js';
import { language, t } from '../words.js';
import { ChangeTable } from '../parts/changes.js';

const SHOWN = 100;
const ANNOUNCE_MS = 10_000;
const RETRY_MS = 3_000;
const KINDS = ['entered', 'exited', 'updated'];

export function Live({ me, query }) {
  const segment = query.get('segment') ?? '';
  const kind = KINDS.includes(query.get('kind')) ? query.get('kind') : '';
  const user = me.rights.includes('people') ? query.get('user') ?? '' : '';
  const rows = useData('segments');
  const [state, setState] = useState('off');
  const [paused, setPaused] = useState(false);
  const [changes, setChanges] = useState([]);
  const [left, setLeft] = useState(0);
  const [said, setSaid] = useState('');
  const counted = useRef(0);
  const serial = useRef(0);
  useEffect(() => {
    let source = null;
    let again = 0;
    const open = () => {
      if (source || paused || document.hidden) return;
      source = new EventSource(`/console/v1/changes${made({ segment, kind, user, language })}`);
      source.addEventListener('open', () => setState('on'));
      source.addEventListener('error', () => {
        setState('off');
        if (source?.readyState !== EventSource.CLOSED) return;
        source = null; // a refusal ends it for good: browsers come back only after a broken connection
        again = setTimeout(open, RETRY_MS);
      });
      source.addEventListener('changes', (event) => {
        const portion = JSON.parse(event.data);
        counted.current += portion.changes.length + portion.more;
        const marked = portion.changes.map((each) => ({ ...each, key: serial.current++ })).reverse();
        setLeft((before) => before + portion.more);
        setChanges((before) => [...marked, ...before].slice(0, SHOWN));
      });
    };
    const close = (why) => {
      clearTimeout(again);
      source?.close();
      source = null;
      setState(why);
    };
    const seen = () => { if (document.hidden) close('hidden'); else open(); };
    document.addEventListener('visibilitychange', seen);
    if (paused) setState('paused'); else open();
    return () => {
      document.removeEventListener('visibilitychange', seen);
      close(paused ? 'paused' : 'off');
    };
  }, [segment, kind, user, paused]);
  useEffect(() => {
    const timer = setInterval(() => {
      if (counted.current) setSaid(t('announce', { n: counted.current }));
      counted.current = 0;
    }, ANNOUNCE_MS);
    return () => clearInterval(timer);
  }, []);
  const choose = (name) => (event) => { setChanges([]); setLeft(0); setQuery({ [name]: event.target.value }); };
  return html`<h1 tabindex="-1">${t('live_title')}</h1>
    <div class="filters">
      <label>${t('live_segment')}<select value=${segment} onChange=${choose('segment')}><option value="">${t('all')}</option>${(rows.data?.segments ?? []).filter((each) => each.status === 'live').map((each) => html`<option key=${each.name}>${each.name}</option>`)}</select></label>
      <label>${t('live_kind')}<select value=${kind} onChange=${choose('kind')}><option value="">${t('all')}</option>${KINDS.map((each) => html`<option key=${each} value=${each}>${t(each)}</option>`)}</select></label>
      ${me.rights.includes('people') ? html`<label>${t('live_user')}<input type="search" value=${user} onChange=${choose('user')} spellcheck="false" /></label>` : ''}
      <button aria-pressed=${paused} onClick=${() => setPaused(!paused)}>${t(paused ? 'resume' : 'pause')}</button>
    </div>
    <p class="quiet"><span class=${`dot ${state}`} aria-hidden="true"></span> ${t(`live_${state}`)}${left ? html` · ${t('live_more', { n: left })}` : ''}</p>
    <p class="unseen" aria-live="polite">${said}</p>
    ${changes.length ? html`<${ChangeTable} changes=${changes} hidden=${!me.rights.includes('people')} withSegment=${true} label=${t('live_title')} />` : html`<p class="quiet">${t('live_none')}</p>`}`;
}
