# tests/parity/parity.py — published networks in hitgraph against the same networks in PyTorch: weights exchanged, outputs, gradients.
# SPDX-License-Identifier: Apache-2.0
"""Usage: python parity.py FLOAT_PROGRAM DOUBLE_PROGRAM (builds of run_model.c), from the root of the repository; see `make parity`.

Each network gets random weights, written here and read by the C program by name; the C program writes them back, which must be the same
bits. On random ragged batches (isolated nodes, parallel edges, self loops, graphs that are empty or have no edges) outputs must agree to
1e-5 and gradients of weights and attributes to 1e-4 in float, both relative to the larger of 1 and the largest element of the tensor; in
double to 1e-8. Where a float result is further off, PyTorch must not know it any better: it is evaluated again with weights moved by up to
1e-6 of their size, and the difference must stay below twice what these answers differ from its own in double. So much is lost by batch
norms over few rows, and where a ReLU or a maximum is within rounding of changing sides. Such rows are marked."""
import os
import subprocess
import sys
import tempfile
from typing import NamedTuple

try:
    import torch
except ImportError:
    print("SKIP parity: PyTorch is not installed (pip install torch==2.13.0)")
    sys.exit(0)

import exchange
import models
from models import Batch

ENTITIES = ("nodes", "edges", "globals")
TOLERANCES = {torch.float32: (1e-5, 1e-4), torch.float64: (1e-8, 1e-8)}
MOVES = 6


class Case(NamedTuple):
    what: str
    file: str  # below datasets/models
    model: callable
    edits: tuple = ()
    parameters: int = 0  # published number, 0 = none


CASES = [
    Case("interaction network", "architectures/interaction_network.yaml", models.InteractionNetwork, (), 6448),
    Case("2007.00149 doublets", "architectures/exatrkx_doublet.yaml", models.SegmentClassifier, (), 42753),
    Case("2007.00149 triplets", "architectures/exatrkx_triplet.yaml", lambda: models.SegmentClassifier(7, 4), (), 43009),
    Case("HEP.TrkX h=128", "architectures/heptrkx.yaml", models.HepTrkx, (), 101249),
    Case("HEP.TrkX h=64", "architectures/heptrkx_medium.yaml", lambda: models.HepTrkx(3, 64, 4), (), 26049),
    Case("InteractionGNN h=64", "architectures/acorn_ignn.yaml", models.InteractionGNN, (), 87233),
    Case("InteractionGNN h=128", "architectures/acorn_ignn_wide.yaml", lambda: models.InteractionGNN(h=128), (), 346497),
    Case("InteractionGNN unshared", "architectures/acorn_ignn_unshared.yaml", lambda: models.InteractionGNN(shared=False)),
    Case("InteractionGNN example 3", "architectures/acorn_ignn_example3.yaml",
         lambda: models.InteractionGNN(3, 128, 2, 8, ("sum", "mean", "max", "std"), torch.nn.SiLU, torch.nn.Tanh), (), 362241),
    Case("InteractionGNN2 h=128", "architectures/acorn_ignn2.yaml", models.InteractionGNN2, (), 1985921),
    Case("InteractionGNN2 h=16", "architectures/acorn_ignn2.yaml", lambda: models.InteractionGNN2(12, 6, 16, 2),
         (("128", "16"), ("copies: 8", "copies: 2"), ("repeat: 8", "repeat: 2")), 10353),
    Case("graph_nets demo", "architectures/graph_nets.yaml", models.GraphNets, (), 8196),
    Case("graph_nets tracking", "architectures/graph_nets_tracking.yaml", models.GraphNetsTracking, (), 263681 + 128 * 5),
    Case("ResIN 3,4,5,4,40,3", "architectures/resin.yaml", models.ResIN, (), 17348),
    Case("shipped doublets", "trackml/doublet/model.yaml", models.ResidualNetwork),
    Case("shipped triplets", "trackml/triplet/model.yaml", lambda: models.ResidualNetwork(27, 12, 24, 16)),
    Case("EdgeConv", "architectures/edge_conv.yaml", models.EdgeConv),
    Case("full GN block", "architectures/graph_network.yaml", models.GraphNetwork),
    Case("GAT", "architectures/graph_attention.yaml", models.GraphAttention),
    Case("GATv2", "architectures/graph_attention2.yaml", models.GraphAttention2),
    Case("graph transformer", "architectures/graph_transformer.yaml", models.GraphTransformer),
    Case("GravNet", "architectures/gravnet.yaml", models.GravNet),
    Case("DynEdge", "architectures/dynedge.yaml", models.DynEdge, (), 1382192),
    Case("DynEdge, JINST", "architectures/dynedge_jinst.yaml", models.DynEdgeJinst, (), 1375728),
    Case("DynEdge, small", "architectures/dynedge_small.yaml", lambda: models.DynEdge(4, ((4, 5), (6, 5)), (6, 4), 3, 2), (), 457),
]


def random_batch(seed, sizes, widths, dtype):
    """sizes: (nodes, edges) of each graph. A tenth of the nodes stay isolated; edges repeat and loop."""
    generator = torch.Generator().manual_seed(seed)

    def below(n, count):
        return torch.randint(max(n, 1), (count,), generator=generator)

    senders, receivers, node_ptr, edge_ptr = [], [], [0], [0]
    for n_nodes, n_edges in sizes:
        reachable = max(1, n_nodes - (n_nodes + 9) // 10) if n_nodes > 1 else n_nodes
        s, d = below(reachable, n_edges), below(reachable, n_edges)
        for e in range(4, n_edges, 5):  # parallel edges
            s[e], d[e] = s[e - 1], d[e - 1]
        for e in range(6, n_edges, 7):  # self loops
            s[e] = d[e]
        senders.append(s + node_ptr[-1])
        receivers.append(d + node_ptr[-1])
        node_ptr.append(node_ptr[-1] + n_nodes)
        edge_ptr.append(edge_ptr[-1] + n_edges)
    rows = (node_ptr[-1], edge_ptr[-1], len(sizes))
    # numbers of the float type in both precisions
    tables = [torch.randn(n, width, generator=generator).to(dtype) if width else None for n, width in zip(rows, widths)]
    if widths[0] and rows[0]:  # a third of the nodes have a value in common with the node before
        for i in range(1, rows[0], 3):
            tables[0][i, i % widths[0]] = tables[0][i - 1, i % widths[0]]
    return Batch(torch.cat(senders), torch.cat(receivers), node_ptr, edge_ptr, *tables)


BATCHES = [[(7, 12), (0, 0), (1, 0), (5, 9), (1, 3)], [(60, 200), (3, 0), (0, 0), (41, 90)], [(150, 700)], [(4, 0)], [(0, 0)]]


def fill(model, seed):
    """Weights that do not fade: linear ones uniform in +-2 / sqrt(inputs), norms near 1, biases small."""
    generator = torch.Generator().manual_seed(seed)
    for tensor in model.parameters():
        u = torch.rand(tensor.shape, generator=generator) - 0.5
        tensor.data.copy_(4 * u / tensor.shape[1]**0.5 if tensor.dim() == 2 else 0.2 * u)
    for module in model.modules():
        if isinstance(module, (torch.nn.LayerNorm, models.EventNorm)) and module.weight is not None:
            module.weight.data.add_(1)


def description(case):
    with open(f"datasets/models/{case.file}", encoding="utf-8") as file:
        text = file.read()
    for old, new in case.edits:
        assert old in text, (case.file, old)
        text = text.replace(old, new)
    return text


def expected(model, batch, factors):
    """Outputs and gradients of PyTorch under the names of the C program's results."""
    for tensor in (batch.nodes, batch.edges, batch.globals):
        if tensor is not None:
            tensor.requires_grad_(True)
            tensor.grad = None
    model.zero_grad()
    steps = model(batch)
    terms = [(factor * y).sum() for step in steps for factor, y in zip(factors, step) if y is not None]
    loss = sum(terms) / (len(steps) if model.reduce == "mean" else 1)
    loss.backward()
    result = {f"output.{name}": y for name, y in zip(ENTITIES, steps[-1]) if y is not None}
    for name in ENTITIES:
        tensor = getattr(batch, name)
        if tensor is not None:
            result[f"gradient.{name}"] = tensor.grad if tensor.grad is not None else torch.zeros_like(tensor)
    for name, tensor in model.named_parameters():
        result[f"weight.{name}"] = tensor.grad if tensor.grad is not None else torch.zeros_like(tensor)
    return {name: tensor.detach() for name, tensor in result.items()}


def difference(found, wanted):
    """(outputs, gradients): largest difference over the larger of 1 and the largest element of its tensor."""
    worst = {"output": 0.0, "gradient": 0.0, "weight": 0.0}
    if found.keys() != wanted.keys():
        raise ValueError(f"tensors differ: {sorted(found.keys() ^ wanted.keys())}")
    for name, b in wanted.items():
        a = found[name]
        if a.shape != b.shape:
            raise ValueError(f"{name}: shape {list(a.shape)}, expected {list(b.shape)}")
        if b.numel():
            kind = name.split(".")[0]
            error = float((a - b).abs().max() / b.abs().max().clamp(min=1))
            worst[kind] = max(worst[kind], error if error == error else float("inf"))
    return worst["output"], max(worst["gradient"], worst["weight"])


def own_error(case, state, batch, factors):
    """(outputs, gradients): how far PyTorch's float results with slightly moved weights are from its double ones, at the most."""
    double = case.model().double()
    double.load_state_dict(state)
    tables = [None if t is None else t.detach().double() for t in (batch.nodes, batch.edges, batch.globals)]
    exact = expected(double, Batch(batch.sender, batch.receiver, batch.node_ptr, batch.edge_ptr, *tables), [
        None if factor is None else factor.double() for factor in factors])
    generator, worst = torch.Generator().manual_seed(7), (0.0, 0.0)
    for _ in range(MOVES):
        moved = case.model()
        moved.load_state_dict({name: t * (1 + 1e-6 * (2 * torch.rand(t.shape, generator=generator) - 1)) for name, t in state.items()})
        worst = tuple(map(max, worst, difference(expected(moved, batch, factors), exact)))
    return worst


def widths_of(text):
    line = next(line for line in text.splitlines() if line.startswith("inputs:"))
    entries = dict(entry.split(":") for entry in line.split("{")[1].rstrip("}").replace(" ", "").split(","))
    return [int(entries.get(name, 0)) for name in ENTITIES]


def evaluate(program, folder, batch, factors):
    named = {f"factor.{name}": factor for name, factor in zip(ENTITIES, factors) if factor is not None}
    exchange.write_batch(f"{folder}/batch.safetensors", batch, **named)
    done = subprocess.run([program, folder], capture_output=True, text=True)
    if done.returncode != 0:
        raise ValueError(done.stderr.strip() or f"the program ended with {done.returncode}")
    return exchange.read(f"{folder}/results.safetensors")


def run(case, program, dtype, folder):
    """Returns (number of parameters, (outputs, gradients) differences over all batches, note); raises where anything is wrong."""
    text, note, worst = description(case), "", (0.0, 0.0)
    model = case.model()
    fill(model, 1)
    state = model.to(dtype).state_dict()
    n = sum(t.numel() for t in state.values())
    if case.parameters and n != case.parameters:
        raise ValueError(f"{n} parameters, published are {case.parameters}")
    with open(f"{folder}/model.yaml", "w", encoding="utf-8") as file:
        file.write(text)
    exchange.write(f"{folder}/weights.safetensors", state)
    for seed, sizes in enumerate(BATCHES):
        batch = random_batch(seed, sizes, widths_of(text), dtype)
        with torch.no_grad():
            shapes = [None if y is None else y.shape for y in model(batch)[-1]]
        generator = torch.Generator().manual_seed(100 + seed)
        factors = [None if shape is None else torch.randn(shape, generator=generator).to(dtype) for shape in shapes]
        errors = difference(evaluate(program, folder, batch, factors), expected(model, batch, factors))
        limits = TOLERANCES[dtype]
        if dtype == torch.float32 and any(e > limit for e, limit in zip(errors, limits)):
            own = own_error(case, state, batch, factors)
            limits = tuple(max(limit, 2 * e) for limit, e in zip(limits, own))
            note = "*"
        for what, error, limit in zip(("outputs", "gradients"), errors, limits):
            if not error <= limit:
                raise ValueError(f"batch {seed}: {what} differ by {error:.2e}, allowed are {limit:.1e}")
        worst = tuple(map(max, worst, errors))
    saved = exchange.read(f"{folder}/saved/weights.safetensors")
    if saved.keys() != state.keys() or not all(torch.equal(saved[name], tensor) for name, tensor in state.items()):
        raise ValueError("the weights written by the program are not those that it read")
    case.model().to(dtype).load_state_dict(saved, strict=True)
    return n, worst, note


def main(programs):
    torch.set_num_threads(min(2, os.cpu_count()))
    passed = failed = 0
    print(f"PyTorch {torch.__version__}; largest differences, relative to max(1, largest element)")
    print(f"{'network':<26} {'parameters':>10}  {'float: outputs':>15} {'gradients':>10}   {'double: outputs':>16} {'gradients':>10}")
    for case in CASES:
        line, trouble, n = "", [], 0
        for program, dtype in zip(programs, TOLERANCES):
            try:
                with tempfile.TemporaryDirectory() as folder:
                    n, errors, note = run(case, program, dtype, folder)
                line += f"  {errors[0]:>{15 if dtype == torch.float32 else 16}.1e} {errors[1]:>10.1e}{note:<1}"
            except ValueError as error:
                trouble.append(f"{str(dtype)[6:]}: {error}")
        print(f"{case.what:<26} {n:>10}{line}  {'FAILED' if trouble else 'ok'}", flush=True)
        for text in trouble:
            print(f"    {text}")
        passed, failed = passed + (not trouble), failed + bool(trouble)
    print("* no further from PyTorch than twice the error of PyTorch's own float result (see tests/parity/parity.py)")
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:3]))
