// The segments of a visitor in Vue 3.
import { onScopeDispose, shallowRef } from "vue";

/** A ref of the segments of a store (`segmentStore` of shoal.js); null until they are known. Ends with the component. */
export function useSegments(store) {
  const segments = shallowRef(store.get());
  onScopeDispose(store.subscribe(() => { segments.value = store.get(); }));
  return segments;
}
