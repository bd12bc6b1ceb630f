"""The inputs a model may have, and plausible values for them.

The names, element types and shapes repeat `src/core/feature.rs` on purpose: a
slip in either one shows when the Rust tests load what is made here. Values
are drawn from uniform numbers with plain arithmetic only, so that they do not
depend on the machine's vector instructions.
"""

from dataclasses import dataclass

import numpy as np

#: Width of the content vectors. Small, to keep the runs of 10,000 ads small.
D = 8
#: Rows of each embedding table, the 0 for padding and unknown ids included.
VOCABULARY = {"item": 200, "category": 24, "brand": 32, "kind": 32}

#: name: (element, shape); "N", "L" and "D" are filled in by the case.
INPUTS = {
    "session.item": ("int64", (1, "L")),
    "session.category": ("int64", (1, "L")),
    "session.brand": ("int64", (1, "L")),
    "session.kind": ("int64", (1, "L")),
    "session.price": ("float", (1, "L")),
    "session.age_s": ("float", (1, "L")),
    "profile.interest": ("float", (1, "D")),
    "profile.basic": ("float", (1, 16)),
    "profile.stage": ("float", (1, 6)),
    "context.page": ("float", (1, 7)),
    "context.time": ("float", (1, 4)),
    "context.device": ("float", (1, 3)),
    "context.interest": ("float", (1, "D")),
    "ad.item": ("int64", ("N",)),
    "ad.category": ("int64", ("N",)),
    "ad.brand": ("int64", ("N",)),
    "ad.price": ("float", ("N",)),
    "ad.discount": ("float", ("N",)),
    "ad.embedding": ("float", ("N", "D")),
    "pair.cosine": ("float", ("N",)),
    "pair.context": ("float", ("N",)),
    "pair.category": ("float", ("N",)),
    "pair.brand": ("float", ("N",)),
    "pair.views": ("float", ("N",)),
    "pair.price_gap": ("float", ("N",)),
}


@dataclass(frozen=True)
class Size:
    """How large one run is."""

    #: Ads to score.
    ads: int
    #: Events in the session; 0 is the empty session, which reaches the model as one 0.
    events: int = 5
    #: Width of the content vectors.
    width: int = D


def _units(rng, rows, width):
    """Rows of length 1. Square root and division are exact in IEEE 754; the sum is short."""
    x = rng.random((rows, width)) * 2 - 1
    return x / np.sqrt((x * x).sum(axis=1, keepdims=True))


def _one_hot(rng, width):
    row = np.zeros((1, width))
    row[0, int(rng.integers(width))] = 1
    return row


def _session(rng, name, size, length):
    """[1, L] with zeros on the left where the file fixes L, and the newest event last."""
    kind = name.split(".")[1]
    if kind in VOCABULARY:
        # One event in ten is of an item the vocabulary does not know.
        row = rng.integers(1, VOCABULARY[kind], size.events) * (rng.random(size.events) > 0.1)
        if kind == "kind":
            row = rng.integers(1, 12, size.events)
    elif kind == "price":
        row = rng.random(size.events) * 7
    else:
        row = np.sort(rng.random(size.events) * 8)[::-1]
    length = length or max(size.events, 1)
    row = row[-length:]
    return np.concatenate([np.zeros(length - len(row)), row])[None, :]


def sample(rng, name, dims, size):
    """Values for one input, in the shape that the model declares."""
    element, _ = INPUTS[name]
    source, kind = name.split(".")
    n = size.ads
    if source == "session":
        value = _session(rng, name, size, dims[1] if isinstance(dims[1], int) else None)
    elif kind == "interest":
        value = _units(rng, 1, size.width)
    elif name == "ad.embedding":
        value = _units(rng, n, size.width)
    elif name == "profile.basic":
        value = np.concatenate([_one_hot(rng, 6), _one_hot(rng, 3), _one_hot(rng, 7)], axis=1)
    elif kind in ("stage", "page", "device"):
        value = _one_hot(rng, dims[1])
    elif kind == "time":
        # Any two points of the unit circle do.
        value = np.concatenate([_units(rng, 1, 2), _units(rng, 1, 2)], axis=1)
    elif kind in VOCABULARY and element == "int64":
        value = rng.integers(0, VOCABULARY[kind], n)
    elif kind == "price":
        value = rng.random(n) * 7
    elif kind == "discount":
        value = rng.random(n) * 0.6 * (rng.random(n) < 0.4)
    elif kind == "views":
        # ln(1 + times) for none to three looks, written out: a logarithm may differ in its last bit.
        value = np.array([0.0, 0.6931472, 1.0986123, 1.3862944])[rng.integers(0, 4, n)]
    elif kind == "price_gap":
        value = rng.random(n) * 4 - 2
    else:
        value = rng.random(n) * 2 - 1
    shape = [size.width if d == "D" else n if d == "N" else d for d in dims]
    if source == "session":
        shape = list(value.shape)
    return value.reshape(shape).astype(np.int64 if element == "int64" else np.float32)
