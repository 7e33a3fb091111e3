#!/bin/sh
# Runs cmocka programs one after the other and adds up their results; prints each failing program's output in full.
# SPDX-License-Identifier: Apache-2.0
# threads that wait must not spin: the programs ask for more threads than there are cores
export OMP_WAIT_POLICY=passive
passed=0 failed=0 skipped=0
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
for program in "$@"; do
    "$program" > "$log" 2>&1
    code=$?
    ok=$(grep -c '^\[       OK \]' "$log")
    bad=$(grep -c '^\[  FAILED  \] [^0-9]*$' "$log")
    skip=$(grep -c '^\[  SKIPPED \] [^0-9]*$' "$log")
    if [ $code -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
    printf '%-48s %3d ok %3d failed %3d skipped\n' "${program#build/}" "$ok" "$bad" "$skip"
    grep '^SKIP' "$log"
    if [ $code -ne 0 ]; then cat "$log"; fi
    passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
