#!/bin/sh
# Reproduces the networks that ship in this directory, and says how good they are on events that they were not trained on.
# Simulates its own events; some minutes for each on two cores. Usage: train.sh [OUT [level1|events|direction]...]
#   level1     single muons against bundles that look alike
#   events     what an event is, its energy with a width and with quantiles, its vertex: one network for all classes and heads
#   direction  the direction of through-going muons, as a correction of a Pandel fit
# SPDX-License-Identifier: Apache-2.0
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here}
[ $# -gt 0 ] && shift
hitgraph=${HITGRAPH:-$here/../../../build/hitgraph}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. "$here/settings.sh"

# NAME PRESET LEVEL EVENTS-TO-TRAIN EVENTS-TO-TEST SEED-OF-THE-TEST SETTINGS-OF-SIMULATION SETTINGS-OF-TRAINING
make_model() {
	"$hitgraph" simulate --preset icecube --level "$3" --events "$4" --seed "$train_seed" --out "$work/train.h5" $7
	"$hitgraph" train --preset "$2" $8 --out "$out/$1" "$work/train.h5"
	"$hitgraph" simulate --preset icecube --level "$3" --events "$5" --seed "$6" --out "$work/test.h5" $7
	"$hitgraph" classify --model "$out/$1" --out "$work/scores.h5" "$work/test.h5"
	"$hitgraph" evaluate --baselines "$work/scores.h5" "$work/test.h5"
}

muons="-s simulate.class.starting=0 -s simulate.class.cascade=0 -s simulate.class.bundle=0"
for name in "${@:-level1 events direction}"; do
	for one in $name; do
		case $one in
		level1) make_model level1 icecube 1 "$level1_train" "$level1_test" "$level1_test_seed" "" "$level1_training" ;;
		events) make_model events icecube 0 "$level0_train" "$level0_test" "$level0_test_seed" "" "$events_training" ;;
		direction) make_model direction icecube-direction 0 24000 3000 12 "$muons" "" ;;
		*)
			echo "train.sh: unknown network '$one'; expected level1, events or direction" >&2
			exit 2
			;;
		esac
	done
done
