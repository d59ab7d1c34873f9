import type { Membership, SegmentStore } from "./shoal.js";

export declare function useSegments(store: SegmentStore): ReadonlyMap<string, Membership> | null;
