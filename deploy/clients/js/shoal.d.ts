/** One segment that a visitor is in. Instants are ISO 8601 texts. */
export interface Membership {
  segment: string;
  since: string;
  valid_until: string | null;
  attach: Record<string, unknown>;
  times: number;
  version: string;
  /** The group in the experiment of the segment, to the end of the membership; holdout: nothing is to be done. */
  group: string | null;
  experiments?: { experiment: string; group: string }[];
  /** Of a segment by value: the value, and under `segments` all values that the visitor is in by. */
  value?: string | number | boolean;
  values?: Map<string | number | boolean, Membership>;
}

/** A change, as in the topic `segment.changes`. */
export interface Change {
  id: string;
  user: string;
  segment: string;
  version: string;
  /** Of a segment by value: the value that the change is about. */
  value: string | number | boolean | null;
  change: "entered" | "exited" | "updated";
  times: number;
  at: string;
  sequence: number;
  cause: {
    kind: "event" | "time" | "catalog" | "forgotten" | "merged" | "split" | "list" | "consent" | "erased" | "backfill" | "limit" | "population";
    message_id?: string;
  };
  evidence: { expression: string; value: unknown; threshold?: number | null }[];
  attach: Record<string, unknown>;
  valid_until: string | null;
  /** The group in the experiment of the segment; holdout: nothing is to be done. */
  group: string | null;
  experiments?: { experiment: string; group: string; exposed_at: string; crossed?: boolean }[];
}

export interface FollowerOptions {
  /** Where `shoal serve` is. */
  url: string;
  /**
   * A visitor's token, or how to get one: your server asks POST /v1/tokens with its read key. One for an anonymousId
   * shows the segments of the user after a login only if it was made with "follow": true.
   */
  token: string | (() => string | Promise<string>);
  /** Called with all segments: once they are known (with null), and after each change. */
  onSegments?: (segments: Map<string, Membership>, change: Change | null) => void;
  onChange?: (change: Change) => void;
  /** Told what went wrong; it is tried again by itself. */
  onError?: (error: Error) => void;
}

export declare class SegmentFollower {
  constructor(options: FollowerOptions);
  readonly segments: Map<string, Membership>;
  close(): void;
}

export interface SegmentStore {
  /** Null until they are known. */
  get(): ReadonlyMap<string, Membership> | null;
  /** What the server has rendered the page with; null if that was not said. */
  initial(): ReadonlyMap<string, Membership> | null;
  /** Returns what ends it. */
  subscribe(listener: () => void): () => void;
}

export interface StoreOptions extends FollowerOptions {
  /** What the server has rendered the page with: `segments` of GET /v1/users/USER/segments. */
  initial?: Membership[] | null;
}

export declare function segmentStore(options: StoreOptions): SegmentStore;
export declare function userOf(token: string): string;
export declare function showBlocks(segments: Map<string, Membership>, root?: ParentNode): void;

export interface SenderOptions {
  url: string;
  writeKey: string;
  anonymousId?: string;
  userId?: string | null;
  /** What the visitor agrees to, by purpose. Events wait for it and carry it; no id is stored before it is there. */
  consent?: (() => Record<string, boolean> | Promise<Record<string, boolean>>) | null;
  /** The purpose without which no event is sent. */
  needs?: string | null;
}

export interface Sender {
  track(event: string, properties?: Record<string, unknown>): Promise<void>;
  page(name?: string, properties?: Record<string, unknown>): Promise<void>;
  identify(userId: string, traits?: Record<string, unknown>): Promise<void>;
}

export declare function makeSender(options: SenderOptions): Sender;
export declare function visitorId(): string;
