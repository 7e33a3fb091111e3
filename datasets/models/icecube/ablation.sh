#!/bin/sh
# Designs of networks beside one another at level 1, all trained alike on the same events, and boosted trees on hand-made features of
# them (bench/telescope_trees.py, which needs Python); then the shipped network of level 0 beside the cut on LineFit's zenith.
# Ten minutes on two cores. Usage: ablation.sh [OUT]: events and networks are kept there, and what is there already is not made again.
# SPDX-License-Identifier: Apache-2.0
set -eu
here=$(cd "$(dirname "$0")" && pwd)
hitgraph=${HITGRAPH:-$here/../../../build/hitgraph}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
out=${1:-$work}
mkdir -p "$out"
. "$here/settings.sh"

# NAME LEVEL EVENTS SEED
simulate() {
	[ -f "$out/$1.h5" ] || "$hitgraph" simulate --quiet --preset icecube --level "$2" --events "$3" --seed "$4" --out "$out/$1.h5" >"$work/log"
}

# TITLE MODEL TEST SETTINGS-OF-EVALUATION
measure() {
	"$hitgraph" classify --quiet --model "$2" --out "$work/scores.h5" "$out/$3.h5" >"$work/log"
	echo "$1"
	"$hitgraph" evaluate $4 "$work/scores.h5" "$out/$3.h5" | sed -n '/^all:/,/calibration/p' | grep AUC
}

# TITLE DESIGN: trained with a checkpoint after each epoch
ablate() {
	model=$out/$(basename "$2")
	[ -f "$model/weights.safetensors" ] || "$hitgraph" train --quiet --preset icecube $ablation_training \
		-s classify.architecture="models/icecube/$2.yaml" -s train.checkpoint_directory="$model.checkpoint" -s train.resume=true \
		--out "$model" "$out/train.h5" >"$work/log"
	measure "$1" "$model" test "$3"
}

simulate train 1 "$ablation_train" "$train_seed"
simulate test 1 "$ablation_test" "$level1_test_seed"
ablate "sensors look twice along a track (the shipped design)" direction --baselines
ablate "graph network block: edges, nodes, global" designs/graph_network ""
ablate "the same without edges" designs/no_edges ""
ablate "deep sets" designs/deep_sets ""
"${PYTHON:-python3}" "$here/../../../bench/telescope_trees.py" --hitgraph "$hitgraph" "$out/train.h5" "$out/test.h5"
simulate level0 0 "$level0_test" "$level0_test_seed"
measure "level 0, the shipped network" "$here/events" level0 --baselines
