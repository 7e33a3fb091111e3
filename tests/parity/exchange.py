# tests/parity/exchange.py — tensors and graphs in files: the safetensors format (MODELS 3.9), read and written here.
# SPDX-License-Identifier: Apache-2.0
import ctypes
import json
import struct

import torch

from models import Batch

DTYPES = {"F64": torch.float64, "F32": torch.float32, "BF16": torch.bfloat16, "I64": torch.int64, "I32": torch.int32, "U8": torch.uint8}
NAMES = {dtype: name for name, dtype in DTYPES.items()}


def write(path, tensors):
    """tensors: name -> Tensor. Wide elements first, so that every tensor is aligned."""
    header, blocks, offset = {}, [], 0
    for name in sorted(tensors, key=lambda name: (-tensors[name].element_size(), name)):
        tensor = tensors[name].detach().contiguous()
        data = ctypes.string_at(tensor.data_ptr(), tensor.nbytes)
        header[name] = {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
        blocks.append(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.writelines(blocks)


def read(path):
    with open(path, "rb") as file:
        data = bytearray(file.read())
    size = struct.unpack("<Q", data[:8])[0]
    header, tensors = json.loads(data[8:8 + size]), {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        first, last = entry["data_offsets"]
        dtype = DTYPES[entry["dtype"]]
        raw = torch.frombuffer(data, dtype=torch.uint8, offset=8 + size + first, count=last - first).clone() if last > first else None
        tensors[name] = raw.view(dtype).reshape(entry["shape"]) if raw is not None else torch.empty(entry["shape"], dtype=dtype)
    return tensors


def write_batch(path, batch, **more):
    """The graph, its attributes and more tensors, as tests/parity/run_model.c reads them."""
    tensors = {"sender": batch.sender.int(), "receiver": batch.receiver.int(), "node_ptr": torch.tensor(batch.node_ptr)}
    tensors |= {name: getattr(batch, name) for name in ("nodes", "edges", "globals") if getattr(batch, name) is not None}
    write(path, tensors | more)


def read_batch(path):
    """One graph, as bench/engine.c writes it."""
    t = read(path)
    n_edges = len(t["sender"])
    return Batch(t["sender"].long(), t["receiver"].long(), t["node_ptr"].tolist(), [0, n_edges], t.get("nodes"), t.get("edges"))
