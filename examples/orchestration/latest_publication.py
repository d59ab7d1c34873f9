"""Prints the number of the latest publication, for `shoal publish --if-version`; none if nothing is published.

shoal catalog history --json | python3 latest_publication.py
"""

import json
import sys

lines = [line for line in sys.stdin if line.strip()]
sys.stdout.write(f"{json.loads(lines[-1])['publication']['number'] if lines else 'none'}\n")
