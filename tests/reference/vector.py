"""Runs a model with onnxruntime and writes what went in and what came out."""

import json
import math
import re
import zlib

import numpy as np
import onnx
import onnxruntime

from contract import INPUTS, sample

#: The start of every stream of random numbers; each case adds the CRC-32 of its name.
SEED = 20261124
ORIGIN = {
    "tool": "onnxruntime (CPU), graphs by onnx.helper",
    "versions": {"onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__, "numpy": np.__version__},
    "seed": SEED,
    "date": "2026-11-24",
}
#: Largest absolute difference from `score` that an engine may show. A few hundred roundings of numbers below 10 in
#: `f32` come to less; a wrong gate order, mask or scale comes to far more.
TOLERANCE = 1e-5


def stream(name):
    """The random numbers of one case."""
    return np.random.default_rng([SEED, zlib.crc32(name.encode())])


def serialise(model):
    return model.SerializeToString(deterministic=True)


def _session(model):
    options = onnxruntime.SessionOptions()
    # One thread and the graph as written: the order of additions is then fixed.
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(serialise(model), options, providers=["CPUExecutionProvider"])


def draw(rng, model, size):
    """Values for all inputs of a model."""
    inputs = {}
    for i in model.graph.input:
        dims = [d.dim_param or d.dim_value for d in i.type.tensor_type.shape.dim]
        inputs[i.name] = sample(rng, i.name, dims, size)
    return inputs


def _number(x):
    """The shortest decimal that reads back as the same f32."""
    return float(str(np.float32(x)))


def _golden(inputs, score):
    return {
        "inputs": {
            n: {"shape": list(v.shape), "data": [int(x) if v.dtype == np.int64 else _number(x) for x in v.ravel()]}
            for n, v in inputs.items()
        },
        "score": [_number(x) for x in score.ravel()],
    }


def add_golden(model, rng, sizes):
    """Puts small cases with onnxruntime's answers into the model's metadata."""
    session = _session(model)
    drawn = [draw(rng, model, size) for size in sizes]
    cases = [_golden(inputs, session.run(["score"], inputs)[0]) for inputs in drawn]
    entry = model.metadata_props.add()
    entry.key, entry.value = "nearside.golden", json.dumps(cases, separators=(",", ":"))


class _Bin:
    """Raw little-endian values, each array at a multiple of 8 bytes."""

    def __init__(self):
        self.bytes = bytearray()

    def add(self, value):
        self.bytes.extend(b"\0" * (-len(self.bytes) % 8))
        offset = len(self.bytes)
        kind = "<i8" if value.dtype == np.int64 else "<f4"
        self.bytes.extend(np.ascontiguousarray(value, dtype=kind).tobytes())
        return {"shape": list(value.shape), "offset": offset}


def write(folder, name, about, model, runs):
    """Writes NAME.onnx, NAME.json and NAME.bin; `runs` is a list of (about, size)."""
    rng = stream(name + " runs")
    session = _session(model)
    values = _Bin()
    described = []
    for text, size in runs:
        inputs = draw(rng, model, size)
        score = session.run(["score"], inputs)[0]
        if not np.isfinite(score).all() or math.prod(score.shape) != size.ads:
            raise SystemExit(f"{name}, {text}: {score.shape} is no finite score for each of {size.ads} ads")
        if size.ads > 1 and score.max() - score.min() < 100 * TOLERANCE:
            raise SystemExit(f"{name}, {text}: the scores are so alike that a wrong order would pass")
        described.append(
            {
                "about": text,
                "inputs": {n: {"element": INPUTS[n][0], **values.add(v)} for n, v in inputs.items()},
                "score": values.add(score),
            }
        )
    (folder / f"{name}.onnx").write_bytes(serialise(model))
    (folder / f"{name}.bin").write_bytes(values.bytes)
    write_json(
        folder / f"{name}.json", {"origin": ORIGIN, "about": about, "tolerance": TOLERANCE, "runs": described}
    )


def write_json(path, value):
    text = json.dumps(value, indent=1)
    # Lists of plain values on one line.
    text = re.sub(r"\[\s+([^][{}]*?)\s+\]", lambda m: "[" + re.sub(r",\s+", ", ", m[1]) + "]", text)
    path.write_text(text + "\n", encoding="utf-8")
