import type { ComputedRef, MaybeRefOrGetter, ShallowRef } from "vue";
import type { Membership, SegmentStore } from "./shoal.js";

export declare function useSegments(store: SegmentStore): ShallowRef<ReadonlyMap<string, Membership> | null>;
/** Undefined until it is known, null if the visitor is not in it. */
export declare function useSegment(
  store: SegmentStore,
  name: MaybeRefOrGetter<string>,
): ComputedRef<Membership | null | undefined>;
