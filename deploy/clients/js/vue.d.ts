import type { ShallowRef } from "vue";
import type { Membership, SegmentStore } from "./shoal.js";

export declare function useSegments(store: SegmentStore): ShallowRef<ReadonlyMap<string, Membership> | null>;
