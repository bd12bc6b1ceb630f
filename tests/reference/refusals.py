"""Files that the scorers have to refuse, each with one fault."""

import json

import numpy as np
from onnx import GraphProto, ModelProto, TensorProto, helper, load_from_string

from contract import D
from graph import IR_VERSION, OPSET, Graph, metadata
from vector import serialise, stream

#: name: (builder, entry of index.json without its name)
CASES = {}


def case(code, why, **more):
    """Registers the function below it: it gets a graph and returns a model, or bytes."""

    def register(build):
        CASES["bad_" + build.__name__] = (build, {"code": code, "why": why, **more})
        return build

    return register


def _score(g, value=None):
    """Ends a graph that has no other fault: the price, or `value`, through a sigmoid."""
    g.op("Sigmoid", value or g.input("ad.price"), outputs="score")


def _model(g, output=("N",), domains=(), **entries):
    return g.model(output, {**metadata("A file with a fault."), **entries}, checked=False, domains=domains)


# The file


@case("model-damaged", "The file is empty.")
def empty(g):
    return b""


@case("model-damaged", "1,000 random bytes.")
def random_bytes(g):
    return g.rng.integers(0, 256, 1000).astype(np.uint8).tobytes()


@case("model-damaged", "The file is JSON, not ONNX.")
def json_text(g):
    return json.dumps({"schema": 1, "version": "2026-11-24", "products": []}).encode()


@case("model-damaged", "A sound file cut off after 60 % of its bytes.")
def truncated(g):
    g.dense(g.input("ad.embedding", ("N", D)), D, 32)
    _score(g)
    whole = serialise(_model(g))
    return whole[: len(whole) * 6 // 10]


@case("model-damaged", "The file has metadata and an opset but no graph.")
def no_graph(g):
    _score(g)
    model = _model(g)
    model.ClearField("graph")
    return model


# Inputs and output


@case("unknown-input", "The contract has no `session.mood`.")
def input_unknown(g):
    mood = g.op("ReduceMean", g.input("session.mood", (1, "L"), "float"), keepdims=0)
    _score(g, g.op("Add", g.input("ad.price"), mood))
    return _model(g)


@case("input-type", "`ad.item` is an int64 id, and the file wants float.")
def input_type_id(g):
    _score(g, g.input("ad.item", element="float"))
    return _model(g)


@case("input-type", "`ad.price` is float, and the file wants double.")
def input_type_number(g):
    _score(g, g.op("Cast", g.input("ad.price", element="double"), to=TensorProto.FLOAT))
    return _model(g)


@case("input-shape", "`ad.embedding` has two dimensions, and the file wants three.")
def input_rank(g):
    _score(g, g.op("ReduceMean", g.input("ad.embedding", ("N", 2, D)), axes=[1, 2], keepdims=0))
    return _model(g)


@case("input-shape", "`profile.stage` is 6 wide, and the file wants 7.")
def input_width(g):
    stage = g.op("ReduceMean", g.input("profile.stage", (1, 7)), keepdims=0)
    _score(g, g.op("Add", g.input("ad.price"), stage))
    return _model(g)


@case("input-shape", "There is one session at a time, and the file wants a batch of 8.")
def input_batch(g):
    ids = g.op("Cast", g.input("session.item", (8, "L")), to=TensorProto.FLOAT)
    _score(g, g.op("Add", g.input("ad.price"), g.op("ReduceMean", ids, keepdims=0)))
    return _model(g)


@case("missing-output", "The one output is called `ranking`.")
def output_missing(g):
    g.op("Sigmoid", g.input("ad.price"), outputs="ranking")
    model = _model(g)
    model.graph.output[0].name = "ranking"
    return model


@case("output-shape", "`score` is [N, 2]: a class each for no and yes.")
def output_shape(g):
    _score(g, g.dense(g.input("ad.embedding", ("N", D)), D, 2))
    return _model(g, ("N", 2))


@case(
    "output-shape",
    "`score` is declared [N], and the graph gives one number whatever N is.",
    codes=["output-shape", "engine-failed"],
    when="run",
)
def output_length(g):
    _score(g, g.op("ReduceMean", g.input("ad.price"), axes=[0], keepdims=1))
    return _model(g)


@case("non-finite-score", "Every score is the logarithm of a negative number.", when="run")
def nan_score(g):
    price = g.input("ad.price")
    g.op("Log", g.op("Sub", g.constant(-1.0), g.op("Mul", price, price)), outputs="score")
    return _model(g)


# The graph


@case("unsupported-operator", "`Rank` of the domain com.example is nobody's operator.")
def operator_domain(g):
    g.op("Rank", g.input("ad.price"), outputs="score", domain="com.example")
    return _model(g, domains=("com.example",))


@case("unsupported-operator", "ONNX has no operator `Bargain`.")
def operator_name(g):
    g.op("Bargain", g.input("ad.price"), outputs="score")
    return _model(g)


@case("model-damaged", "Two nodes wait for each other.")
def cycle(g):
    price = g.input("ad.price")
    g.op("Add", price, "behind", outputs="ahead")
    g.op("Relu", "ahead", outputs="behind")
    _score(g, "behind")
    return _model(g)


@case("model-damaged", "A node reads a value that nothing writes.")
def undefined_value(g):
    _score(g, g.op("Add", g.input("ad.price"), "nowhere"))
    return _model(g)


@case("model-damaged", "A node reads a value that only a later node writes.")
def node_order(g):
    _score(g, g.op("Relu", g.input("ad.price")))
    g.nodes.reverse()
    return _model(g)


@case("model-damaged", "Two nodes write the same value.")
def value_written_twice(g):
    price = g.input("ad.price")
    g.op("Relu", price, outputs="twice")
    g.op("Neg", price, outputs="twice")
    _score(g, "twice")
    return _model(g)


@case("model-too-large", "Six conditions inside each other; four are allowed.", codes=["model-too-large", "model-damaged"])
def subgraph_depth(g):
    price = g.input("ad.price")
    inner = helper.make_node("Relu", [price], ["branch_0"])
    for depth in range(1, 7):
        output = helper.make_tensor_value_info(f"branch_{depth - 1}", TensorProto.FLOAT, ["N"])
        branch = helper.make_graph([inner], f"depth_{depth}", [], [output])
        inner = helper.make_node("If", ["yes"], [f"branch_{depth}"], then_branch=branch, else_branch=branch)
    g.constant(True, name="yes")
    g.nodes.append(inner)
    _score(g, "branch_6")
    return _model(g)


# Weights


def _with_weight(g, dims, change):
    """Adds to the price the mean of a weight that `change` has altered."""
    g.constant(np.zeros(4), name="weight")
    weight = g.initializers[-1]
    del weight.dims[:]
    weight.dims.extend(dims)
    change(weight)
    _score(g, g.op("Add", g.input("ad.price"), g.op("ReduceMean", "weight", keepdims=0)))
    return _model(g)


@case("model-damaged", "A weight of [1024, 1024] brings 16 bytes.")
def weight_short(g):
    return _with_weight(g, [1024, 1024], lambda w: None)


@case("model-damaged", "A weight claims 1 GiB and brings 16 bytes.", codes=["model-damaged", "model-too-large"])
def weight_of_1_gib(g):
    return _with_weight(g, [16384, 16384], lambda w: None)


@case("model-too-large", "A weight claims 2^40 elements.")
def weight_of_2_40(g):
    return _with_weight(g, [2**20, 2**20], lambda w: None)


@case("model-too-large", "The product of a weight's dimensions does not fit 64 bits.")
def weight_overflow(g):
    return _with_weight(g, [2**33, 2**33], lambda w: None)


@case("model-damaged", "A weight has a dimension of -4.")
def weight_negative(g):
    return _with_weight(g, [-4], lambda w: None)


@case("model-too-large", "A weight has nine dimensions; eight are allowed.")
def weight_rank(g):
    return _with_weight(g, [1] * 8 + [4], lambda w: None)


def _set_raw(weight, values):
    weight.raw_data = np.array(values, "<f4").tobytes()


@case("model-damaged", "One weight is not a number.")
def weight_nan(g):
    return _with_weight(g, [4], lambda w: _set_raw(w, [0.5, 0.25, np.nan, 1]))


@case("model-damaged", "A weight lies in another file.")
def external_data(g):
    def outside(weight):
        weight.ClearField("raw_data")
        weight.data_location = TensorProto.EXTERNAL
        for key, value in (("location", "weights.bin"), ("offset", "0"), ("length", "16")):
            entry = weight.external_data.add()
            entry.key, entry.value = key, value

    return _with_weight(g, [4], outside)


# What it asks for when it runs


@case(
    "model-too-large",
    "ConstantOfShape makes 1 GiB out of two constants.",
    codes=["model-too-large", "engine-failed"],
)
def constant_of_1_gib(g):
    huge = g.op("ConstantOfShape", g.constant([16384, 16384], np.int64))
    _score(g, g.op("Add", g.input("ad.price"), g.op("ReduceMean", huge, keepdims=0)))
    return _model(g)


@case(
    "model-too-large",
    "Expand makes 1 GiB for every ad; the shape is computed when the model runs.",
    codes=["model-too-large", "engine-failed"],
    when="run",
)
def expand_to_1_gib(g):
    price = g.input("ad.price")
    shape = g.op("Concat", g.op("Shape", price), g.constant([2**28], np.int64), axis=0)
    wide = g.op("Expand", g.op("Unsqueeze", price, g.axes(1)), shape)
    _score(g, g.op("ReduceMean", wide, axes=[1], keepdims=0))
    return _model(g)


# Metadata


def _with_golden(g, golden):
    _score(g)
    return _model(g, **{"nearside.golden": golden if isinstance(golden, str) else json.dumps(golden)})


@case("golden-mismatch", "The golden case expects 0.75 where the model gives 0.5.")
def golden_value(g):
    return _with_golden(g, [{"inputs": {"ad.price": {"shape": [2], "data": [0, 0]}}, "score": [0.5, 0.75]}])


@case("golden-mismatch", "The golden case gives three values for a shape of two.")
def golden_shape(g):
    return _with_golden(g, [{"inputs": {"ad.price": {"shape": [2], "data": [0, 0, 0]}}, "score": [0.5, 0.5]}])


@case("golden-mismatch", "The golden cases are not JSON.")
def golden_json(g):
    return _with_golden(g, '[{"inputs": {"ad.price": {"shape": [2], "data": [0, 0')


@case("schema-mismatch", "The file is made for a contract of version 2.")
def schema(g):
    _score(g)
    return _model(g, **{"nearside.schema": "2"})


@case("vocabulary-mismatch", "The file is trained on another item vocabulary.", needs_catalogue=True)
def vocabulary(g):
    table = g.table(8, 1)
    _score(g, g.op("Squeeze", g.op("Gather", table, g.input("ad.item")), g.axes(1)))
    return _model(g, **{"nearside.vocabulary": "0123456789abcdef"})


# Too large to commit

NODES = 100_000


def _many_nodes():
    """The parts of a sound file of `NODES` nodes in a row; see README.md for how they fit together."""
    count = NODES - 2
    first = helper.make_node("Identity", ["ad.price"], ["000000"])
    last = helper.make_node("Sigmoid", [f"{count:06}"], ["score"])
    ends = {
        "input": [helper.make_tensor_value_info("ad.price", TensorProto.FLOAT, ["N"])],
        "output": [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["N"])],
    }
    node = GraphProto(node=[helper.make_node("Identity", ["i" * 6], ["o" * 6])]).SerializeToString()
    before, rest = node.split(b"i" * 6)
    between, after = rest.split(b"o" * 6)
    graph_head = GraphProto(node=[first]).SerializeToString()
    graph_tail = GraphProto(node=[last], name="bad_many_nodes", **ends).SerializeToString()
    length = len(graph_head) + count * len(node) + len(graph_tail)

    back = ModelProto(opset_import=[helper.make_opsetid("", OPSET)])
    helper.set_model_props(back, metadata("A file with a fault."))
    # Field 7 of a ModelProto is the graph; its length is written seven bits at a time.
    field = bytearray([7 << 3 | 2])
    while length > 0x7F:
        field.append(length & 0x7F | 0x80)
        length >>= 7
    field.append(length)
    head = ModelProto(ir_version=IR_VERSION).SerializeToString() + bytes(field) + graph_head
    tail = graph_tail + back.SerializeToString(deterministic=True)

    steps = (b"%s%06d%s%06d%s" % (before, i, between, i + 1, after) for i in range(count))
    built = load_from_string(head + b"".join(steps) + tail)
    if len(built.graph.node) != NODES or built.graph.node[-1].input[0] != built.graph.node[-2].output[0]:
        raise SystemExit("bad_many_nodes: the parts do not make the file")
    return {"head": head.hex(), "node": [p.hex() for p in (before, between, after)], "count": count, "tail": tail.hex()}


def write(folder):
    """Writes the files; gives the list for index.json."""
    entries = []
    for name, (build, entry) in CASES.items():
        made = build(Graph(name, stream(name)))
        (folder / f"{name}.onnx").write_bytes(made if isinstance(made, bytes) else serialise(made))
        entries.append({"name": name, **entry})
    entries.append(
        {
            "name": "bad_many_nodes",
            "code": "model-too-large",
            "why": f"{NODES:,} nodes in a row; 10,000 are allowed.",
            "generated": _many_nodes(),
        }
    )
    return entries
