# bench/engine_torch.py — the same networks in PyTorch, driven by bench/engine.c: one command per line in, one JSON object per line out.
# SPDX-License-Identifier: Apache-2.0
"""Usage: python engine_torch.py DIR MODEL THREADS. DIR has batch.safetensors (graph, attributes, target), weights.safetensors and
results.safetensors (the other side's logits; gradients under weight.TENSOR). A mode is a list of words joined by '-': infer or train;
eager or compile; fp32 or bf16 (autocast); optionally ckpt (train: keep the inputs of each step only).

    prepare MODE   warms up; answers the difference from the other side's results and the peak memory of one more run
    time MODE      answers the seconds of one run
"""
import ctypes
import json
import os
import sys
import time
from functools import partial

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "parity"))
import torch

import exchange
import models

MODELS = {
    "interaction_network": models.InteractionNetwork,
    "acorn_ignn": models.InteractionGNN,
    "acorn_ignn_wide": partial(models.InteractionGNN, h=128),
    "doublet": models.ResidualNetwork,
    "triplet": partial(models.ResidualNetwork, 27, 12, 24, 16),
}
WARM_UP = 2


class Server:
    """What bench/engine.c compares: networks that give one logit per edge."""
    networks, answer = MODELS, "logits"

    def __init__(self, folder, name, threads):
        torch.set_num_threads(threads)
        self.name, self.modes = name, {}
        self.batch = exchange.read_batch(f"{folder}/batch.safetensors")
        self.target = exchange.read(f"{folder}/batch.safetensors")["target"]
        self.state = exchange.read(f"{folder}/weights.safetensors")
        self.results = exchange.read(f"{folder}/results.safetensors")

    def outputs(self, model):
        return model(self.batch)[-1].edges

    def loss(self, logits):
        return torch.nn.functional.binary_cross_entropy_with_logits(logits.reshape(-1).float(), self.target)

    def build(self, mode):
        """A function that runs once: inference gives the logits, training the model with its gradients."""
        words = mode.split("-")
        model = self.networks[self.name]()
        model.load_state_dict(self.state)
        model.checkpointing = "ckpt" in words
        if "infer" in words:
            model.requires_grad_(False)

        def forward():
            with torch.autocast("cpu", torch.bfloat16, enabled="bf16" in words):
                return self.outputs(model)

        def loss():
            return self.loss(forward())

        call = forward if "infer" in words else loss
        if "compile" in words:
            call = torch.compile(call, dynamic=False)

        def infer():
            with torch.inference_mode():
                return call().reshape(self.results[self.answer].shape)

        def train():
            model.zero_grad(set_to_none=True)
            call().backward()
            return model

        return infer if "infer" in words else train

    def prepare(self, mode):
        start = time.perf_counter()
        run = self.modes[mode] = self.build(mode)
        for _ in range(WARM_UP):
            answer = run()
        warm = time.perf_counter() - start
        difference = self.difference(answer)
        del answer
        reset_peak()
        run()
        return {"difference": difference, "peak_rss": peak_rss(), "warm_up_s": warm}

    def difference(self, answer):
        """Largest difference from the other side, relative to the larger of 1 (gradients: 0.001) and the largest element."""
        if isinstance(answer, torch.nn.Module):
            pairs = [(p.grad, self.results[f"weight.{name}"]) for name, p in answer.named_parameters()]
            floor = 1e-3
        else:
            pairs, floor = [(answer.float(), self.results[self.answer])], 1
        return max(float((a - b).abs().max() / b.abs().max().clamp(min=floor)) for a, b in pairs)

    def time(self, mode):
        start = time.perf_counter()
        self.modes[mode]()
        return {"seconds": time.perf_counter() - start}


def reset_peak():
    """Gives unused memory back, then starts the kernel's peak of the resident set anew."""
    program = ctypes.CDLL(None)
    for name, arguments in (("MallocExtension_ReleaseFreeMemory", ()), ("malloc_trim", (0,))):
        if hasattr(program, name):
            getattr(program, name)(*arguments)
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


def peak_rss():
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))


def main(folder, name, threads, kind=Server):
    answers = os.fdopen(os.dup(1), "w")  # what libraries print must not get between the answers
    os.dup2(2, 1)
    server = kind(folder, name, int(threads))
    print(json.dumps({"version": torch.__version__, "capability": torch.backends.cpu.get_cpu_capability()}), file=answers, flush=True)
    for line in sys.stdin:
        command, mode = line.split()
        try:
            answer = getattr(server, command)(mode)
        except Exception as error:  # the other side reports it and goes on without this mode
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:4])
