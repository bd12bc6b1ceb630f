"""Models over rows of features: towers, dense layers, quantised tables, and a content model."""

import numpy as np

from contract import D, VOCABULARY
from graph import metadata

ITEMS, CATEGORIES = VOCABULARY["item"], VOCABULARY["category"]


def _unit(g, x):
    """Rows scaled to length 1; a row of zeros stays zeros."""
    length = g.op("ReduceL2", x, axes=[1], keepdims=1)
    return g.op("Div", x, g.op("Max", length, g.constant(1e-12)))


def two_towers(g):
    """A shopper tower and an ad tower, each of length 1, and their dot product."""
    shopper = g.op(
        "Concat",
        g.input("profile.interest", (1, D)),
        g.input("context.interest", (1, D)),
        *[g.input(f"context.{n}") for n in ("page", "time", "device")],
        axis=1,
    )
    shopper = _unit(g, g.dense(g.dense(shopper, 30, 32, "Relu"), 32, 16))
    ad = g.op("Concat", g.input("ad.embedding", ("N", D)), g.input("ad.price", ("N", 1)), axis=1)
    ad = _unit(g, g.dense(g.dense(ad, 9, 32, "Relu"), 32, 16))
    dot = g.op("MatMul", ad, g.op("Transpose", shopper, perm=[1, 0]))
    logit = g.op("Mul", g.op("Squeeze", dot, g.axes(1)), g.constant(4.0))
    g.op("Sigmoid", logit, outputs="score")
    return g.model(metadata=metadata("Two towers and a dot product. Random weights."))


def mlp_expand_concat(g):
    """A shopper row expanded to the number of ads, beside the ad rows, through two dense layers."""
    shopper = g.op(
        "Concat",
        g.input("profile.interest", (1, D)),
        g.input("profile.basic"),
        g.input("profile.stage"),
        g.input("context.time"),
        axis=1,
    )
    ads = g.input("ad.embedding", ("N", D))
    # As exporters write `x.expand(ads.shape[0], -1)`.
    count = g.op("Unsqueeze", g.op("Gather", g.op("Shape", ads), g.constant(0, np.int64), axis=0), g.axes(0))
    rows = g.op("Expand", shopper, g.op("Concat", count, g.constant([34], np.int64), axis=0))
    joined = g.op("Concat", rows, ads, g.input("ad.price", ("N", 1)), g.input("ad.discount", ("N", 1)), axis=1)
    logit = g.dense(g.dense(joined, 44, 64, "Relu"), 64, 1)
    g.op("Sigmoid", g.op("Squeeze", logit, g.axes(1)), outputs="score")
    return g.model(metadata=metadata("Dense layers over shopper row and ad row. Random weights."))


def mlp_expand_concat_fixed(g):
    """A shopper vector expanded to a fixed 200 rows, beside the ad rows, through two dense layers."""
    shopper, ads = g.input("profile.interest", (1, D)), g.input("ad.embedding", (200, D))
    rows = g.op("Expand", shopper, g.constant([200, D], np.int64))
    logit = g.dense(g.dense(g.op("Concat", rows, ads, axis=1), 16, 64, "Relu"), 64, 1)
    g.op("Sigmoid", g.op("Squeeze", logit, g.axes(1)), outputs="score")
    return g.model((200,), metadata("Dense layers over shopper vector and ad row, for exactly 200 ads. Random weights."))


def _quantised(g, rows, width):
    """An int8 table and a scale for each row."""
    table = g.constant(g.rng.integers(-127, 128, (rows, width)), np.int8)
    return table, g.constant(g.rng.random(rows) * 0.01 + 0.002)


def _mean_dot(g, events, ads, width):
    query = g.dense(g.op("ReduceMean", events, axes=[1], keepdims=0), width, width, "Tanh")
    dot = g.op("MatMul", ads, g.op("Transpose", query, perm=[1, 0]))
    g.op("Sigmoid", g.op("Squeeze", dot, g.axes(1)), outputs="score")


def int8_embeddings(g):
    """int8 tables with a scale per row: dequantised whole (axis 0), then gathered."""
    joined = []
    for kind, rows in (("item", ITEMS), ("category", CATEGORIES)):
        table, scale = _quantised(g, rows, 16)
        # One table with its zero points written out, one without: exporters do either.
        zero = [g.constant(np.zeros(rows), np.int8)] if kind == "item" else []
        full = g.op("DequantizeLinear", table, scale, *zero, axis=0)
        joined.append([g.op("Gather", full, g.input(f"{side}.{kind}")) for side in ("session", "ad")])
    _mean_dot(g, *[g.op("Add", a, b) for a, b in zip(*joined, strict=True)], 16)
    return g.model(metadata=metadata("int8 tables with a scale per row, mean of the session dot ad. Random weights."))


def int8_gather_first(g):
    """int8 tables gathered first: rows times their gathered scales, and a table of one scale for all."""
    table, scale = _quantised(g, ITEMS, 16)
    category = g.constant(g.rng.integers(-100, 128, (CATEGORIES, 16)), np.int8)
    one, zero = g.constant(np.float32(0.006)), g.constant(-3, np.int8)
    sides = []
    for side in ("session", "ad"):
        item = g.input(f"{side}.item")
        rows = g.op("Cast", g.op("Gather", table, item), to=1)
        rows = g.op("Mul", rows, g.op("Unsqueeze", g.op("Gather", scale, item), g.axes(-1)))
        names = g.op("DequantizeLinear", g.op("Gather", category, g.input(f"{side}.category")), one, zero)
        sides.append(g.op("Add", rows, names))
    _mean_dot(g, *sides, 16)
    return g.model(metadata=metadata("int8 tables, gathered before they are dequantised. Random weights."))


def pair_logit(g):
    """A logistic regression over the pair features; its output is the logit, before calibration."""
    names = ("cosine", "context", "category", "brand", "views", "price_gap")
    columns = g.op("Concat", *[g.op("Unsqueeze", g.input(f"pair.{n}"), g.axes(1)) for n in names], axis=1)
    weights = g.constant(np.array([[3.1], [2.0], [0.9], [0.5], [-0.2], [-0.3]]))
    logit = g.op("Add", g.op("MatMul", columns, weights), g.constant([-2.0]))
    g.op("Squeeze", logit, g.axes(1), outputs="score")
    return g.model(
        metadata=metadata(
            "Logistic regression over pair features, as a logit. Weights set by hand.",
            output="logit",
            calibration={"scale": 0.8, "offset": -0.5},
        )
    )


def scores_n1(g):
    """Every per-ad input and the score as one column, [N, 1]."""
    names = ("ad.price", "ad.discount", "pair.cosine", "pair.views")
    numbers = g.op("Concat", *[g.input(n, ("N", 1)) for n in names], axis=1)
    table = g.op("Gather", g.table(CATEGORIES, 4), g.input("ad.category", ("N", 1)))
    rows = g.op("Concat", numbers, g.op("Flatten", table, axis=1), axis=1)
    g.op("Sigmoid", g.dense(g.dense(rows, 8, 16, "Relu"), 16, 1), outputs="score")
    return g.model(("N", 1), metadata("Dense layers over columns, score [N, 1]. Random weights."))


#: How much each page type turns a slate towards what the shopper likes, and towards what the page is about:
#: home, category, product, search, cart, checkout, other. On a product or search page the shopper has just said what
#: the matter is; on the home page only the past speaks.
TOWARDS_PROFILE = [1.2, 0.8, 0.6, 0.5, 1.0, 1.0, 1.0]
TOWARDS_CONTEXT = [0.4, 1.2, 1.4, 1.6, 1.0, 0.8, 1.0]


def content(g):
    """Content-based: likeness to the profile and to the page, and a few plain preferences."""
    page = g.input("context.page")

    def share(weights):
        return g.op("MatMul", page, g.constant(np.array(weights)[:, None]))

    # Both vectors have length 1, so a dot product with an ad's vector is the cosine. Their weighted sum makes one
    # pass over the ads of two.
    wanted = g.op(
        "Add",
        g.op("Mul", g.input("profile.interest"), share([3.0 * w for w in TOWARDS_PROFILE])),
        g.op("Mul", g.input("context.interest"), share([2.2 * w for w in TOWARDS_CONTEXT])),
    )
    alike = g.op("MatMul", g.input("ad.embedding"), g.op("Transpose", wanted, perm=[1, 0]))
    # Two looks cost nothing (ln 3); after that every look costs less than the one before.
    tired = g.op("Relu", g.op("Sub", g.input("pair.views"), g.constant(1.0986123)))
    terms = [
        (g.input("pair.category"), 0.8),
        (g.input("pair.brand"), 0.6),
        (g.op("Abs", g.input("pair.price_gap")), -0.35),
        (tired, -0.5),
    ]
    logit = g.op("Add", g.op("Squeeze", alike, g.axes(1)), g.constant(-2.0))
    for value, weight in terms:
        logit = g.op("Add", logit, g.op("Mul", value, g.constant(weight)))
    g.op("Sigmoid", logit, outputs="score")
    return g.model(
        metadata=metadata(
            "Content-based: compares product texts with the shopper's interests and the page. Its weights were set by "
            "hand; no behaviour data is behind it, so the score orders ads and is no measured probability."
        )
    )
