// The segments of a visitor in React 18 and newer.
import { useSyncExternalStore } from "react";

/** The segments of a store (`segmentStore` of shoal.js, made once, outside of components); null until they are known. */
export function useSegments(store) {
  return useSyncExternalStore(store.subscribe, store.get, () => null);
}
