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


class PerHead(nn.Module):
    """A number per head from the head's own share of the columns."""

    def __init__(self, heads, c):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(heads, c))

    def forward(self, x):
        return (x.unflatten(1, self.weight.shape) * self.weight).sum(2)


def attend(score, value, index, n):
    """score: [E, heads], value: [E, heads * c] -> [n, heads * c]."""
    weight = segment_softmax(score, index, n)
    return segment_sum(weight.repeat_interleave(value.shape[1] // weight.shape[1], dim=1) * value, index, n)


class GraphAttention(nn.Module):
    """GAT (arXiv:1710.10903), one layer and a head that sees the attributes too."""
    reduce = "last"

    def __init__(self, nodes=4, heads=8, c=8, out=2):
        super().__init__()
        self.lin = nn.Linear(nodes, heads * c, bias=False)
        self.att_src, self.att_dst = PerHead(heads, c), PerHead(heads, c)
        self.head = nn.Linear(heads * c + nodes, out)

    def forward(self, b):
        s, d, h = b.sender, b.receiver, self.lin(b.nodes)
        score = nn.functional.leaky_relu(self.att_src(h)[s] + self.att_dst(h)[d], 0.2)
        a = nn.functional.silu(attend(score, h[s], d, b.n_nodes))
        return [Outputs(nodes=self.head(torch.cat([a, b.nodes], 1)))]


class GraphAttention2(nn.Module):
    """GATv2 (arXiv:2105.14491), the same around it."""
    reduce = "last"

    def __init__(self, nodes=4, heads=8, c=8, out=2):
        super().__init__()
        self.lin_l, self.lin_r = nn.Linear(nodes, heads * c), nn.Linear(nodes, heads * c)
        self.att, self.head = PerHead(heads, c), nn.Linear(heads * c + nodes, out)

    def forward(self, b):
        s, d, left = b.sender, b.receiver, self.lin_l(b.nodes)
        score = self.att(nn.functional.leaky_relu(left[s] + self.lin_r(b.nodes)[d], 0.2))
        a = nn.functional.silu(attend(score, left[s], d, b.n_nodes))
        return [Outputs(nodes=self.head(torch.cat([a, b.nodes], 1)))]


class GraphTransformer(nn.Module):
    """Queries of receivers, keys and values of senders, a bias per head from the attributes of the edge."""
    reduce = "last"

    def __init__(self, nodes=4, edges=2, heads=4, c=16, blocks=2, out=2):
        super().__init__()
        self.heads, self.c, h = heads, c, heads * c
        self.encoder = Mlp(nodes, [h])
        self.block = nn.ModuleList(
            Holder(query=nn.Linear(h, h), key=nn.Linear(h, h), value=nn.Linear(h, h), bias=nn.Linear(edges, heads, bias=False),
                   out=nn.Linear(h, h), mlp=Mlp(h, [2 * h, h], nn.GELU), norm=nn.LayerNorm(h)) for _ in range(blocks))
        self.head = nn.Linear(h, out)

    def forward(self, b):
        s, d = b.sender, b.receiver
        x = self.encoder(b.nodes)
        for block in self.block:
            h = block.norm(x)
            query, key = (net(h).unflatten(1, (self.heads, self.c)) for net in (block.query, block.key))
            score = block.bias(b.edges) + (query[d] * key[s]).sum(2) / math.sqrt(self.c)
            x = x + block.out(attend(score, block.value(h)[s], d, b.n_nodes))
            x = x + block.mlp(x)
        return [Outputs(nodes=self.head(x))]


class GravNet(nn.Module):
    """arXiv:1902.07987: neighbours in a learned space, their features weighed by exp(-10 d^2)."""
    reduce = "last"

    def __init__(self, nodes=4, blocks=4, h=64, space=4, features=22, out=48, k=40):
        super().__init__()
        self.k, width = k, nodes
        self.block = nn.ModuleList()
        for _ in range(blocks):
            self.block.append(
                Holder(dense=Mlp(2 * width, [h] * 3, nn.Tanh, last_activation=nn.Tanh), space=nn.Linear(h, space),
                       features=nn.Linear(h, features), out=nn.Linear(2 * features + h, out)))
            width = out
        self.head = Mlp(blocks * out, [128, 2])

    def forward(self, b):
        x, tables = b.nodes, []
        for block in self.block:
            x = block.dense(torch.cat([x, segment_mean(x, b.node_graph, b.n_graphs)[b.node_graph]], 1))
            place, features = block.space(x), block.features(x)
            s, d = nearest_neighbours(place, b.node_ptr, self.k)
            message = torch.exp(-10 * ((place[s] - place[d]) ** 2).sum(1, keepdim=True)) * features[s]
            pooled = [segment_mean(message, d, b.n_nodes), segment_max(message, d, b.n_nodes)]
            x = torch.tanh(block.out(torch.cat(pooled + [x], 1)))
            tables.append(x)
        return [Outputs(nodes=self.head(torch.cat(tables, 1)))]


class GraphNetwork(nn.Module):
    """The full block of arXiv:1806.01261, edges first."""
    reduce = "last"

    def __init__(self, nodes=3, edges=2, globals_=1, h=32, out=3):
        super().__init__()
        self.edge_model = Mlp(edges + 2 * nodes + globals_, [h, h], last_activation=nn.ReLU)
        self.node_model = Mlp(2 * h + nodes + globals_, [h, h], last_activation=nn.ReLU)
        self.global_model = Mlp(2 * h + globals_, [h, out])

    def forward(self, b):
        s, d, n, x, u = b.sender, b.receiver, b.n_nodes, b.nodes, b.globals
        e = self.edge_model(torch.cat([b.edges, x[s], x[d], u[b.edge_graph]], 1))
        x = self.node_model(torch.cat([segment_sum(e, d, n), segment_sum(e, s, n), x, u[b.node_graph]], 1))
        sums = [segment_sum(e, b.edge_graph, b.n_graphs), segment_sum(x, b.node_graph, b.n_graphs)]
        return [Outputs(x, e, self.global_model(torch.cat(sums + [u], 1)))]


def nearest_neighbours(x, ptr, k):
    """Edges (sender, receiver) from the k nearest other nodes of the same graph to each node; equal distances: smaller index first."""
    senders, receivers = [], []
    for first, last in zip(ptr[:-1], ptr[1:]):
        part = x[first:last].detach()
        distance = torch.zeros(last - first, last - first, dtype=x.dtype)
        for column in part.unbind(1):
            distance += (column[:, None] - column[None, :]) ** 2
        distance.fill_diagonal_(float("inf"))
        near = distance.argsort(dim=1, stable=True)[:, :min(k, max(last - first - 1, 0))]
        senders.append(near.reshape(-1) + first)
        receivers.append(torch.arange(first, last).repeat_interleave(near.shape[1]))
    return torch.cat(senders), torch.cat(receivers)


class DynEdge(nn.Module):
    """GraphNeT's network for neutrino telescopes; the graph is searched anew after every layer."""
    reduce = "last"

    def __init__(self, nodes=7, convolutions=((128, 256), (336, 256), (336, 256), (336, 256)), post=(336, 256), readout=128, k=8):
        super().__init__()
        self.k, width = k, 2 * nodes + min(nodes, 4) + 1
        nets, total = [], width
        for widths in convolutions:
            nets.append(Holder(nn=Mlp(2 * width, list(widths), last_activation=nn.ReLU)))
            width = widths[-1]
            total += width
        self._conv_layers = nn.ModuleList(nets)
        self._post_processing = Mlp(total, list(post), last_activation=nn.ReLU)
        self._readout = Mlp(4 * post[-1], [readout], last_activation=nn.ReLU)

    def forward(self, b):
        s, d = nearest_neighbours(b.nodes[:, :3], b.node_ptr, self.k)
        event = torch.cat([segment_mean(b.nodes, b.node_graph, b.n_graphs), homophily(b, b.nodes[:, :4], s, d), log10_count(b)], 1)
        x = torch.cat([b.nodes, event[b.node_graph]], 1)
        tables = [x]
        for i, layer in enumerate(self._conv_layers):
            if i > 0:
                s, d = nearest_neighbours(x[:, :3], b.node_ptr, self.k)
            x = segment_sum(layer.nn(torch.cat([x[d], x[s] - x[d]], 1)), d, b.n_nodes)
            tables.append(x)
        y = self._post_processing(torch.cat(tables, 1))
        pooled = [reduce(y, b.node_graph, b.n_graphs) for reduce in (segment_min, segment_max, segment_mean, segment_sum)]
        return [Outputs(globals=self._readout(torch.cat(pooled, 1)))]


class DynEdgeJinst(nn.Module):
    """DynEdge as published in JINST (arXiv:2209.03042)."""
    reduce = "last"

    def __init__(self, nodes=7, k=8):
        super().__init__()
        self.k, width, total = k, nodes, nodes
        for i, first in enumerate((128, 336, 336, 336)):
            net = Mlp(2 * width, [first, 256], nn.LeakyReLU, last_activation=nn.LeakyReLU)
            self.add_module(f"conv_add{i + 1}", Holder(nn=net))
            width = 256
            total += width
        self.nn1, self.nn2, self.nn3 = nn.Linear(total, 336), nn.Linear(336, 256), nn.Linear(4 * 256 + 5, 128)

    def forward(self, b):
        x, leaky = b.nodes, nn.functional.leaky_relu
        s, d = nearest_neighbours(x[:, :3], b.node_ptr, self.k)
        count = torch.tensor([[float(last - first)] for first, last in zip(b.node_ptr[:-1], b.node_ptr[1:])], dtype=x.dtype)
        event = torch.cat([homophily(b, x[:, [3, 0, 1, 2]], s, d), count], 1)
        tables = [x]
        for layer in (self.conv_add1, self.conv_add2, self.conv_add3, self.conv_add4):
            x = segment_sum(layer.nn(torch.cat([x[d], x[s] - x[d]], 1)), d, b.n_nodes)
            tables.append(x)
            s, d = nearest_neighbours(x[:, :3], b.node_ptr, self.k)
        y = self.nn2(leaky(self.nn1(torch.cat(tables, 1))))
        pooled = [reduce(y, b.node_graph, b.n_graphs) for reduce in (segment_max, segment_min, segment_sum, segment_mean)]
        return [Outputs(globals=leaky(self.nn3(leaky(torch.cat(pooled + [event], 1)))))]


def homophily(b, x, s, d):
    """Share of the edges of each graph whose ends have the same value, per column."""
    return segment_mean((x[s] == x[d]).to(x.dtype), b.node_graph[d], b.n_graphs)


def log10_count(b):
    sizes = torch.tensor(b.node_ptr[1:]) - torch.tensor(b.node_ptr[:-1])
    return torch.where(sizes > 0, sizes.clamp(min=1).double().log10(), 0.0).to(b.nodes.dtype)[:, None]
