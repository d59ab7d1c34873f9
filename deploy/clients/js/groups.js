// The group of a user in an experiment, as Shoal computes it before the first exposure. No dependencies; runs in every
// browser with modules and in Node 20, at addresses that are secure (https, or localhost).

const STEPS = 10000n;

/** The bucket of a user in hundredths, from 0 to 9,999: `bucket(salt)` of the definition language times 100. */
export async function bucketStep(salt, user) {
  const bytes = new TextEncoder().encode(`${salt}\u0000${user}`);
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return Number(new DataView(digest).getBigUint64(0) % STEPS);
}

/**
 * The group of a user; null for one who takes no part. `salt`: that of the experiment, its name if it has none, or its
 * layer. `groups`: [name, per cent] in the order of the definition. `from`: the place in a layer.
 */
export async function groupOf(user, { salt, groups, from = 0 }) {
  const step = await bucketStep(salt, user);
  let end = Math.round(from * 100);
  if (step < end) return null;
  for (const [name, share] of groups) {
    end += Math.round(share * 100);
    if (step < end) return name;
  }
  return null;
}
