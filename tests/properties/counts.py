"""The number of histories that are tried, and the seed of the first: the same for all tests against the oracle.

`TRUTH_HISTORIES` is the number (50), `TRUTH_SEED` the first seed (0). A test takes a share of them, by what one costs.
"""

import os
from typing import Final

HISTORIES: Final = int(os.environ.get("TRUTH_HISTORIES", "50"))
FIRST_SEED: Final = int(os.environ.get("TRUTH_SEED", "0"))
