#!/bin/sh
# Each week: are the clusters that are published still those of the users? Exit code 1 if a tenth of them would move.
# Drafts of new definitions are in SHOP_OUT/drafts-<date>; nothing is published. The variables are those of nightly.sh, and
#     SHOP_SEGMENTS   the folder of definitions
#     SHOP_CLUSTERS   the beginning of the clusters' names, such as visitors
set -u
rows="$SHOP_OUT/clusters.parquet"
shoal rows "$SHOP_EVENTS" --features "$SHOP_FEATURES" --output "$rows" > "$SHOP_OUT/rows.log" 2>&1 ||
    { echo "rows: failed, see $SHOP_OUT/rows.log" >&2; exit 2; }
told=$(shoal recluster "$rows" --segments "$SHOP_SEGMENTS" --prefix "$SHOP_CLUSTERS" --threshold 0.1 \
    --output "$SHOP_OUT/drafts-$(date -u +%Y-%m-%d-%H%M%S)" 2>&1)
code=$?
if [ "$code" -eq 0 ]; then echo "$told"; else echo "$told" >&2; fi
exit "$code"
