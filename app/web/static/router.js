// Addresses: all state of a page is in them, so that each can be sent to somebody else.
import { useEffect, useState } from './vendor/core.js';

const CHANGED = 'shoal-address';

export function go(href, { replace = false } = {}) {
  history[replace ? 'replaceState' : 'pushState'](null, '', href);
  window.dispatchEvent(new CustomEvent(CHANGED, { detail: { replace } }));
}

/** A new value of the query, in the place of the present address. */
export function setQuery(values) {
  const made = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(values)) {
    if (value === '' || value === null || value === undefined) made.delete(name);
    else made.set(name, value);
  }
  const text = made.toString();
  go(location.pathname + (text ? `?${text}` : ''), { replace: true });
}

export function useAddress() {
  const read = () => ({ path: location.pathname, query: new URLSearchParams(location.search), turn: 0 });
  const [address, setAddress] = useState(read);
  useEffect(() => {
    const changed = (event) => setAddress((before) => ({ ...read(), turn: event.detail?.replace ? before.turn : before.turn + 1 }));
    const clicked = (event) => {
      const link = event.target.closest?.('a[href]');
      if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
      if (link.origin !== location.origin || link.target || link.hasAttribute('download')) return;
      if (link.getAttribute('href').startsWith('#')) return;
      event.preventDefault();
      go(link.href);
    };
    window.addEventListener(CHANGED, changed);
    window.addEventListener('popstate', changed);
    document.addEventListener('click', clicked);
    return () => {
      window.removeEventListener(CHANGED, changed);
      window.removeEventListener('popstate', changed);
      document.removeEventListener('click', clicked);
    };
  }, []);
  return address;
}

export const segmentHref = (name) => `/segments/${encodeURIComponent(name)}`;
export const personHref = (user) => `/people?user=${encodeURIComponent(user)}`;
/** The page on which a draft is changed. */
export const draftHref = (draft) => `/edit${draft.name ? `/${encodeURIComponent(draft.name)}` : ''}?draft=${draft.id}`;
/** The page of a draft's review. */
export const reviewHref = (draft) => `/review?draft=${draft.id}`;
/** The page on which a segment gets its past. */
export const backfillHref = (name) => `/backfill?name=${encodeURIComponent(name)}`;
export const editHref = (name) => `/edit/${encodeURIComponent(name)}`;
