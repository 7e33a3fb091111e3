#!/usr/bin/env python3
"""Boosted trees on hand-made features, beside the network: the same events, the same figures.

hitgraph simulate --preset icecube --level 1 --events 20000 --seed 11 --out train.h5
hitgraph simulate --preset icecube --level 1 --events 6000 --seed 12 --out test.h5
hitgraph classify --model MODEL --out scores.h5 test.h5
bench/telescope_trees.py --hitgraph build/hitgraph train.h5 test.h5 [scores.h5]

Low false positive rates need many events to test: with --events N it simulates and classifies them itself, so many at a time, and
keeps nothing of them but features and scores:

bench/telescope_trees.py --hitgraph build/hitgraph --model MODEL --events 500000 --seed 31 train.h5

Intervals are Wilson's of 68 %; the ratio of efficiencies has one of 95 % from resampled events, the same ones for both.

Needs numpy, h5py and XGBoost or scikit-learn (both are used where both are installed); without them it says so and exits with 0.
"""
# SPDX-License-Identifier: Apache-2.0
import argparse
import os
import subprocess
import sys
import tempfile

try:
    import h5py
    import numpy as np
except ImportError as missing:
    sys.exit(print(f"SKIP telescope_trees: {missing}"))

BUNDLE = 3
RATES = (1e-2, 1e-3, 1e-4)
EVENTS_AT_A_TIME = 50000
RESAMPLES = 500


def classifiers():
    """The opponents that are installed: name and a function that makes one."""
    found = []
    try:
        from xgboost import XGBClassifier

        def xgb():
            return XGBClassifier(n_estimators=600, max_depth=5, learning_rate=0.05, subsample=0.8, colsample_bytree=0.8,
                                 min_child_weight=5, tree_method="hist", random_state=1)

        found.append(("XGBoost", xgb))
    except ImportError as missing:
        print(f"SKIP XGBoost: {missing}")
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier

        def hist():
            return HistGradientBoostingClassifier(max_iter=400, learning_rate=0.05, early_stopping=True, random_state=1)

        found.append(("HistGradientBoosting", hist))
    except ImportError as missing:
        print(f"SKIP HistGradientBoosting: {missing}")
    return found


def labels_of(path):
    """event_id -> whether it is signal (not a bundle)."""
    with h5py.File(path) as file:
        return dict(zip(file["events/event_id"][:].tolist(), (file["events/label"][:] != BUNDLE).tolist()))


def columns_of(path, names=None):
    with h5py.File(path) as file:
        group = file["events"]
        names = names or sorted(n for n in group if n != "event_id")
        return group["event_id"][:].tolist(), np.stack([group[n][:] for n in names], axis=1)


def read(hitgraph, path, scores=None):
    """Of the same events: features [events, columns] by hitgraph itself, whether they are signal, the network's scores (NaN = none)."""
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "features.h5")
        subprocess.run([hitgraph, "classify", "--features", "--out", out, "--quiet", path], check=True, stdout=subprocess.DEVNULL)
        event, features = columns_of(out)
    signal, score = labels_of(path), {}
    if scores:
        scored, logit = columns_of(scores, ["signal_logit"])
        score = dict(zip(scored, logit[:, 0].tolist()))
    return features, np.array([signal[e] for e in event]), np.array([score.get(e, np.nan) for e in event])


def simulate(given):
    """Parts of given.events events of seeds of their own, as `read` gives them."""
    parts = []
    for first in range(0, given.events, EVENTS_AT_A_TIME):
        with tempfile.TemporaryDirectory() as folder:
            events, scores = os.path.join(folder, "events.h5"), os.path.join(folder, "scores.h5")
            n = min(EVENTS_AT_A_TIME, given.events - first)
            simulation = [given.hitgraph, "simulate", "--quiet", "--preset", "icecube", "--level", str(given.level), "--events", str(n),
                          "--seed", str(given.seed + first // EVENTS_AT_A_TIME), "--out", events]
            subprocess.run(simulation, check=True, stdout=subprocess.DEVNULL)
            if given.model:
                subprocess.run([given.hitgraph, "classify", "--quiet", "--model", given.model, "--out", scores, events], check=True,
                               stdout=subprocess.DEVNULL)
            parts.append(read(given.hitgraph, events, scores if given.model else None))
        print(f"{first + n} of {given.events} events simulated and scored", file=sys.stderr, flush=True)
    return [np.concatenate(columns) for columns in zip(*parts)]


def roc_area(score, signal):
    """Mann-Whitney with ties counted half."""
    order = np.unique(score, return_inverse=True)[1]
    n_of = np.bincount(order)
    rank = (np.cumsum(n_of) - (n_of - 1) / 2)[order]
    n = signal.sum()
    return (rank[signal].sum() - n * (n + 1) / 2) / (n * (len(signal) - n))


def efficiency(score, signal, rate):
    """Share of signal above the score that lets at most `rate` of the background through, with Wilson's interval of 68 %."""
    background = np.sort(score[~signal])[::-1]
    passing = int(rate * len(background))
    k, n = int((score[signal] > background[passing]).sum()), int(signal.sum())
    p, centre = k / n, (k + 0.5) / (n + 1)
    half = np.sqrt(p * (1 - p) * n + 0.25) / (n + 1)
    return p, centre - half, centre + half


def report(name, score, signal):
    print(f"  {name:22s} AUC {roc_area(score, signal):.4f}", end="")
    for rate in RATES:
        if rate * (~signal).sum() < 1:
            continue
        p, low, high = efficiency(score, signal, rate)
        print(f"   eff@{rate:.0e} {p:.4f} [{low:.4f}, {high:.4f}]", end="")
    print(flush=True)


def resampled(score, signal, rate, seed):
    """The efficiency at a rate on events drawn anew: as often as a Poisson number of mean 1 says, which the seed fixes for every score."""
    random = np.random.default_rng(seed)
    background, found = score[~signal], score[signal]
    order = np.argsort(-background)
    for _ in range(RESAMPLES):
        times, of_signal = random.poisson(1, len(background)), random.poisson(1, len(found))
        passed = np.cumsum(times[order])
        cut = background[order[np.searchsorted(passed, int(rate * passed[-1]), side="right")]]
        yield of_signal[found > cut].sum() / of_signal.sum()


def compare(name, score, other, signal):
    for rate in RATES:
        passing = int(rate * (~signal).sum())
        if passing < 10:
            continue
        ratio = efficiency(score, signal, rate)[0] / efficiency(other, signal, rate)[0]
        pairs = zip(resampled(score, signal, rate, 1), resampled(other, signal, rate, 1))
        low, high = np.quantile([a / b for a, b in pairs], [0.025, 0.975])
        print(f"  network / {name} at {rate:.0e}: {ratio:.3f}, 95 % [{low:.3f}, {high:.3f}]; {passing} of the background pass", flush=True)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hitgraph", default="build/hitgraph")
    parser.add_argument("--events", type=int, default=0, help="simulate so many events to test; 0 = they are given")
    parser.add_argument("--seed", type=int, default=31, help="of these events; each 50 000 have the next one")
    parser.add_argument("--level", type=int, default=1, help="of these events")
    parser.add_argument("--model", help="network that scores these events")
    parser.add_argument("train")
    parser.add_argument("test", nargs="?", help="needed without --events")
    parser.add_argument("scores", nargs="?", help="of hitgraph classify on the same test events")
    given = parser.parse_args()
    if bool(given.events) == bool(given.test):
        parser.error("expected either events to test or --events")
    return given


def main():
    given = arguments()
    opponents = classifiers()
    if not opponents:
        return print("SKIP telescope_trees: neither XGBoost nor scikit-learn is installed")
    features, signal, _ = read(given.hitgraph, given.train)
    test_features, test_signal, network = simulate(given) if given.events else read(given.hitgraph, given.test, given.scores)
    print(f"{len(signal)} events to train on, {len(test_signal)} to test, {features.shape[1]} features")
    scored = np.isfinite(network)
    if scored.any():
        report("network", network[scored], test_signal[scored])
    for name, make in opponents:
        score = make().fit(features, signal).predict_proba(test_features)[:, 1].astype(np.float64)
        report(name, score, test_signal)
        if scored.any():
            compare(name, network[scored], score[scored], test_signal[scored])


if __name__ == "__main__":
    main()
