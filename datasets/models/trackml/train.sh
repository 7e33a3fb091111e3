#!/bin/sh
# Reproduces what ships in this directory: the calibration of hits, the doublet map and both networks. Usage: train.sh DATA [OUT],
# DATA = directory of the full TrackML-like events 21000-21006 (luminous length 5.5 mm) and 22000-22002 (55 mm). Events 21007-21009 and
# 22003 are for tests.
# SPDX-License-Identifier: Apache-2.0
set -eu
data=$1
here=$(cd "$(dirname "$0")" && pwd)
out=${2:-$here}
hitgraph=${HITGRAPH:-$here/../../../build/hitgraph}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

events() { # prefix of numbers, numbers...
    prefix=$1
    shift
    for number in "$@"; do echo "$data/event0000$prefix$number"; done
}
narrow=$(events 2100 0 1 2 3 4 5)
wide=$(events 2200 0 1)
validation="$data/event000021006,$data/event000022002"
steps="-s train.sections=8 -s train.learning_rate=4e-3 -s train.schedule=onecycle -s train.schedule_unit=step"

# three real events with the long luminous region are too few for the tables: simulated ones join them
"$hitgraph" simulate --events 16 --pileup 160 --sigma-z 55 --seed 5 --format csv.gz --out "$work/wide"
"$hitgraph" simulate --events 3 --pileup 160 --sigma-z 55 --seed 6 --format csv.gz --out "$work/train"

mkdir -p "$out"
# shellcheck disable=SC2086 # the lists are meant to be split
"$hitgraph" build --learn-calibration -s fit.calibration=pitch -s fit.material=trackml-like --out "$out/calibration.yaml" \
    $narrow "$data/event000021006" $wide "$data/event000022002"
# shellcheck disable=SC2086
"$hitgraph" build --learn -s graph.learn.efficiency=0.995 -s graph.learn.neighbour_efficiency=0.99 --out "$out/doublets.h5" \
    $narrow "$data/event000021006" $wide "$data/event000022002" "$work/wide"
# shellcheck disable=SC2086
"$hitgraph" train --task doublets -s graph.map="$out/doublets.h5" -s train.epochs=30 $steps \
    --validate "$validation" --out "$out/doublet" $narrow $wide "$work/train"
# shellcheck disable=SC2086
"$hitgraph" train --task triplets -s graph.map="$out/doublets.h5" -s doublets.model="$out/doublet" \
    -s train.epochs=20 $steps --validate "$validation" --out "$out/triplet" $narrow $wide "$work/train"
