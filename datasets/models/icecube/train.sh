#!/bin/sh
# Reproduces the networks that ship in this directory, and says how good they are on events that they were not trained on.
# Simulates its own events; some minutes for each on two cores. Usage: train.sh [OUT [level1|direction]...]
#   level1     single muons against bundles that look alike, with direction and energy
#   direction  the direction of through-going muons, as a correction of a Pandel fit
# SPDX-License-Identifier: Apache-2.0
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here}
[ $# -gt 0 ] && shift
hitgraph=${HITGRAPH:-$here/../../../build/hitgraph}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# NAME PRESET LEVEL EVENTS-TO-TRAIN EVENTS-TO-TEST SETTINGS-OF-SIMULATION SETTINGS-OF-TRAINING
make_model() {
	"$hitgraph" simulate --preset icecube --level "$3" --events "$4" --seed 11 --out "$work/train.h5" $6
	"$hitgraph" train --preset "$2" $7 --out "$out/$1" "$work/train.h5"
	"$hitgraph" simulate --preset icecube --level "$3" --events "$5" --seed 12 --out "$work/test.h5" $6
	"$hitgraph" classify --model "$out/$1" --out "$work/scores.h5" "$work/test.h5"
	"$hitgraph" evaluate --baselines "$work/scores.h5" "$work/test.h5"
}

columns=x,y,z,t,q,hlc,t50,count,along,distance,residual,late
three_heads="--task signal,direction,energy -s train.epochs=10 -s graph.seed=linefit -s graph.columns=$columns -s classify.kappa=exponential
-s classify.loss.direction=0.1 -s classify.loss.energy=0.2"
muons="-s simulate.class.starting=0 -s simulate.class.cascade=0 -s simulate.class.bundle=0"
for name in "${@:-level1 direction}"; do
	for one in $name; do
		case $one in
		level1) make_model level1 icecube 1 20000 6000 "" "$three_heads" ;;
		direction) make_model direction icecube-direction 0 24000 3000 "$muons" "" ;;
		*)
			echo "train.sh: unknown network '$one'; expected level1 or direction" >&2
			exit 2
			;;
		esac
	done
done
