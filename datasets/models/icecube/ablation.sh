#!/bin/sh
# The level-1 network that ships beside other designs, all trained alike on the same events, and beside boosted trees on hand-made
# features (bench/telescope_trees.py, which needs Python); then level 0 beside the cut on LineFit's zenith.
# Half an hour on two cores. Usage: ablation.sh [OUT]: the networks are kept there.
# SPDX-License-Identifier: Apache-2.0
set -eu
here=$(cd "$(dirname "$0")" && pwd)
hitgraph=${HITGRAPH:-$here/../../../build/hitgraph}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
out=${1:-$work}
. "$here/settings.sh"

# LEVEL EVENTS-TO-TRAIN EVENTS-TO-TEST SEED-OF-THE-TEST
simulate() {
	"$hitgraph" simulate --quiet --preset icecube --level "$1" --events "$2" --seed "$train_seed" --out "$work/train.h5"
	"$hitgraph" simulate --quiet --preset icecube --level "$1" --events "$3" --seed "$4" --out "$work/test.h5"
}

# TITLE NAME DESIGN LINES-OF-THE-REPORT
measure() {
	[ -z "$3" ] || "$hitgraph" train --quiet --preset icecube $level1_common -s classify.architecture="models/icecube/$3.yaml" \
		--out "$out/$2" "$work/train.h5" >"$work/training.txt"
	"$hitgraph" classify --quiet --model "$out/$2" --out "$work/$2.h5" "$work/test.h5" >"$work/rate.txt"
	echo "$1"
	"$hitgraph" evaluate $4 "$work/$2.h5" "$work/test.h5" | sed -n '/^all:/,/calibration/p' | grep AUC
}

simulate 1 "$level1_train" "$level1_test" "$level1_test_seed"
measure "shipped: sensors look twice along a track" shipped direction --baselines
measure "graph network block" graph_network designs/graph_network ""
measure "the same without edges" no_edges designs/no_edges ""
measure "deep sets" deep_sets designs/deep_sets ""
"${PYTHON:-python3}" "$here/../../../bench/telescope_trees.py" --hitgraph "$hitgraph" "$work/train.h5" "$work/test.h5" "$work/shipped.h5"
simulate 0 "$level0_train" "$level0_test" 12
measure "level 0" level0_signal direction --baselines
