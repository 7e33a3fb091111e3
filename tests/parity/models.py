# tests/parity/models.py — published graph networks in plain PyTorch, with the tensor names of their authors (MODELS 3).
# SPDX-License-Identifier: Apache-2.0
"""Every model maps a Batch to a list of Outputs, one per supervised step (the last one is the answer). `reduce` says how the losses
of the steps become one: "last", "sum" or "mean". Modules are registered in the order of MODELS 7.9."""
import math
from dataclasses import dataclass, field
from typing import NamedTuple, Optional

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


@dataclass
class Batch:
    """A ragged batch of graphs: nodes and edges of one graph are contiguous."""
    sender: Tensor  # [E] int64
    receiver: Tensor  # [E] int64
    node_ptr: list  # [G + 1]
    edge_ptr: list  # [G + 1]
    nodes: Optional[Tensor] = None  # [N, Fv]
    edges: Optional[Tensor] = None  # [E, Fe]
    globals: Optional[Tensor] = None  # [G, Fu]
    node_graph: Tensor = field(init=False)  # [N]
    edge_graph: Tensor = field(init=False)  # [E]

    def __post_init__(self):
        self.node_graph, self.edge_graph = of_segments(self.node_ptr), of_segments(self.edge_ptr)

    @property
    def n_nodes(self):
        return self.node_ptr[-1]

    @property
    def n_graphs(self):
        return len(self.node_ptr) - 1


class Outputs(NamedTuple):
    nodes: Optional[Tensor] = None
    edges: Optional[Tensor] = None
    globals: Optional[Tensor] = None


def of_segments(ptr):
    sizes = torch.tensor(ptr[1:]) - torch.tensor(ptr[:-1])
    return torch.repeat_interleave(torch.arange(len(ptr) - 1), sizes)


# Reductions over segments: 0 over nothing (MODELS 2.5).
def segment_sum(x, index, n):
    return x.new_zeros((n, x.shape[1])).index_add(0, index, x)


def segment_mean(x, index, n):
    count = torch.bincount(index, minlength=n).clamp(min=1).to(x.dtype)
    return segment_sum(x, index, n) / count[:, None]


def segment_extremum(x, index, n, kind):
    return x.new_zeros((n, x.shape[1])).scatter_reduce(0, index[:, None].expand_as(x), x, kind, include_self=False)


def segment_max(x, index, n):
    return segment_extremum(x, index, n, "amax")


def segment_min(x, index, n):
    return segment_extremum(x, index, n, "amin")


def segment_std(x, index, n):
    variance = segment_mean((x - segment_mean(x, index, n)[index]) ** 2, index, n)
    return torch.where(variance > 1e-5, variance.clamp(min=1e-5).sqrt(), torch.zeros_like(variance))


def segment_softmax(score, index, n):
    shifted = (score - segment_max(score, index, n).detach()[index]).exp()
    return shifted / segment_sum(shifted, index, n)[index]


REDUCTIONS = {"sum": segment_sum, "mean": segment_mean, "max": segment_max, "min": segment_min, "std": segment_std}


class EventNorm(nn.Module):
    """BatchNorm over the rows of one graph, in inference too; a single row gives the bias (MODELS 2.3)."""

    def __init__(self, width, eps=6e-5):
        super().__init__()
        self.weight, self.bias, self.eps = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width)), eps

    def forward(self, x, ptr):
        parts = []
        for first, last in zip(ptr[:-1], ptr[1:]):
            if last - first > 1:
                parts.append(nn.functional.batch_norm(x[first:last], None, None, self.weight, self.bias, True, 0.0, self.eps))
            elif last > first:
                parts.append(self.bias[None, :] + 0 * x[first:last])
        return torch.cat(parts) if parts else x


class Mlp(nn.Sequential):
    """Linear, norm, activation per layer; `ptr` are the rows of each graph, read by EventNorm."""

    def __init__(self, inputs, widths, activation=nn.ReLU, norm=None, last_activation=None, last_norm=None, bias=True):
        layers = []
        for i, width in enumerate(widths):
            last = i == len(widths) - 1
            layers.append(nn.Linear(inputs, width, bias=bias))
            for module, argument in (((last_norm if last else norm), width), ((last_activation if last else activation), None)):
                if module is not None:
                    layers.append(module(argument) if argument else module())
            inputs = width
        super().__init__(*layers)

    def forward(self, x, ptr=None):
        for layer in self:
            x = layer(x, ptr) if isinstance(layer, EventNorm) else layer(x)
        return x


def plain_norm(width):
    return nn.LayerNorm(width, elementwise_affine=False)


class Holder(nn.Module):
    """Gives a module a name inside another: Holder(layers=...) has tensors `layers.*`."""

    def __init__(self, **modules):
        super().__init__()
        for name, module in modules.items():
            self.add_module(name, module)


class InteractionNetwork(nn.Module):
    """arXiv:2103.16701; receiver first."""
    reduce = "last"

    def __init__(self, nodes=3, edges=4, hidden=40, message=4, state=3):
        super().__init__()
        self.R1 = Holder(layers=Mlp(2 * nodes + edges, [hidden, hidden, message]))
        self.O = Holder(layers=Mlp(nodes + message, [hidden, hidden, state]))
        self.R2 = Holder(layers=Mlp(2 * state + message, [hidden, hidden, 1]))

    def forward(self, b):
        x, s, d = b.nodes, b.sender, b.receiver
        message = self.R1.layers(torch.cat([x[d], x[s], b.edges], 1))
        state = self.O.layers(torch.cat([x, segment_sum(message, d, b.n_nodes)], 1))
        return [Outputs(edges=self.R2.layers(torch.cat([state[d], state[s], message], 1)))]


class SegmentClassifier(nn.Module):
    """Doublets and triplets of arXiv:2007.00149."""
    reduce = "last"

    def __init__(self, nodes=3, iterations=8, h=64):
        super().__init__()
        self.iterations = iterations
        self.input_network = Mlp(nodes, [h], last_activation=nn.Tanh, last_norm=nn.LayerNorm)
        self.edge_network = Holder(network=Mlp(2 * h, [h, h, h, 1], nn.Tanh, nn.LayerNorm))
        self.node_network = Holder(network=Mlp(3 * h, [h] * 4, nn.Tanh, nn.LayerNorm, nn.Tanh, nn.LayerNorm))

    def forward(self, b):
        s, d, n = b.sender, b.receiver, b.n_nodes
        x = self.input_network(b.nodes)
        for _ in range(self.iterations):
            w = torch.sigmoid(self.edge_network.network(torch.cat([x[s], x[d]], 1)))
            x = x + self.node_network.network(torch.cat([segment_sum(w * x[s], d, n), segment_sum(w * x[d], s, n), x], 1))
        return [Outputs(edges=self.edge_network.network(torch.cat([x[s], x[d]], 1)))]


class HepTrkx(nn.Module):
    """HEP.TrkX segment classifier; gives probabilities."""
    reduce = "last"

    def __init__(self, nodes=3, h=128, iterations=6):
        super().__init__()
        self.iterations = iterations
        self.input_network = Mlp(nodes, [h], last_activation=nn.Tanh)
        self.edge_network = Holder(network=Mlp(2 * (h + nodes), [h, 1], nn.Tanh, last_activation=nn.Sigmoid))
        self.node_network = Holder(network=Mlp(3 * (h + nodes), [h, h], nn.Tanh, last_activation=nn.Tanh))

    def forward(self, b):
        s, d, n = b.sender, b.receiver, b.n_nodes
        state = torch.cat([self.input_network(b.nodes), b.nodes], 1)
        for _ in range(self.iterations):
            w = self.edge_network.network(torch.cat([state[s], state[d]], 1))
            inputs = torch.cat([segment_sum(w * state[s], d, n), segment_sum(w * state[d], s, n), state], 1)
            state = torch.cat([self.node_network.network(inputs), b.nodes], 1)
        return [Outputs(edges=self.edge_network.network(torch.cat([state[s], state[d]], 1)))]


class InteractionGNN(nn.Module):
    """acorn's recurrent network, nodes first. checkpointing: keep the inputs of each step only and compute the rest again."""
    reduce = "last"

    def __init__(self, nodes=3, h=64, layers=3, steps=8, aggregations=("sum",), activation=nn.ReLU, last_activation=None, shared=True):
        super().__init__()
        self.steps, self.aggregations, self.shared, self.checkpointing = steps, aggregations, shared, False

        def net(inputs):
            return Mlp(inputs, [h] * layers, activation, plain_norm, last_activation)

        node_inputs = (1 + 2 * len(aggregations)) * h
        self.node_encoder, self.edge_encoder = net(nodes), net(2 * h)
        if shared:
            self.edge_network, self.node_network = net(3 * h), net(node_inputs)
        else:
            self.edge_networks = nn.ModuleList(net(3 * h) for _ in range(steps))
            self.node_networks = nn.ModuleList(net(node_inputs) for _ in range(steps))
        self.output_edge_classifier = Mlp(3 * h, [h] * layers + [1], activation, plain_norm)

    def aggregate(self, e, index, n):
        return [REDUCTIONS[name](e, index, n) for name in self.aggregations]

    def step(self, t, x, e, s, d):
        edge_network = self.edge_network if self.shared else self.edge_networks[t]
        node_network = self.node_network if self.shared else self.node_networks[t]
        n = x.shape[0]
        x = node_network(torch.cat([x] + self.aggregate(e, d, n) + self.aggregate(e, s, n), 1))
        return x, edge_network(torch.cat([x[s], x[d], e], 1))

    def forward(self, b):
        s, d = b.sender, b.receiver
        x = self.node_encoder(b.nodes)
        e = self.edge_encoder(torch.cat([x[s], x[d]], 1))
        for t in range(self.steps):
            if self.checkpointing:
                x, e = checkpoint(self.step, t, x, e, s, d, use_reentrant=False)
            else:
                x, e = self.step(t, x, e, s, d)
        return [Outputs(edges=self.output_edge_classifier(torch.cat([x[s], x[d], e], 1)))]


class InteractionGNN2(nn.Module):
    """acorn's unshared network with batch norms, edges first; the last node update is never read."""
    reduce = "last"

    def __init__(self, nodes=12, edges=6, h=128, steps=8):
        super().__init__()

        def net(inputs):
            return Mlp(inputs, [h] * 3, nn.ReLU, EventNorm, nn.ReLU)

        self.node_encoder, self.edge_encoder = net(nodes), net(edges)
        self.edge_network = nn.ModuleList(net(6 * h) for _ in range(steps))
        self.node_network = nn.ModuleList(net(4 * h) for _ in range(steps))
        self.edge_decoder = net(h)
        self.edge_output_transform = Mlp(h, [h, 1], nn.ReLU, EventNorm)

    def forward(self, b):
        s, d, n = b.sender, b.receiver, b.n_nodes
        x = x0 = self.node_encoder(b.nodes, b.node_ptr)
        e = e0 = self.edge_encoder(b.edges, b.edge_ptr)
        for t, (edge_network, node_network) in enumerate(zip(self.edge_network, self.node_network)):
            e = edge_network(torch.cat([e, e0, x[s], x0[s], x[d], x0[d]], 1), b.edge_ptr)
            if t + 1 < len(self.edge_network):
                x = node_network(torch.cat([segment_sum(e, d, n), segment_sum(e, s, n), x, x0], 1), b.node_ptr)
        return [Outputs(edges=self.edge_output_transform(self.edge_decoder(e, b.edge_ptr), b.edge_ptr))]


class GraphNets(nn.Module):
    """Encode-process-decode of DeepMind's graph_nets demo; every step is decoded and trained."""
    reduce = "mean"

    def __init__(self, nodes=5, edges=2, globals_=1, out=(2, 1, 1), h=16, steps=2):
        super().__init__()
        self.steps = steps

        def net(inputs):
            return nn.Sequential(*Mlp(inputs, [h, h], last_activation=nn.ReLU), nn.LayerNorm(h))

        def nets(e, v, u):
            return Holder(edges=net(e), nodes=net(v), globals=net(u))

        self.enc, self.core, self.dec = nets(edges, nodes, globals_), nets(8 * h, 5 * h, 4 * h), nets(h, h, h)
        self.out = Holder(edges=Mlp(h, [out[1]]), nodes=Mlp(h, [out[0]]), globals=Mlp(h, [out[2]]))

    def forward(self, b):
        s, d = b.sender, b.receiver
        e = e0 = self.enc.edges(b.edges)
        x = x0 = self.enc.nodes(b.nodes)
        u = u0 = self.enc.globals(b.globals)
        steps = []
        for _ in range(self.steps):
            both, graph = torch.cat([x0, x], 1), torch.cat([u0, u], 1)
            e = self.core.edges(torch.cat([e0, e, both[d], both[s], graph[b.edge_graph]], 1))
            x = self.core.nodes(torch.cat([segment_sum(e, d, b.n_nodes), both, graph[b.node_graph]], 1))
            u = self.core.globals(
                torch.cat([segment_sum(e, b.edge_graph, b.n_graphs), segment_sum(x, b.node_graph, b.n_graphs), graph], 1))
            steps.append(Outputs(self.out.nodes(self.dec.nodes(x)), self.out.edges(self.dec.edges(e)),
                                 self.out.globals(self.dec.globals(u))))
        return steps


class GraphNetsTracking(nn.Module):
    """The same idea for tracking (Exa.TrkX, NeurIPS 2019): no norms, no globals, the sum of the losses of all steps."""
    reduce = "sum"

    def __init__(self, nodes=3, edges=2, h=128, steps=8):
        super().__init__()
        self.steps = steps

        def net(inputs):
            return Mlp(inputs, [h, h], last_activation=nn.ReLU)

        self.enc = Holder(edges=net(edges), nodes=net(nodes))
        self.core = Holder(edges=net(6 * h), nodes=net(3 * h))
        self.dec = Holder(edges=net(h))
        self.out = Holder(edges=Mlp(h, [h, 1], last_activation=nn.Sigmoid))

    def forward(self, b):
        s, d = b.sender, b.receiver
        e = e0 = self.enc.edges(b.edges)
        x = x0 = self.enc.nodes(b.nodes)
        steps = []
        for _ in range(self.steps):
            both = torch.cat([x0, x], 1)
            e = self.core.edges(torch.cat([e0, e, both[d], both[s]], 1))
            x = self.core.nodes(torch.cat([segment_sum(e, d, b.n_nodes), both], 1))
            steps.append(Outputs(edges=self.out.edges(self.dec.edges(e))))
        return steps


class ResIN(nn.Module):
    """Edge classifier of gnn_tracking: residual interaction networks; gives weights of 0.001 .. 0.999."""
    reduce = "last"

    def __init__(self, node_in=3, edge_in=4, node=5, edge=4, hidden=40, layers=3, alpha=0.5):
        super().__init__()
        self.alpha = alpha

        def net(inputs, out):
            wide = hidden or max(inputs, out)
            return Holder(layers=Mlp(inputs, [wide, wide, out]))

        def encoder(inputs, out):
            return Holder(layers=Mlp(inputs, [hidden or max(inputs, out), out], last_activation=nn.ReLU, bias=False))

        self.ec_node_encoder, self.ec_edge_encoder = encoder(node_in, node), encoder(edge_in, edge)
        blocks = [Holder(relational_model=net(2 * node + edge, edge), object_model=net(node + edge, node)) for _ in range(layers)]
        self.ec_resin = Holder(network=Holder(layers=nn.ModuleList(blocks)))
        self.W = net(2 * node + (layers + 1) * edge, 1)

    def forward(self, b):
        s, d, n = b.sender, b.receiver, b.n_nodes
        x, e = self.ec_node_encoder.layers(b.nodes), self.ec_edge_encoder.layers(b.edges)
        history = [e]
        for t, block in enumerate(self.ec_resin.network.layers):
            v, e = (torch.relu(x), torch.relu(e)) if t > 0 else (x, e)
            e = block.relational_model.layers(torch.cat([v[d], v[s], e], 1))
            change = block.object_model.layers(torch.cat([v, segment_sum(e, d, n)], 1))
            x = math.sqrt(self.alpha) * x + math.sqrt(1 - self.alpha) * change
            history.append(e)
        w = torch.sigmoid(self.W.layers(torch.cat([x[s], x[d]] + history, 1)))
        return [Outputs(edges=0.001 + 0.998 * w)]


class ResidualNetwork(nn.Module):
    """The doublet and triplet classifiers that ship with hitgraph."""
    reduce = "last"

    def __init__(self, nodes=9, edges=26, node_encoder=16, edge_encoder=24, h=16, steps=2):
        super().__init__()
        self.node_encoder = Mlp(nodes, [node_encoder, h], last_activation=nn.ReLU)
        self.edge_encoder = Mlp(edges + 2 * h, [edge_encoder, h], last_activation=nn.ReLU)
        self.node_network = nn.ModuleList(Mlp(3 * h, [h, h]) for _ in range(steps))
        self.edge_network = nn.ModuleList(Mlp(3 * h, [h, h]) for _ in range(steps))
        self.classifier = Mlp(3 * h, [h, 1])

    def forward(self, b):
        s, d, n = b.sender, b.receiver, b.n_nodes
        x = self.node_encoder(b.nodes)
        e = self.edge_encoder(torch.cat([b.edges, x[s], x[d]], 1))
        for node_network, edge_network in zip(self.node_network, self.edge_network):
            x = x + node_network(torch.cat([x, segment_sum(e, d, n), segment_sum(e, s, n)], 1))
            e = e + edge_network(torch.cat([e, x[s], x[d]], 1))
        return [Outputs(edges=self.classifier(torch.cat([e, x[s], x[d]], 1)))]


class EdgeConv(nn.Module):
    """Two EdgeConv layers (arXiv:1801.07829) on a given graph, one reduction each, and a read-out of the graph."""
    reduce = "last"

    def __init__(self, nodes=3, h=32, out=2):
        super().__init__()
        self.conv = nn.ModuleList([Mlp(2 * nodes, [h, h], last_activation=nn.ReLU), Mlp(2 * h, [h, h], last_activation=nn.ReLU)])
        self.head = Mlp(2 * h, [h, out])

    def forward(self, b):
        x, s, d = b.nodes, b.sender, b.receiver
        for net, reduction in zip(self.conv, (segment_max, segment_mean)):
            x = reduction(net(torch.cat([x[d], x[s] - x[d]], 1)), d, b.n_nodes)
        pooled = [segment_max(x, b.node_graph, b.n_graphs), segment_sum(x, b.node_graph, b.n_graphs)]
        return [Outputs(nodes=x, globals=self.head(torch.cat(pooled, 1)))]
