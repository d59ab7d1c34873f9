"""A worker of the version before identity: it reads profiles up to format 2, and knows no `identity.yaml`.

`python -m tests.support.older_worker worker ...` is `shoal worker ...` of that version, as far as this goes. The
rest is the present version's own code.
"""

import sys

from app.cli.main import main
from app.segments.definitions import catalog_settings
from tables import profile

ONLY_SETTINGS = {"catalog.yaml": "catalog.yaml", "catalog.yml": "catalog.yaml"}

if __name__ == "__main__":
    setattr(profile, "FORMAT", profile.FORMAT_OF_ONE_KEY)  # noqa: B010 - constants are final
    setattr(profile, "READ_AS_THEY_ARE", frozenset({profile.FORMAT_OF_ONE_KEY}))  # noqa: B010 - as above
    setattr(profile, "HEAD_FORMATS", frozenset({1, profile.FORMAT_OF_ONE_KEY}))  # noqa: B010 - as above
    setattr(catalog_settings, "_NAMES", ONLY_SETTINGS)  # noqa: B010 - as above
    sys.exit(main())
