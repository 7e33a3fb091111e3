# bench/telescope_torch.py — DynEdge in plain PyTorch, driven by bench/telescope.c as bench/engine_torch.py is by bench/engine.c.
# SPDX-License-Identifier: Apache-2.0
"""Usage: python telescope_torch.py DIR MODEL THREADS; files, commands and modes as engine_torch.py. The network is that of
tests/parity/models.py with a faster search of neighbours: exact, but equal distances in any order. A mode with the word exact keeps the
slow search, whose order of equal distances is ours; its difference shows that both sides compute the same."""
import sys

import torch

import engine_torch
import models

exact_neighbours = models.nearest_neighbours


@torch.compiler.disable
def fast_neighbours(x, ptr, k):
    senders, receivers = [], []
    points = x.detach().float()
    for first, last in zip(ptr[:-1], ptr[1:]):
        part, n = points[first:last], last - first
        if n < 2:
            continue
        distance = torch.cdist(part, part, compute_mode="donot_use_mm_for_euclid_dist")
        distance.fill_diagonal_(float("inf"))
        near = distance.topk(min(k, n - 1), dim=1, largest=False).indices
        senders.append(near.reshape(-1) + first)
        receivers.append(torch.arange(first, last).repeat_interleave(near.shape[1]))
    return torch.cat(senders), torch.cat(receivers)


class Telescope(engine_torch.Server):
    networks, answer = {"dynedge": models.DynEdge}, "features"

    def build(self, mode):
        models.nearest_neighbours = exact_neighbours if "exact" in mode.split("-") else fast_neighbours
        return super().build(mode)

    def outputs(self, model):
        return model(self.batch)[-1].globals

    def loss(self, features):
        return torch.nn.functional.mse_loss(features.float(), self.target)


if __name__ == "__main__":
    engine_torch.main(*sys.argv[1:4], kind=Telescope)
