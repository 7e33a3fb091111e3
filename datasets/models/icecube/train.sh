#!/bin/sh
# Reproduces the network that ships in this directory: single muons against bundles that look alike (level 1), with direction and energy.
# Simulates its own events; about three minutes on two cores. Usage: train.sh [OUT]
# SPDX-License-Identifier: Apache-2.0
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/level1}
hitgraph=${HITGRAPH:-$here/../../../build/hitgraph}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$hitgraph" simulate --preset icecube --level 1 --events 20000 --seed 11 --out "$work/train.h5"
"$hitgraph" train --preset icecube --task signal,direction,energy -s train.epochs=12 --out "$out" "$work/train.h5"
# events that were not trained on
"$hitgraph" simulate --preset icecube --level 1 --events 6000 --seed 12 --out "$work/test.h5"
"$hitgraph" classify --model "$out" --out "$work/scores.h5" "$work/test.h5"
"$hitgraph" evaluate --baselines "$work/scores.h5" "$work/test.h5"
