// The segments of a visitor in Vue 3.3 and newer.
import { computed, onScopeDispose, shallowRef, toValue } from "vue";

/** A ref of the segments of a store (`segmentStore` of shoal.js); null until they are known. Ends with the component. */
export function useSegments(store) {
  const segments = shallowRef(store.get());
  // Where a server renders, a component is set up, and never ends.
  if (typeof window !== "undefined") onScopeDispose(store.subscribe(() => { segments.value = store.get(); }));
  return segments;
}

/**
 * A ref of the membership of the visitor in one segment: undefined until it is known, null if they are not in it.
 * `name` may be a ref or a getter. A change of another segment does not draw the component again.
 */
export function useSegment(store, name) {
  const segments = useSegments(store);
  return computed(() => (segments.value === null ? undefined : segments.value.get(toValue(name)) ?? null));
}
