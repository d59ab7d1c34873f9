// The segments of a visitor in React 18 and newer.
import { useSyncExternalStore } from "react";

/** The segments of a store (`segmentStore` of shoal.js, made once, outside of components); null until they are known. */
export function useSegments(store) {
  return useSyncExternalStore(store.subscribe, store.get, store.initial);
}

/**
 * The membership of the visitor in one segment: undefined until it is known, null if they are not in it. A change of
 * another segment does not draw the component again.
 */
export function useSegment(store, name) {
  const membership = (segments) => (segments === null ? undefined : segments.get(name) ?? null);
  return useSyncExternalStore(store.subscribe, () => membership(store.get()), () => membership(store.initial()));
}
