/** The groups of an experiment, as its definition has them. */
export interface Experiment {
  /** The salt, the name of the experiment if it has none, or its layer. */
  salt: string;
  /** Name and share in per cent, in the order of the definition. */
  groups: [name: string, share: number][];
  /** The place in a layer, from 0 to 100. */
  from?: number;
}

/** The bucket of a user in hundredths, from 0 to 9,999. */
export function bucketStep(salt: string, user: string): Promise<number>;

/** The group of a user before their first exposure; null for one who takes no part. */
export function groupOf(user: string, experiment: Experiment): Promise<string | null>;
