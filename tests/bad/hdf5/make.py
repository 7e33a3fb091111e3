#!/usr/bin/env python3
"""Makes the hostile HDF5 files beside this script (h5py): each breaks one rule of the HDF5 door in its dataset /x.

SPDX-License-Identifier: Apache-2.0
The files are kept in the repository, so the tests need no Python. Every file is a hitgraph-events file otherwise.
"""
import os
import h5py
import numpy as np
from h5py import h5d, h5p, h5s, h5t

here = os.path.dirname(os.path.abspath(__file__))
os.chdir(here)


def start(name, newest="v108"):
    f = h5py.File(name + ".h5", "w", libver=("earliest", newest))
    f.attrs["format"] = np.bytes_("hitgraph-events")
    f.attrs["format_version"] = np.array([1, 0], dtype="i4")
    return f


def dataset(name, *args, **options):
    with start(name) as f:
        f.create_dataset("x", *args, **options)


values = np.arange(8, dtype="f8")
dataset("big-endian", data=values.astype(">f8"))  # legal
dataset("float16", data=values.astype("f2"))
dataset("float80", data=values.astype("longdouble"))
dataset("integer", data=values.astype("i8"))
dataset("enum", data=np.arange(8), dtype=h5py.enum_dtype({"a": 0, "b": 1}, basetype="i8"))
dataset("compound", data=np.zeros(8, dtype=[("a", "f8"), ("b", "i4")]))
dataset("variable-length", shape=(8,), dtype=h5py.vlen_dtype(np.dtype("f8")))
dataset("string", shape=(8,), dtype=h5py.string_dtype())
dataset("opaque", data=np.zeros(8, dtype="V8"))
dataset("reference", shape=(8,), dtype=h5py.ref_dtype)
dataset("scalar", data=1.0)
dataset("rank3", data=np.zeros((2, 2, 2)))
dataset("lzf", data=np.zeros(1000), compression="lzf", chunks=(1000,))
dataset("scale-offset", data=np.zeros(1000), scaleoffset=2, chunks=(1000,))
dataset("declares-1-tib", shape=(1 << 37,), dtype="f8", chunks=(65536,))
dataset("chunk-1-gib", shape=(1 << 27,), dtype="f8", chunks=(1 << 27,))
dataset("huge-dims", shape=(1 << 62,), dtype="u1", chunks=(1024,))
dataset("nan", data=np.array([0, np.nan]))
dataset("external-storage", shape=(8,), dtype="f8", external=[("/etc/hostname", 0, 64)])
with start("virtual", "v110") as f:
    layout = h5py.VirtualLayout(shape=(8,), dtype="f8")
    layout[:] = h5py.VirtualSource("integer.h5", "x", shape=(8,))
    f.create_virtual_dataset("x", layout)
with start("soft-link") as f:
    f["y"] = values
    f["x"] = h5py.SoftLink("/y")
with start("soft-loop") as f:
    f["x"] = h5py.SoftLink("/x")
with start("external-link") as f:
    f["x"] = h5py.ExternalLink("big-endian.h5", "/x")
with start("group") as f:
    f.create_group("x")
with start("named-type") as f:
    f["x"] = np.dtype("f8")
with start("cycle") as f:
    f.create_group("x")
    f["x/x"] = f["x"]
with start("filter-twice") as f:
    plist = h5p.create(h5p.DATASET_CREATE)
    plist.set_chunk((8,))
    plist.set_deflate(1)
    plist.set_deflate(1)
    h5d.create(f.id, b"x", h5t.IEEE_F64LE, h5s.create_simple((8,)), dcpl=plist)
with h5py.File("user-block.h5", "w", userblock_size=512, libver=("earliest", "v108")) as f:
    f.attrs["format"] = np.bytes_("hitgraph-events")
with h5py.File("variable-format.h5", "w") as f:
    f.attrs["format"] = "hitgraph-events"
with h5py.File("array-format.h5", "w") as f:
    f.attrs["format"] = np.array([b"hitgraph-events", b"hitgraph-events"])
with h5py.File("higher-major.h5", "w") as f:
    f.attrs["format"] = np.bytes_("hitgraph-events")
    f.attrs["format_version"] = np.array([2, 0], dtype="i4")
with h5py.File("no-version.h5", "w") as f:
    f.attrs["format"] = np.bytes_("hitgraph-events")
with start("wrong-hash") as f:
    f["x"] = values
    f["x"].attrs["hash"] = np.uint64(12345)
with start("text-hash") as f:
    f["x"] = values
    f["x"].attrs["hash"] = np.bytes_("12345")
