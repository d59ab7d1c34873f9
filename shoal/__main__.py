"""`python -m shoal` does the same as the command `shoal`."""

import sys

from shoal.launcher import main

sys.exit(main())
