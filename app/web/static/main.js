// The frame of all pages: who asks, the menu, the search, and the page of the address.
import { html, render, useEffect, useRef, useState } from './vendor/core.js';
import { ask, setCsrf } from './api.js';
import { go, personHref, segmentHref, useAddress } from './router.js';
import { t } from './words.js';
import { Language } from './parts/language.js';
import { Loading, Trouble } from './parts/states.js';
import { Login } from './pages/login.js';
import { Overview } from './pages/overview.js';
import { Segments } from './pages/segments.js';
import { Segment } from './pages/segment.js';
import { People } from './pages/people.js';
import { Live } from './pages/live.js';
import { Destinations } from './pages/destinations.js';
import { Health } from './pages/health.js';
import { Audit } from './pages/audit.js';
import { Backfill } from './pages/backfill.js';
import { More } from './pages/more.js';
import { Edit } from './pages/edit.js';
import { Drafts } from './pages/drafts.js';
import { History } from './pages/history.js';
import { Lists } from './pages/lists.js';
import { Experiments } from './pages/experiments.js';
import { Reports } from './pages/reports.js';
import { Privacy } from './pages/privacy.js';
import { Review } from './pages/review.js';

const PAGES = [
  ['/', 'overview', Overview],
  ['/segments', 'segments', Segments],
  ['/people', 'people', People],
  ['/changes', 'live', Live],
  ['/destinations', 'destinations', Destinations],
  ['/lists', 'lists', Lists],
  ['/experiments', 'experiments', Experiments],
  ['/reports', 'reports', Reports],
  ['/drafts', 'drafts', Drafts],
  ['/history', 'history', History],
  ['/privacy', 'privacy', Privacy],
  ['/health', 'health', Health],
  ['/audit', 'audit', Audit],
  ['/more', 'more', More],
];

function NoPage() {
  return html`<h1 tabindex="-1">${t('no_page')}</h1><p>${t('no_page_more')}</p>`;
}

// Another draft of the same definition is another page.
const pageKey = (address) => `${address.path} ${address.query.get('draft') ?? ''}`;

function pageOf(address, me) {
  const inner = address.path.match(/^\/(segments|edit)\/([^/]+)$/);
  if (inner) {
    let name = '';
    try { name = decodeURIComponent(inner[2]); } catch { name = ''; }
    const Page = inner[1] === 'edit' ? Edit : Segment;
    return ['segments', html`<${Page} key=${pageKey(address)} name=${name} me=${me} query=${address.query} />`];
  }
  if (address.path === '/backfill') return ['segments', html`<${Backfill} me=${me} query=${address.query} />`];
  if (address.path === '/review') return ['drafts', html`<${Review} key=${pageKey(address)} me=${me} query=${address.query} />`];
  if (address.path === '/edit') return ['segments', html`<${Edit} key=${pageKey(address)} name="" me=${me} query=${address.query} />`];
  const found = PAGES.find(([path]) => path === address.path);
  if (!found) return ['', html`<${NoPage} />`];
  const [, name, Page] = found;
  return [name, html`<${Page} me=${me} query=${address.query} />`];
}

function Search() {
  const field = useRef(null);
  const [text, setText] = useState('');
  useEffect(() => {
    const pressed = (event) => {
      const typing = event.composedPath()[0].closest?.('input, textarea, select, [contenteditable]');
      if (event.key === '/' && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
        event.preventDefault();
        field.current.focus();
      }
    };
    document.addEventListener('keydown', pressed);
    return () => document.removeEventListener('keydown', pressed);
  }, []);
  const find = async (event) => {
    event.preventDefault();
    const wanted = text.trim();
    if (!wanted) return;
    setText('');
    try {
      await ask(`segments/${encodeURIComponent(wanted)}`);
      go(segmentHref(wanted));
    } catch {
      go(personHref(wanted));
    }
  };
  return html`<form class="search" role="search" onSubmit=${find}>
    <label class="unseen" for="search">${t('search_label')}</label>
    <input id="search" ref=${field} value=${text} placeholder=${t('search_hint')} autocomplete="off" spellcheck="false"
      maxlength="300" onInput=${(event) => setText(event.target.value)} />
    <button>${t('search_go')}</button>
  </form>`;
}

function Frame({ me, onOut }) {
  const address = useAddress();
  const [name, page] = pageOf(address, me);
  const content = useRef(null);
  const menu = useRef(null);
  useEffect(() => {
    const heading = content.current.querySelector('h1');
    document.title = heading ? `${heading.textContent} · ${t('product')}` : t('product');
    if (address.turn) {
      heading?.focus();
      window.scrollTo(0, 0);
    }
    if (menu.current) menu.current.open = false;
  }, [address.path, address.turn]);
  const links = () => PAGES.map(([path, each]) => html`<li key=${each}><a href=${path} aria-current=${each === name ? 'page' : null}>${t(`nav_${each}`)}</a></li>`);
  return html`
    <a class="skip" href="#content" onClick=${(event) => { event.preventDefault(); content.current.focus(); }}>${t('skip')}</a>
    <header class="top">
      <a class="brand" href="/"><svg viewBox="0 0 32 32" aria-hidden="true"><path d="M3 16c5-8 14-9 20-3l5-4v14l-5-4c-6 6-15 5-20-3z"/></svg>${t('product')}</a>
      <${Search} />
      <div class="me">${me.login === 'none'
        ? html`<span class="quiet">${t('open_console')}</span>`
        : html`<span title=${t('roles', { roles: me.roles.join(', ') })}>${me.name}</span> ${me.features.logout ? html`<button onClick=${onOut}>${t('logout')}</button>` : ''}`} <${Language} /></div>
    </header>
    <div class="middle">
      <nav class="side" aria-label=${t('menu')}><ul>${links()}</ul></nav>
      <details class="phone" ref=${menu}><summary>${t('menu')}${name ? html`: <b>${t(`nav_${name}`)}</b>` : ''}</summary><nav aria-label=${t('menu')}><ul>${links()}</ul></nav></details>
      <main id="content" ref=${content} tabindex="-1">${page}</main>
    </div>`;
}

function App() {
  const [me, setMe] = useState(null);
  const [problem, setProblem] = useState(null);
  const look = async () => {
    try {
      const found = await ask('me');
      setCsrf(found.csrf);
      setProblem(null);
      setMe(found);
    } catch (error) {
      setMe(null);
      setProblem(error);
    }
  };
  useEffect(() => {
    look();
    const lost = () => { setMe(null); setProblem({ status: 401 }); };
    window.addEventListener('shoal-no-session', lost);
    return () => window.removeEventListener('shoal-no-session', lost);
  }, []);
  const out = async () => {
    let elsewhere = '';
    try { elsewhere = (await ask('session', { method: 'DELETE', body: {} })).url ?? ''; } finally {
      if (elsewhere) location.assign(elsewhere);
      else await look();
    }
  };
  if (me) return html`<${Frame} me=${me} onOut=${out} />`;
  if (problem?.status === 401) return html`<${Login} problem=${problem.message} onIn=${(found) => { setCsrf(found.csrf); setProblem(null); setMe(found); }} />`;
  if (problem) return html`<main class="alone"><${Trouble} problem=${problem} again=${look} /></main>`;
  return html`<main class="alone"><${Loading} /></main>`;
}

document.getElementById('app').replaceChildren();
render(html`<${App} />`, document.getElementById('app'));
