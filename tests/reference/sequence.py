"""Models that read the session: recurrent, attention, and pooling at a fixed length."""

import numpy as np

from contract import VOCABULARY
from graph import metadata

ITEMS, CATEGORIES, BRANDS, KINDS = (VOCABULARY[k] for k in ("item", "category", "brand", "kind"))

#: Added to the attention score of a padded position. Finite, so that a session of nothing but padding stays finite.
MASKED = -1e9


def _lstm(g, x, weights, hidden, initial=()):
    """LSTM over [L, batch, width]; gives the last hidden and cell state, each [1, batch, hidden]."""
    initial = ["", *initial] if initial else []
    outputs = ["", f"hidden_{len(g.nodes)}", f"cell_{len(g.nodes)}"]
    return g.op("LSTM", x, *weights, *initial, outputs=outputs, hidden_size=hidden)[1:]


def _recurrent_weights(g, gates, width, hidden):
    scale = 1 / np.sqrt(hidden)
    return (
        g.weight(1, gates * hidden, width, scale=scale),
        g.weight(1, gates * hidden, hidden, scale=scale),
        g.weight(1, 2 * gates * hidden, scale=scale),
    )


def _time_major(g, x):
    return g.op("Transpose", x, perm=[1, 0, 2])


def seed_lstm(g):
    """Embedding, LSTM(128), and Dense(1, sigmoid) over the state beside each ad's embedding."""
    table = g.table(ITEMS, 16, name="item_embedding")
    events = g.op("Gather", table, g.input("session.item"))
    state, _ = _lstm(g, _time_major(g, events), _recurrent_weights(g, 4, 16, 128), 128)
    state = g.op("Squeeze", state, g.axes(0))
    ads = g.input("ad.item")
    rows = g.op("Concat", g.op("Shape", ads, start=0, end=1), g.constant([128], np.int64), axis=0)
    joined = g.op("Concat", g.op("Expand", state, rows), g.op("Gather", table, ads), axis=1)
    logit = g.dense(joined, 144, 1)
    g.op("Sigmoid", g.op("Squeeze", logit, g.axes(1)), outputs="score")
    return g.model(metadata=metadata("LSTM(128) over the session, Dense(1, sigmoid) over state and ad. Random weights."))


def seed_lstm_step(g):
    """Embedding, LSTM(128) and Dense(1, sigmoid) over the session with the ad as its next item."""
    table = g.table(ITEMS, 16, name="item_embedding")
    weights = _recurrent_weights(g, 4, 16, 128)
    events = g.op("Gather", table, g.input("session.item"))
    hidden, cell = _lstm(g, _time_major(g, events), weights, 128)
    ads = g.input("ad.item")
    rows = g.op("Concat", g.constant([1], np.int64), g.op("Shape", ads), g.constant([128], np.int64), axis=0)
    step = g.op("Unsqueeze", g.op("Gather", table, ads), g.axes(0))
    hidden, _ = _lstm(g, step, weights, 128, [g.op("Expand", hidden, rows), g.op("Expand", cell, rows)])
    logit = g.dense(g.op("Squeeze", hidden, g.axes(0)), 128, 1)
    g.op("Sigmoid", g.op("Squeeze", logit, g.axes(1)), outputs="score")
    return g.model(metadata=metadata("LSTM(128) over the session with the ad as its next item. Random weights."))


def lstm_last_dot(g):
    """The LSTM's last output, projected, in a dot product with each ad's embedding."""
    table = g.table(ITEMS, 16, name="item_embedding")
    events = g.op("Gather", table, g.input("session.item"))
    weights = _recurrent_weights(g, 4, 16, 32)
    every = g.op("LSTM", _time_major(g, events), *weights, outputs="every_state", hidden_size=32)
    # [L, 1, 1, 32]: the last position, as exporters write `output[-1]`.
    last = g.op("Gather", every, g.constant(-1, np.int64), axis=0)
    query = g.dense(g.op("Reshape", last, g.constant([1, 32], np.int64)), 32, 16)
    ads = g.op("Gather", table, g.op("Squeeze", g.input("ad.item", ("N", 1)), g.axes(1)))
    dot = g.op("MatMul", ads, g.op("Transpose", query, perm=[1, 0]))
    g.op("Sigmoid", g.op("Squeeze", dot, g.axes(1)), outputs="score")
    return g.model(metadata=metadata("LSTM(32), last output dot ad embedding. Random weights."))


def gru(g):
    """GRU over item, kind, price and age of each event; dot product with each ad's embedding."""
    table = g.table(ITEMS, 16, name="item_embedding")
    numbers = [g.op("Unsqueeze", g.input(n), g.axes(2)) for n in ("session.price", "session.age_s")]
    events = g.op(
        "Concat",
        g.op("Gather", table, g.input("session.item")),
        g.op("Gather", g.table(KINDS, 4), g.input("session.kind")),
        *[g.op("Mul", n, g.constant([0.125])) for n in numbers],
        axis=2,
    )
    hidden = g.op(
        "GRU",
        _time_major(g, events),
        *_recurrent_weights(g, 3, 22, 32),
        outputs=["", "last_state"],
        hidden_size=32,
        # As PyTorch and current Keras compute it; the other order gives other numbers.
        linear_before_reset=1,
    )[1]
    query = g.dense(g.op("Squeeze", hidden, g.axes(0)), 32, 16, "Tanh")
    ads = g.op("Gather", table, g.input("ad.item"))
    dot = g.op("MatMul", ads, g.op("Transpose", query, perm=[1, 0]))
    g.op("Sigmoid", g.op("Squeeze", dot, g.axes(1)), outputs="score")
    return g.model(metadata=metadata("GRU(32) over items, kinds, prices and ages. Random weights."))


def _padding(g, items):
    """True at padded and unknown positions, [1, L]."""
    return g.op("Equal", items, g.constant(0, np.int64))


def _layer_norm(g, x, width):
    scale = g.constant(1 + (g.rng.random(width) - 0.5) * 0.2)
    return g.op("LayerNormalization", x, scale, g.weight(width, scale=0.1), axis=-1, epsilon=1e-5)


def _heads(g, x, perm):
    """[1, L, 16] to [1, 2, L, 8], or to [1, 2, 8, L]."""
    split = g.op("Reshape", g.linear(x, 16, 16), g.constant([0, 0, 2, 8], np.int64))
    return g.op("Transpose", split, perm=perm)


def _gelu(g, x):
    """The exact form, in the five nodes exporters write below opset 20."""
    erf = g.op("Erf", g.op("Div", x, g.constant(1.41421356)))
    return g.op("Mul", g.op("Mul", x, g.op("Add", erf, g.constant(1.0))), g.constant(0.5))


def self_attention(g):
    """One transformer block with positions and a padding mask; its last position dot each ad's embedding."""
    table = g.table(ITEMS, 16, name="item_embedding")
    items = g.input("session.item")
    length = g.op("Shape", items, start=1, end=2)
    # The newest event always has the table's last position, however long the session is.
    start = g.op("Sub", g.constant([50], np.int64), length)
    positions = g.op("Slice", g.weight(50, 16, scale=0.3), start, g.constant([50], np.int64), g.axes(0))
    x = g.op("Add", g.op("Gather", table, items), positions)

    query, key, value = (_heads(g, x, p) for p in ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]))
    score = g.op("Mul", g.op("MatMul", query, key), g.constant(8**-0.5))
    mask = g.op("Where", _padding(g, items), g.constant(MASKED), g.constant(0.0))
    score = g.op("Add", score, g.op("Unsqueeze", mask, g.axes(1, 2)))
    mixed = g.op("MatMul", g.op("Softmax", score, axis=-1), value)
    mixed = g.op("Reshape", g.op("Transpose", mixed, perm=[0, 2, 1, 3]), g.constant([0, 0, 16], np.int64))
    x = _layer_norm(g, g.op("Add", x, g.linear(mixed, 16, 16)), 16)
    feed = g.linear(_gelu(g, g.linear(x, 16, 32)), 32, 16)
    x = _layer_norm(g, g.op("Add", x, feed), 16)

    last = g.op("Gather", x, g.constant(-1, np.int64), axis=1)
    ads = g.op("Gather", table, g.input("ad.item"))
    dot = g.op("MatMul", ads, g.op("Transpose", last, perm=[1, 0]))
    g.op("Sigmoid", g.op("Squeeze", dot, g.axes(1)), outputs="score")
    return g.model(metadata=metadata("Self-attention block over the session, dot ad embedding. Random weights."))


def din(g):
    """DIN: for every ad and every event a small network over [h, a, h - a, h * a] weighs the event."""
    tables = {"item": g.table(ITEMS, 8), "category": g.table(CATEGORIES, 4), "brand": g.table(BRANDS, 4)}
    session = {k: g.input(f"session.{k}") for k in tables}
    h = g.op("Concat", *[g.op("Gather", tables[k], session[k]) for k in tables], axis=2)
    a = g.op("Concat", *[g.op("Gather", tables[k], g.input(f"ad.{k}")) for k in tables], axis=1)

    each = g.op("Unsqueeze", a, g.axes(1))
    # Adding a zero of the other's shape spreads both over [N, L, 16].
    shape = g.op("Shape", g.op("Add", h, each))
    wide_h, wide_a = g.op("Expand", h, shape), g.op("Expand", each, shape)
    pairs = g.op("Concat", wide_h, wide_a, g.op("Sub", wide_h, wide_a), g.op("Mul", wide_h, wide_a), axis=2)
    weight = g.linear(g.op("Sigmoid", g.linear(pairs, 64, 16)), 16, 1)
    seen = g.op("Where", _padding(g, session["item"]), g.constant(0.0), g.constant(1.0))
    weight = g.op("Mul", weight, g.op("Unsqueeze", seen, g.axes(2)))
    pooled = g.op("ReduceSum", g.op("Mul", weight, h), g.axes(1), keepdims=0)

    top = g.op("Concat", pooled, a, g.op("Mul", pooled, a), axis=1)
    slope = g.constant(np.full(24, 0.25))
    hidden = g.op("PRelu", g.dense(top, 48, 24), slope)
    logit = g.dense(hidden, 24, 1)
    g.op("Sigmoid", g.op("Squeeze", logit, g.axes(1)), outputs="score")
    return g.model(metadata=metadata("DIN-style attention of each ad over the session. Random weights."))


def fixed_session(g):
    """Attention pooling with one learned weight per position, at a fixed length of 20."""
    table = g.table(ITEMS, 16, name="item_embedding")
    items = g.input("session.item", (1, 20))
    prices = g.op("Unsqueeze", g.input("session.price", (1, 20)), g.axes(2))
    x = g.op("Add", g.op("Gather", table, items), g.weight(20, 16, scale=0.3))
    x = g.op("Tanh", g.linear(g.op("Concat", x, g.op("Mul", prices, g.constant([0.125])), axis=2), 17, 16))
    score = g.op("Squeeze", g.linear(x, 16, 1), g.axes(2))
    score = g.op("Where", _padding(g, items), g.constant(MASKED), score)
    weight = g.op("Unsqueeze", g.op("Softmax", score, axis=1), g.axes(1))
    query = g.op("Squeeze", g.op("MatMul", weight, x), g.axes(1))
    ads = g.op("Gather", table, g.input("ad.item"))
    dot = g.op("MatMul", ads, g.op("Transpose", query, perm=[1, 0]))
    g.op("Sigmoid", g.op("Squeeze", dot, g.axes(1)), outputs="score")
    return g.model(metadata=metadata("Attention pooling over exactly 20 positions. Random weights."))
