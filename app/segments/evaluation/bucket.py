"""Buckets: a fixed number for each user and salt, the same in every program that follows docs/exact-meaning.md."""

from hashlib import sha256

STEPS = 10_000
PER_CENT = 100
BYTES = 8


def bucket(salt: str, user: str) -> int | float:
    """A number from 0 to 99.99 with two places, as evenly as a hash spreads.

    >>> bucket("spring", "u-1"), bucket("spring", "u-2")
    (55.91, 17.99)
    """
    step = bucket_step(salt, user)
    return step / PER_CENT if step % PER_CENT else step // PER_CENT


def bucket_step(salt: str, user: str) -> int:
    """The same in hundredths, from 0 to 9,999.

    >>> bucket_step("spring", "u-1")
    5591
    """
    digest = sha256(f"{salt}\x00{user}".encode(errors="surrogatepass")).digest()
    return int.from_bytes(digest[:BYTES], "big") % STEPS
