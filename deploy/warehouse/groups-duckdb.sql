-- The group of a user in an experiment, as Shoal computes it before the first exposure, in DuckDB 1.3 or later.
-- SELECT group_of('cart-mail', user_key, 0, [('holdout', 10), ('mail', 90)]): the salt (the name of the experiment if it
-- has none, or its layer), the user, the place in the layer, and the groups with their shares in per cent, in their order.

-- The bucket in hundredths, from 0 to 9,999.
CREATE OR REPLACE MACRO bucket_step(salt, user_key) AS
    (('0x' || sha256(salt || chr(0) || user_key)[1:16])::UBIGINT % 10000)::INTEGER;

-- Null for a user who takes no part.
CREATE OR REPLACE MACRO group_of(salt, user_key, first, shares) AS (
    SELECT CASE WHEN bucket_step(salt, user_key) < round(first * 100) THEN NULL ELSE list_filter(
        list_transform(range(1, len(shares) + 1), lambda n: {
            'name': shares[n][1],
            'end': round(first * 100) + list_sum(list_transform(shares[1:n], lambda share: round(share[2] * 100)))
        }),
        lambda part: bucket_step(salt, user_key) < part['end']
    )[1]['name'] END
);
