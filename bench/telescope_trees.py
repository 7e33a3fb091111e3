#!/usr/bin/env python3
"""Boosted trees on hand-made features, beside the network: the same events, the same figures.

hitgraph simulate --preset icecube --level 1 --events 20000 --seed 11 --out train.h5
hitgraph simulate --preset icecube --level 1 --events 6000 --seed 12 --out test.h5
hitgraph classify --model MODEL --out scores.h5 test.h5
bench/telescope_trees.py --hitgraph build/hitgraph train.h5 test.h5 [scores.h5]

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
        return file["events/event_id"][:], file["events/label"][:] != BUNDLE


def columns_of(path, names=None):
    with h5py.File(path) as file:
        group = file["events"]
        names = names or sorted(n for n in group if n != "event_id")
        return group["event_id"][:], {n: group[n][:] for n in names}


def read(hitgraph, path, folder):
    """Features [events, columns] by hitgraph itself, and the labels of the same events."""
    out = os.path.join(folder, os.path.basename(path) + ".features.h5")
    subprocess.run([hitgraph, "classify", "--features", "--out", out, "--quiet", path], check=True)
    event, columns = columns_of(out)
    truth_event, signal = labels_of(path)
    of_event = dict(zip(truth_event.tolist(), signal.tolist()))
    return event, np.stack(list(columns.values()), axis=1), np.array([of_event[e] for e in event.tolist()])


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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hitgraph", default="build/hitgraph")
    parser.add_argument("train")
    parser.add_argument("test")
    parser.add_argument("scores", nargs="?", help="of hitgraph classify on the same test events")
    given = parser.parse_args()
    opponents = classifiers()
    if not opponents:
        return print("SKIP telescope_trees: neither XGBoost nor scikit-learn is installed")
    with tempfile.TemporaryDirectory() as folder:
        _, features, signal = read(given.hitgraph, given.train, folder)
        test_event, test_features, test_signal = read(given.hitgraph, given.test, folder)
    print(f"{len(signal)} events to train on, {len(test_signal)} to test, {features.shape[1]} features")
    for name, make in opponents:
        model = make().fit(features, signal)
        report(name, model.predict_proba(test_features)[:, 1].astype(np.float64), test_signal)
    if given.scores:
        event, columns = columns_of(given.scores, ["signal_logit"])
        of_event = dict(zip(event.tolist(), columns["signal_logit"].tolist()))
        kept = np.array([e in of_event for e in test_event.tolist()])
        score = np.array([of_event[e] for e in test_event[kept].tolist()])
        report("network", score, test_signal[kept])


if __name__ == "__main__":
    main()
