import type { Membership, SegmentStore } from "./shoal.js";

export declare function useSegments(store: SegmentStore): ReadonlyMap<string, Membership> | null;
/** Undefined until it is known, null if the visitor is not in it. */
export declare function useSegment(store: SegmentStore, name: string): Membership | null | undefined;
