#!/bin/sh
# Each night, without Airflow: reports, a model and checks. The variables are those of airflow_dags.py.
# Every step runs, also after one that failed; the exit code is 1 if any failed. A second run at a time ends at once.
set -u
exec 9> "$SHOP_OUT/nightly.lock"
flock -n 9 || { echo "nightly.sh is running already" >&2; exit 1; }

failed=
step() {
    name=$1
    shift
    if "$@" > "$SHOP_OUT/$name.log" 2>&1; then
        echo "$name: done"
    else
        echo "$name: failed, see $SHOP_OUT/$name.log" >&2
        failed=1
    fi
}

report() {
    shoal warehouse --once &&
        shoal report conversion flows --warehouse "$SHOAL_WAREHOUSE" --html "$SHOP_OUT/report.html"
}

train() {
    shoal rows "$SHOP_EVENTS" --features "$SHOP_FEATURES" --output "$SHOP_OUT/rows.parquet" &&
        shoal train "$SHOP_OUT/rows.parquet" --output "$SHOP_OUT/model.json" --report "$SHOP_OUT/model.md"
}

# $1: the report. $2 and more: options of the check.
check() {
    kind=$1
    shift
    shoal segments "$kind" --json > "$SHOP_OUT/$kind.json" &&
        python3 "$SHOP_EXAMPLES/check_segments.py" "$kind" "$@" < "$SHOP_OUT/$kind.json"
}

step report report
step train train
step freshness check freshness --hours 24
step drift check drift
test -z "$failed"
