"""Writes `../vectors/operators.json`: what onnxruntime makes of small inputs, for every operator of the compact engine and
every form of it.

    python operators.py

Where onnxruntime has no kernel of a form, onnx's own reference evaluator answers; `by` says so. A case on which the two
differ by more than `TOLERANCE` stops the program, unless `UNLIKE` says why one of them is to be left out.
"""

import json
import zlib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

OUTPUT = Path(__file__).resolve().parent.parent / "vectors" / "operators.json"
SEED = 20_261_125
#: Largest difference of the two, relative to the larger of 1 and the largest number of the output.
TOLERANCE = 1e-5
#: How cases begin whose answer is that of onnxruntime alone, and why.
UNLIKE = {
    "BatchNormalization: (4, 3), opset 9": "onnx's evaluator trains before opset 14",
    "BatchNormalization: (2, 3, 5), opset 9": "as above",
    "BatchNormalization: (2, 3, 2, 2), opset 9": "as above",
    "DynamicQuantizeLinear: zeros": "ONNX leaves the scale of nothing but zeros open",
    "QuantizeLinear: int8, infinities": "onnx's evaluator casts them to whole numbers before it saturates",
    "QuantizeLinear: uint8, infinities": "as above",
    "Softmax: opset 11": "onnx's evaluator takes the axis as from opset 13 on",
    "Softmax: opset 12": "as above",
}

F, I, B = np.float32, np.int64, np.bool_
NAN, INF = float("nan"), float("inf")
ODD = np.array([NAN, INF, -INF, 0.0, -0.0, 1.5, -2.5, 30.0, -30.0, 100.0, -100.0], F)

cases = []


def f(*shape, name="x", low=-2.0, high=2.0):
    """Numbers between two bounds, of a sequence of its own."""
    rng = np.random.default_rng([SEED, zlib.crc32(f"{name} {shape} {len(cases)}".encode())])
    return (rng.random(shape) * (high - low) + low).round(3).astype(F)


def n(*shape, low=-9, high=10, kind=I, name="n"):
    rng = np.random.default_rng([SEED, zlib.crc32(f"{name} {shape} {len(cases)}".encode())])
    return rng.integers(low, high, shape).astype(kind)


def i(*values, kind=I):
    return np.array(values, kind)


def one(value, kind=F):
    return np.array(value, kind)


def case(about, operator, inputs, opset=18, outputs=1, **attributes):
    cases.append((about, operator, opset, inputs, outputs, attributes))


def elementwise():
    for operator in ("Abs", "Neg", "Relu", "Sigmoid", "Tanh", "Exp", "Erf", "Sqrt", "Reciprocal", "Softplus", "Log"):
        low = 0.1 if operator in ("Sqrt", "Log") else -4.0
        case("numbers", operator, [f(3, 7, low=low, high=4.0)])
        case("none", operator, [f(0, 3)])
        case("a single number", operator, [f(low=0.5, high=1.5)])
        odd = ODD if operator not in ("Exp", "Log") else ODD[np.abs(ODD) != 100]
        case("not numbers and infinities", operator, [odd])
    for operator in ("Abs", "Neg"):
        case("whole numbers", operator, [n(2, 5)])
    case("opset 11", "Relu", [f(5)], opset=11)
    case("default slope", "LeakyRelu", [ODD])
    case("slope", "LeakyRelu", [f(2, 5)], alpha=0.3)
    case("slope below zero", "LeakyRelu", [f(2, 5)], alpha=-0.5)
    for slope in ((1,), (4,), (3, 1), (2, 3, 4)):
        case(f"slopes {slope}", "PRelu", [f(2, 3, 4), f(*slope, name="slope")])
    case("by the error function", "Gelu", [f(3, 7, low=-5.0, high=5.0)], opset=20)
    case("by the hyperbolic tangent", "Gelu", [f(3, 7, low=-5.0, high=5.0)], opset=20, approximate="tanh")
    case("approximate none", "Gelu", [f(9)], opset=20, approximate="none")

    shapes = [((), ()), ((3,), ()), ((), (2, 2)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((4, 1, 3), (2, 1)), ((1,), (0, 3)),
              ((2, 3, 4), (2, 3, 4)), ((2, 1, 2, 1), (3, 1, 5)), ((5, 1), (5, 7)), ((1, 6), (5, 6)), ((0, 1), (1, 4))]
    for operator in ("Add", "Sub", "Mul", "Div"):
        for left, right in shapes:
            case(f"{left} and {right}", operator, [f(*left), f(*right, name="y", low=0.5)])
        case("whole numbers", operator, [n(2, 3), n(3, low=1, name="m")])
        case("whole numbers of 32 bits", operator, [n(2, 3, kind=np.int32), n(3, low=1, kind=np.int32, name="m")])
        case("not numbers and infinities", operator, [ODD[:7], ODD[6::-1].copy()])
        case("opset 7", operator, [f(2, 3), f(3, name="y", low=0.5)], opset=7)
    case("whole numbers below zero", "Div", [i(7, -7, 7, -7), i(2, 2, -2, -2)])
    case("bases and powers", "Pow", [f(3, 4, low=0.1), f(4, name="y")])
    case("squares", "Pow", [f(3, 4), one(2.0)])
    case("roots", "Pow", [f(3, 4, low=0.0), one(0.5)])
    case("third powers", "Pow", [f(3, 4), one(3.0)])
    case("whole powers of numbers", "Pow", [f(3, 4), one(3, I)])
    case("whole powers of 32 bits", "Pow", [f(3, 4), i(2, 3, 1, 0, kind=np.int32)])
    case("odd powers", "Pow", [np.array([0, 0, -2, INF, -INF], F), np.array([0, -1, 3, 2, 3], F)])
    for operator in ("Max", "Min", "Sum"):
        case("three", operator, [f(2, 3), f(3, name="y"), f(2, 1, name="z")])
        case("one", operator, [f(2, 3)])
        case("opset 8", operator, [f(2, 3), f(1, 3, name="y")], opset=8)
    for operator in ("Max", "Min"):
        case("whole numbers", operator, [n(2, 3), n(3, name="m")])
        case("not a number on either side", operator, [np.array([NAN, 1, NAN, INF], F), np.array([1, NAN, NAN, 2], F)])
    for operator in ("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"):
        case("numbers", operator, [n(3, 4, low=-2, high=3, kind=F), n(4, low=-2, high=3, kind=F, name="m")])
        case("whole numbers", operator, [n(3, 4, low=-2, high=3), n(3, 1, low=-2, high=3, name="m")])
        case("not numbers and infinities", operator, [ODD[:4], ODD[3::-1].copy()])
    truths = (n(3, 4, low=0, high=2, kind=B), n(4, low=0, high=2, kind=B, name="m"))
    case("truths", "Equal", list(truths))
    case("truths", "And", list(truths))
    case("truths", "Or", list(truths))
    case("truths", "Not", [truths[0]])

    case("both bounds", "Clip", [f(3, 4), one(-0.5), one(0.75)])
    case("low bound", "Clip", [f(3, 4), one(-0.5)])
    case("high bound", "Clip", [f(3, 4), None, one(0.5)])
    case("no bound", "Clip", [f(3, 4)])
    case("bounds crossed", "Clip", [f(3, 4), one(1.0), one(-1.0)])
    case("attributes", "Clip", [f(3, 4)], opset=10, min=-0.5, max=0.75)
    case("one attribute", "Clip", [f(3, 4)], opset=7, min=0.0)
    case("whole numbers", "Clip", [n(3, 4), one(-3, I), one(4, I)])
    case("whole numbers, low bound", "Clip", [n(3, 4), one(-3, I)])
    case("not numbers and infinities", "Clip", [ODD, one(-1.0), one(1.0)])

    number = np.array([0, 1.5, -1.5, 2.5, 100.9, -100.9, 3, -0.4], F)
    codes = {F: 1, np.uint8: 2, np.int8: 3, np.int32: 6, I: 7, B: 9}
    for kind, to in codes.items():
        for source in codes:
            values = number if source is F else n(6, low=0, high=2 if source is B else 100, kind=source)
            if source is F and kind is np.uint8:
                values = np.abs(values)
            case(f"{np.dtype(source)} to {np.dtype(kind)}", "Cast", [values], to=to)
    case("whole numbers below zero to truths", "Cast", [i(-2, 0, 3)], to=9)
    case("bytes wrap", "Cast", [i(200, -3, 300)], to=3)
    case("numbers, not numbers and infinities to truths", "Cast", [ODD], to=9)
    case("to double and back", "Cast", [f(2, 3)], to=1)

    case("numbers", "Where", [truths[0], f(3, 4), f(3, 4, name="y")])
    case("repeated", "Where", [n(3, 1, low=0, high=2, kind=B), f(4), one(0.5)])
    case("repeated beyond the condition", "Where", [one(True, B), f(2, 1), f(1, 3, name="y")])
    case("whole numbers", "Where", [truths[1], n(3, 4), n(1, name="m")])
    case("not numbers", "Where", [np.array([True, False]), np.array([NAN, 1], F), np.array([1, INF], F)])
    for kind in (F, I, B, np.int8, np.uint8):
        case(f"of {np.dtype(kind)}", "Identity", [n(2, 3, low=0, high=2, kind=kind)])


def layout():
    case("all", "Shape", [f(2, 3, 4)])
    case("of a single number", "Shape", [f()])
    for start, end in ((1, None), (-2, None), (0, -1), (1, 2), (-9, 9), (2, 1)):
        given = {"start": start} if end is None else {"start": start, "end": end}
        case(f"from {start} to {end}", "Shape", [f(2, 3, 4)], opset=15, **given)
    for wanted in ((6, 4), (0, -1), (-1,), (0, 0, 2, 2), (2, -1, 0), (1, 24), (4, 3, 2)):
        case(f"{wanted}", "Reshape", [f(2, 3, 4), i(*wanted)], opset=14)
    case("to a single number", "Reshape", [f(1, 1), np.array([], I)])
    case("none", "Reshape", [f(0, 3), i(0, 3)], opset=14)
    case("zeros kept", "Reshape", [f(0, 3), i(3, 0)], opset=14, allowzero=1)
    for axis in (0, 1, 2, 3, -1, -2):
        case(f"at {axis}", "Flatten", [f(2, 3, 4)], opset=13, axis=axis)
    case("default", "Flatten", [f(2, 3, 4)])
    case("a vector", "Flatten", [f(5)])
    for opset in (11, 13):
        axes = (lambda *a: ([], {"axes": list(a)})) if opset == 11 else (lambda *a: ([i(*a)], {}))
        for at in ((0,), (0, 2), (-1,), (-2, 0)):
            given, attributes = axes(*at)
            shape = (1, 3, 1) if -2 not in at else (1, 1, 3)
            case(f"opset {opset}, axes {at}", "Squeeze", [f(*shape), *given], opset=opset, **attributes)
        for at in ((0,), (2,), (-1,), (0, 3), (3, 0), (-1, 0), (1, 2)):
            given, attributes = axes(*at)
            case(f"opset {opset}, axes {at}", "Unsqueeze", [f(2, 3), *given], opset=opset, **attributes)
        case(f"opset {opset}, all", "Squeeze", [f(1, 3, 1, 2)], opset=opset)
    for perm in ((0, 1, 2), (0, 2, 1), (2, 0, 1), (1, 0, 2), (2, 1, 0)):
        case(f"{perm}", "Transpose", [f(2, 3, 4)], perm=list(perm))
    case("default", "Transpose", [f(2, 3, 4)])
    case("dimensions of one", "Transpose", [f(1, 4, 1)], perm=[2, 1, 0])
    case("whole numbers", "Transpose", [n(2, 3)], perm=[1, 0])
    for shape, to in (((3, 1), (3, 4)), ((1,), (2, 3)), ((), (2, 2)), ((3, 1), (2, 1, 4)), ((2, 3), (1, 1)), ((1, 3), (0, 3))):
        case(f"{shape} to {to}", "Expand", [f(*shape), i(*to)])
    case("whole numbers", "Expand", [n(3, 1), i(1, 2)])
    for shape, times in (((2, 3), (1, 2)), ((2, 3), (2, 1)), ((2, 3), (2, 3)), ((2, 1, 2), (2, 3, 2)), ((2, 3), (0, 1)), ((4,), (3,))):
        case(f"{shape}, {times} times", "Tile", [f(*shape), i(*times)])
    case("rows", "Concat", [f(2, 3), f(1, 3, name="y")], axis=0)
    case("columns, from the end", "Concat", [f(2, 3), f(2, 1, name="y"), f(2, 0, name="z")], axis=-1)
    case("one", "Concat", [f(2, 3)], axis=1)
    case("in the middle", "Concat", [f(2, 1, 3), f(2, 2, 3, name="y")], axis=1)
    for kind in (I, np.int8, np.uint8, B):
        case(f"of {np.dtype(kind)}", "Concat", [n(2, low=0, high=2, kind=kind), n(3, low=0, high=2, kind=kind, name="m")], axis=0)
    case("zeros", "ConstantOfShape", [i(2, 3)])
    case("single", "ConstantOfShape", [np.array([], I)])
    case("none", "ConstantOfShape", [i(2, 0)])
    for value in (np.array([1.5], F), np.array([7], I), np.array([True]), np.array([-3], np.int8), np.array([9], np.uint8)):
        case(f"of {value.dtype}", "ConstantOfShape", [i(2, 2)], value=value)
    for bounds in ((0, 5, 1), (2, 9, 3), (5, 0, -2), (5, 0, 1), (0, 0, 1), (-3, 3, 2)):
        case(f"{bounds}", "Range", [one(b, I) for b in bounds])
        case(f"{bounds} of numbers", "Range", [one(b / 2) for b in bounds])


def select():
    case("rows", "Gather", [f(4, 3), i(0, 3, 1)])
    case("rows from the end", "Gather", [f(4, 3), i(-1, -4, 2)])
    case("a single row", "Gather", [f(4, 3), one(2, I)])
    case("columns", "Gather", [f(2, 4, 3), n(2, 2, low=-4, high=4)], axis=1)
    case("last, from the end", "Gather", [f(2, 4, 3), i(0, 2)], axis=-1)
    case("no rows", "Gather", [f(4, 3), np.zeros((0, 2), I)])
    case("places of 32 bits", "Gather", [f(4, 3), i(1, -1, kind=np.int32)])
    for kind in (I, np.int8, np.uint8, B):
        case(f"of {np.dtype(kind)}", "Gather", [n(4, 2, low=0, high=2, kind=kind), i(3, 0)])

    most, least = np.iinfo(I).max, np.iinfo(I).min
    slices = [((0,), (2,), (0,), (1,)), ((1,), (most,), (1,), (1,)), ((-3,), (-1,), (1,), (1,)), ((0, 1), (2, 4), (0, 1), (1, 2)),
              ((-1,), (least,), (1,), (-1,)), ((3,), (0,), (1,), (-2,)), ((-1, -1), (-5, -9), (0, -1), (-1, -3)), ((9,), (10,), (1,), (1,)),
              ((2,), (1,), (1,), (1,)), ((0,), (most,), (-1,), (3,)), ((0,), (5,), (1,), (most,)), ((4,), (least,), (1,), (least + 1,)),
              ((-100,), (100,), (0,), (1,)), ((100,), (-100,), (1,), (-1,))]
    for starts, ends, axes, steps in slices:
        case(f"{starts} to {ends} of {axes} by {steps}", "Slice", [f(3, 5), i(*starts), i(*ends), i(*axes), i(*steps)], opset=13)
    case("without axes and steps", "Slice", [f(3, 5), i(1, 2), i(3, 4)], opset=13)
    case("without steps", "Slice", [f(3, 5), i(1), i(3), i(-1)], opset=11)
    case("without axes", "Slice", [f(3, 5), i(1), i(3), None, i(2)], opset=13)
    case("attributes", "Slice", [f(3, 5)], opset=9, starts=[0, -2], ends=[2, 100], axes=[0, 1])
    case("attributes without axes", "Slice", [f(3, 5)], opset=9, starts=[1], ends=[3])
    case("bounds of 32 bits", "Slice", [f(3, 5), i(1, kind=np.int32), i(2**31 - 1, kind=np.int32), i(1, kind=np.int32)], opset=13)
    case("of none", "Slice", [f(0, 5), i(0), i(2), i(0)], opset=13)
    case("whole numbers", "Slice", [n(3, 5), i(1), i(4), i(1)], opset=13)

    case("equal parts, opset 11", "Split", [f(4, 3)], opset=11, outputs=2)
    case("sizes as attribute", "Split", [f(2, 6)], opset=11, outputs=3, axis=1, split=[1, 2, 3])
    case("sizes as input", "Split", [f(2, 6), i(3, 0, 3)], opset=13, outputs=3, axis=-1)
    case("equal parts, opset 13", "Split", [f(2, 6)], opset=13, outputs=3, axis=1)
    case("the last part is smaller", "Split", [f(2, 7)], opset=18, outputs=3, axis=1, num_outputs=3)
    case("one part", "Split", [f(2, 3)], opset=18, outputs=1, num_outputs=1)
    case("whole numbers", "Split", [n(4)], opset=13, outputs=2)

    places = i(0, 2, 1, 1, 0, -1).reshape(2, 3)
    case("rows", "ScatterElements", [f(3, 3), np.array([[0, 2, 1], [1, 0, -1]], I), f(2, 3, name="y")])
    case("columns", "ScatterElements", [f(2, 4), np.array([[0, 3], [-1, 1]], I), f(2, 2, name="y")], axis=1)
    case("last, from the end", "ScatterElements", [f(2, 4), np.array([[0, 3], [-1, 1]], I), f(2, 2, name="y")], axis=-1)
    case("fewer rows", "ScatterElements", [f(3, 4), np.array([[0, 3]], I), f(1, 2, name="y")], axis=1)
    case("three dimensions", "ScatterElements", [f(2, 3, 2), np.array([[[0, 1]], [[2, 0]]], I), f(2, 1, 2, name="y")], axis=1)
    case("none", "ScatterElements", [f(2, 3), np.zeros((0, 3), I), np.zeros((0, 3), F)])
    case("whole numbers", "ScatterElements", [n(5), i(4, 0), i(70, 80)])
    case("opset 11", "ScatterElements", [f(5), i(4, 0), f(2, name="y")], opset=11)
    for reduction in ("none", "add", "mul", "max", "min"):
        at = places if reduction != "none" else i(0, 2, 1, 1, 0, 2).reshape(2, 3)
        case(f"reduction {reduction}", "ScatterElements", [f(3, 3), at, f(2, 3, name="y")], axis=0, reduction=reduction)


def matrices():
    shapes = [((3,), (3,)), ((3,), (3, 2)), ((2, 3), (3,)), ((2, 3), (3, 4)), ((1, 3), (3, 9)), ((5, 17), (17, 1)), ((6, 20), (20, 11)),
              ((3,), (2, 3, 4)), ((2, 5, 3), (3,)), ((2, 5, 3), (3, 4)), ((2, 5, 3), (2, 3, 4)), ((1, 5, 3), (2, 3, 4)), ((5, 3), (2, 3, 4)),
              ((2, 1, 5, 3), (3, 3, 4)), ((2, 2, 2, 3), (2, 2, 3, 2)), ((2, 1, 3), (1, 3, 2)), ((2, 3, 4, 5), (5, 6)), ((0, 3), (3, 2)), ((2, 0), (0, 2)),
              ((2, 2, 1, 3), (2, 1, 3, 1))]
    for left, right in shapes:
        case(f"{left} by {right}", "MatMul", [f(*left), f(*right, name="y")])
    case("no summand", "Gemm", [f(3, 4), f(4, 5, name="y")])
    for turned in ((0, 0), (1, 0), (0, 1), (1, 1)):
        a = f(4, 3) if turned[0] else f(3, 4)
        b = f(5, 4, name="y") if turned[1] else f(4, 5, name="y")
        for summand in ((5,), (1, 5), (3, 1), (3, 5), (), (1,)):
            case(f"turned {turned}, summand {summand}", "Gemm", [a, b, f(*summand, name="z")], transA=turned[0], transB=turned[1])
        case(f"turned {turned}, scaled", "Gemm", [a, b, f(5, name="z")], alpha=0.5, beta=-2.0, transA=turned[0], transB=turned[1])
    case("summand scaled away", "Gemm", [f(3, 4), f(4, 5, name="y"), f(5, name="z")], beta=0.0)
    case("scaled without a summand", "Gemm", [f(3, 4), f(4, 5, name="y")], alpha=0.25)
    case("one row", "Gemm", [f(1, 4), f(4, 5, name="y"), f(1, 5, name="z")])
    case("one row, turned", "Gemm", [f(1, 4), f(5, 4, name="y"), f(5, name="z")], transB=1)
    case("one column", "Gemm", [f(3, 4), f(4, 1, name="y"), f(1, name="z")])
    case("one column, a summand for each row", "Gemm", [f(3, 4), f(4, 1, name="y"), f(3, 1, name="z")])
    case("opset 9", "Gemm", [f(3, 4), f(4, 5, name="y"), f(5, name="z")], opset=9)
    case("no rows", "Gemm", [f(0, 4), f(4, 5, name="y"), f(5, name="z")])
    case("no depth", "Gemm", [f(3, 0), f(0, 5, name="y"), f(5, name="z")])


def recurrent():
    for operator, gates in (("LSTM", 4), ("GRU", 3)):
        for direction in ("forward", "reverse", "bidirectional"):
            ways = 2 if direction == "bidirectional" else 1
            for batch in (1, 3):
                for bias, start in ((False, False), (True, False), (True, True), (False, True)):
                    for after in ((0, 1) if operator == "GRU" else (None,)):
                        size, hidden, steps = 3, 2, 4
                        inputs = [f(steps, batch, size), f(ways, gates * hidden, size, name="w", low=-1, high=1),
                                  f(ways, gates * hidden, hidden, name="r", low=-1, high=1)]
                        inputs.append(f(ways, 2 * gates * hidden, name="b") if bias else None)
                        inputs.append(np.full(batch, steps, np.int32) if start else None)
                        if start:
                            inputs.append(f(ways, batch, hidden, name="h"))
                            if operator == "LSTM":
                                inputs.append(f(ways, batch, hidden, name="c"))
                        while inputs[-1] is None:
                            inputs.pop()
                        given = {} if after is None else {"linear_before_reset": after}
                        about = f"{direction}, batch {batch}, bias {bias}, start {start}, {given}"
                        case(about, operator, inputs, opset=14, outputs=3 if operator == "LSTM" else 2,
                             hidden_size=hidden, direction=direction, **given)
        case("one step", operator, [f(1, 1, 3), f(1, gates * 5, 3, name="w"), f(1, gates * 5, 5, name="r")], opset=14,
             outputs=3 if operator == "LSTM" else 2, hidden_size=5)
        case("the usual functions by name, opset 7", operator, [f(2, 1, 3), f(1, gates * 2, 3, name="w"), f(1, gates * 2, 2, name="r")],
             opset=7, outputs=1, hidden_size=2, activations=["Sigmoid", "Tanh", "Tanh"][: gates - 1])


def quantised():
    for kind in (np.uint8, np.int8):
        name = str(np.dtype(kind))
        low, high = np.iinfo(kind).min, np.iinfo(kind).max
        case(f"{name}, one scale", "DequantizeLinear", [n(2, 3, low=low, high=high, kind=kind), one(0.05), one(3, kind)])
        case(f"{name}, a scale for each column", "DequantizeLinear",
             [n(2, 3, low=low, high=high, kind=kind), f(3, low=0.01, high=0.1), n(3, low=0, high=5, kind=kind, name="z")], axis=1)
        case(f"{name}, a scale for each row", "DequantizeLinear",
             [n(3, 2, 2, low=low, high=high, kind=kind), f(3, low=0.01, high=0.1), n(3, low=0, high=5, kind=kind, name="z")], axis=0)
        case(f"{name}, from the end", "DequantizeLinear",
             [n(2, 3, 2, low=low, high=high, kind=kind), f(3, low=0.01, high=0.1), n(3, low=0, high=5, kind=kind, name="z")], axis=-2)
        case(f"{name}, opset 10", "DequantizeLinear", [n(2, 3, low=low, high=high, kind=kind), one(0.05), one(3, kind)], opset=10)
        case(f"{name}, one scale", "QuantizeLinear", [f(3, 5, low=-8.0, high=8.0), one(0.05), one(3, kind)])
        case(f"{name}, a scale for each column", "QuantizeLinear",
             [f(2, 3), f(3, low=0.01, high=0.1, name="s"), n(3, low=0, high=5, kind=kind)], axis=1)
        case(f"{name}, a scale for each row", "QuantizeLinear",
             [f(3, 2), f(3, low=0.01, high=0.1, name="s"), n(3, low=0, high=5, kind=kind)], axis=-2)
        case(f"{name}, halves go to the even", "QuantizeLinear", [np.array([0.5, 1.5, 2.5, -0.5, -1.5], F), one(1.0), one(0, kind)])
        case(f"{name}, infinities", "QuantizeLinear", [np.array([INF, -INF, 1e9, -1e9], F), one(0.5), one(7, kind)])
    case("no zero point", "QuantizeLinear", [f(3, 5, low=0.0), one(0.05)])
    case("no zero point", "DequantizeLinear", [n(3, kind=np.int8), one(0.05)])
    case("sums of 32 bits", "DequantizeLinear", [n(2, 3, low=-9999, high=9999, kind=np.int32), one(0.001)])
    for about, given in (("zeros", np.zeros(4, F)), ("below zero only", -f(6, low=0.1)), ("above zero only", f(6, low=0.1)),
                         ("both", f(3, 4)), ("a single number", f())):
        case(about, "DynamicQuantizeLinear", [given], opset=11, outputs=3)
    for kind in (np.uint8, np.int8):
        name = str(np.dtype(kind))
        a = n(3, 4, low=0, high=200, kind=np.uint8, name="a")
        b = n(4, 2, low=-100 if kind is np.int8 else 0, high=100, kind=kind, name="b")
        case(f"by {name}", "MatMulInteger", [a, b], opset=10)
        case(f"by {name}, zero points", "MatMulInteger", [a, b, one(7, np.uint8), one(3, kind)], opset=10)
        case(f"by {name}, a zero point for each column", "MatMulInteger", [a, b, one(7, np.uint8), i(3, 1, kind=kind)], opset=10)
        case(f"by {name}, batches", "MatMulInteger", [n(2, 3, 4, low=0, high=200, kind=np.uint8, name="a"), b, one(7, np.uint8)], opset=10)
    case("a vector by a matrix", "MatMulInteger", [n(4, low=0, high=200, kind=np.uint8), n(4, 2, low=0, high=9, kind=np.uint8, name="b")], opset=10)
    case("a matrix by a vector", "MatMulInteger", [n(2, 4, low=0, high=200, kind=np.uint8), n(4, low=0, high=9, kind=np.uint8, name="b")], opset=10)
    case("batches on both sides", "MatMulInteger", [n(2, 3, 4, low=0, high=200, kind=np.uint8), n(2, 4, 2, low=0, high=9, kind=np.uint8, name="b")], opset=10)


def reductions():
    for operator in ("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL2"):
        # The axes are an input from 13 on for the sum, from 18 on for the others.
        since = 13 if operator == "ReduceSum" else 18
        for opset in (11, 18):
            for axes in ((0,), (1,), (-1,), (0, 2), (1, 2), (0, 1, 2), (-2, 0), None):
                for keep in (0, 1):
                    given, attributes = [f(3, 2, 5)], {"keepdims": keep}
                    if axes is not None and opset >= since:
                        given.append(i(*axes))
                    elif axes is not None:
                        attributes["axes"] = list(axes)
                    case(f"opset {opset}, axes {axes}, keepdims {keep}", operator, given, opset=opset, **attributes)
        case("keepdims by default", operator, [f(3, 2), i(1)])
        case("no axes are no reduction", operator, [f(3, 2)], noop_with_empty_axes=1)
        case("no axes are all", operator, [f(3, 2), np.array([], I)])
        case("long rows", operator, [f(3, 37), i(1)])
        case("infinities", operator, [np.array([[INF, 1, 2], [-INF, 1, 0]], F), i(1)])
    for operator in ("ReduceSum", "ReduceMax", "ReduceMin"):
        case("whole numbers", operator, [n(3, 4), i(0)])
        case("whole numbers, rows", operator, [n(3, 4), i(1)], keepdims=0)
    case("none", "ReduceSum", [f(2, 0), i(1)])
    case("none left", "ReduceSum", [f(2, 0), i(0)])
    for opset in (11, 12, 13):
        for axis in (0, 1, 2, -1, -2):
            case(f"opset {opset}, axis {axis}", "Softmax", [f(2, 3, 4, low=-6, high=6)], opset=opset, axis=axis)
        case(f"opset {opset}, default", "Softmax", [f(2, 3, 4)], opset=opset)
        case(f"opset {opset}, large numbers", "Softmax", [np.array([[1000, 999, -1000], [-INF, 0, 1]], F)], opset=opset, axis=1)
    case("none", "Softmax", [f(0, 3)])
    for axis in (-1, 1, 2, 0):
        shape = (2, 3, 4)
        case(f"axis {axis}", "LayerNormalization", [f(*shape), f(*shape[axis:], name="s"), f(*shape[axis:], name="b")], opset=17, axis=axis)
    case("default, no bias", "LayerNormalization", [f(2, 3, 4), f(4, name="s")], opset=17)
    case("epsilon", "LayerNormalization", [f(2, 3) * F(0.01), f(3, name="s"), f(3, name="b")], opset=17, epsilon=0.1)
    for shape in ((4, 3), (2, 3, 5), (2, 3, 2, 2)):
        for opset in (9, 15):
            case(f"{shape}, opset {opset}", "BatchNormalization",
                 [f(*shape), f(3, name="s"), f(3, name="b"), f(3, name="m"), f(3, name="v", low=0.1)], opset=opset)
    case("epsilon", "BatchNormalization", [f(4, 3), f(3, name="s"), f(3, name="b"), f(3, name="m"), f(3, name="v", low=0.1)], opset=15, epsilon=0.1)


def model(operator, opset, inputs, outputs, attributes):
    names = ["" if value is None else f"i{at}" for at, value in enumerate(inputs)]
    given = {
        name: numpy_helper.from_array(value) if isinstance(value, np.ndarray) else value for name, value in attributes.items()
    }
    node = helper.make_node(operator, names, [f"o{at}" for at in range(outputs)], **given)
    ports = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
        for name, value in zip(names, inputs)
        if value is not None
    ]
    results = [onnx.ValueInfoProto(name=f"o{at}") for at in range(outputs)]
    graph = helper.make_graph([node], "g", ports, results)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return onnx.shape_inference.infer_shapes(made), {n: v for n, v in zip(names, inputs) if v is not None}


def alike(a, b):
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.dtype != F:
        return bool((a == b).all())
    numbers = np.abs(b[np.isfinite(b)])
    scale = max(1.0, float(numbers.max()) if numbers.size else 0.0)
    return bool(np.allclose(a, b, rtol=0, atol=TOLERANCE * scale, equal_nan=True))


def answers(made, feeds):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        session = onnxruntime.InferenceSession(made.SerializeToString(), options, providers=["CPUExecutionProvider"])
        ours = [np.asarray(v) for v in session.run(None, feeds)]
    except Exception as error:  # noqa: BLE001, whatever kept it from running
        ours = error
    try:
        reference = [np.asarray(v) for v in ReferenceEvaluator(made).run(None, feeds)]
    except Exception as error:  # noqa: BLE001
        reference = error
    return ours, reference


def plain(value):
    if value is None:
        return None
    numbers = value.reshape(-1).tolist()
    if value.dtype == F:
        # The shortest digits that give the same f32 again; JSON has no infinities.
        numbers = [float(str(F(v))) if np.isfinite(v) else str(v) for v in numbers]
    elif value.dtype == B:
        numbers = [int(v) for v in numbers]
    return {"element": str(value.dtype), "shape": list(value.shape), "values": numbers}


def main():
    for part in (elementwise, layout, select, matrices, recurrent, quantised, reductions):
        part()
    written, faults = [], []
    for about, operator, opset, inputs, outputs, attributes in cases:
        made, feeds = model(operator, opset, inputs, outputs, attributes)
        ours, reference = answers(made, feeds)
        name = f"{operator}: {about}"
        by = "onnxruntime"
        if isinstance(ours, Exception):
            if isinstance(reference, Exception):
                faults.append(f"{name}: neither runs it: {str(ours)[:150]} / {str(reference)[:150]}")
                continue
            by, ours = "onnx", reference
        elif not name.startswith(tuple(UNLIKE)) and not isinstance(reference, Exception) and not all(map(alike, ours, reference)):
            faults.append(f"{name}: {ours} and {reference}")
        entry = {"about": about, "operator": operator, "opset": opset, "inputs": [plain(v) for v in inputs],
                 "outputs": [plain(v) for v in ours]}
        if by != "onnxruntime":
            entry["by"] = by
        if attributes:
            entry["attributes"] = {k: plain(v) if isinstance(v, np.ndarray) else v for k, v in attributes.items()}
        written.append(json.dumps(entry, separators=(",", ":")))
    origin = {"onnxruntime": onnxruntime.__version__, "onnx": onnx.__version__, "numpy": np.__version__, "seed": SEED}
    text = '{"origin":%s,\n"cases":[\n%s\n]}\n' % (json.dumps(origin), ",\n".join(written))
    if faults:
        raise SystemExit("\n".join(faults))
    OUTPUT.write_text(text)
    print(f"{len(written)} cases, {len(text)} bytes")


if __name__ == "__main__":
    main()
