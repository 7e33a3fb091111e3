# tests/parity/stored_numbers.py — prints the numbers of tests/other_networks.h: networks of PyTorch in double on the small graph of MODELS 7.9.
# SPDX-License-Identifier: Apache-2.0
import math

import torch

import models
from models import Batch

CASES = [
    ("acorn_ignn_unshared", lambda: models.InteractionGNN(shared=False), (3, 0)),
    ("graph_nets_tracking", models.GraphNetsTracking, (3, 2)),
    ("edge_conv", models.EdgeConv, (3, 0)),
    ("graph_attention", models.GraphAttention, (4, 0)),
    ("graph_attention2", models.GraphAttention2, (4, 0)),
    ("graph_transformer", models.GraphTransformer, (4, 2)),
]
SENDER, RECEIVER, NODES = (2, 0, 3, 0, 1, 1, 0), (3, 1, 4, 2, 3, 2, 4), 6


def hashed(q):
    h = q * 2654435761 % 2**32
    h = (h ^ h >> 16) * 2246822519 % 2**32
    return (h ^ h >> 13) / 2**32 - 0.5


def fill(model):
    """Elements are numbered 1, 2, ... through all tensors in order."""
    q = 0
    for name, tensor in model.named_parameters():
        u = torch.tensor([hashed(q + i + 1) for i in range(tensor.numel())], dtype=torch.float64).reshape(tensor.shape)
        weight = name.endswith("weight")
        tensor.data.copy_(4 * u / math.sqrt(tensor.shape[1]) if weight and tensor.dim() == 2 else 1 + 0.2 * u if weight else 0.2 * u)
        q += tensor.numel()


def small_batch(widths):
    """Edges sorted by receiver; their attributes follow the place in the unsorted list."""
    order = sorted(range(len(SENDER)), key=lambda e: RECEIVER[e])
    nodes = [[math.sin(0.7 * i + 1.3 * j + 0.2) for j in range(widths[0])] for i in range(NODES)]
    edges = [[math.cos(0.9 * k + 0.4 * j - 0.3) for j in range(widths[1])] for k in order]
    s, d = (torch.tensor([ends[e] for e in order]) for ends in (SENDER, RECEIVER))
    tables = [torch.tensor(t, dtype=torch.float64, requires_grad=True) for t in (nodes, edges)]
    return Batch(s, d, [0, NODES], [0, len(order)], tables[0], tables[1] if widths[1] else None)


def mixed_loss(step):
    """As in tests/model_tools.h."""
    total = 0
    for y, phase in zip(step, (0.1, 0.7, 1.3)):
        if y is not None:
            factor = torch.sin(1.7 * torch.arange(y.numel(), dtype=torch.float64) + phase) + 0.3
            total = total + (factor * (y.reshape(-1) + 0.25 * y.reshape(-1) ** 2)).sum()
    return total


for file, make, widths in CASES:
    network = make().double()
    fill(network)
    batch = small_batch(widths)
    steps = network(batch)
    loss = sum(mixed_loss(step) for step in steps)
    loss.backward()
    last = steps[-1]
    table = last.edges if last.edges is not None else last.globals if last.globals is not None else last.nodes
    norm = math.sqrt(sum(float((p.grad**2).sum()) for p in network.parameters() if p.grad is not None))
    inputs = math.sqrt(sum(float((t.grad**2).sum()) for t in (batch.nodes, batch.edges) if t is not None))
    count = sum(p.numel() for p in network.parameters())
    numbers = ", ".join(f"{y:.10g}" for y in table.reshape(-1).tolist())
    print(f'    {{"{file}", {count}, {table.numel()}, {{{numbers}}}, {loss.item():.10g}, {norm:.10g}, {inputs:.10g}}},')
