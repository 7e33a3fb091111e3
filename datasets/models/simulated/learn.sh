#!/bin/sh
# Reproduces the calibration of simulated events that ships in this directory. Usage: learn.sh [OUT]
# SPDX-License-Identifier: Apache-2.0
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here}
hitgraph=${HITGRAPH:-$here/../../../build/hitgraph}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$out"
"$hitgraph" simulate --events 4 --seed 7 --format csv.gz --out "$work/events"
"$hitgraph" build --preset simulated --learn-calibration -s fit.calibration=pitch --out "$out/calibration.yaml" "$work/events"
