"""A few lines over `onnx.helper`, so that a model reads as a list of its steps."""

import json

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper

from contract import INPUTS

#: The opset of LayerNormalization, which every current exporter can write.
OPSET = 17
#: The file format that came with opset 17: old enough for every runtime in use.
IR_VERSION = 8

ELEMENTS = {"int64": TensorProto.INT64, "float": TensorProto.FLOAT, "double": TensorProto.DOUBLE}


class Graph:
    """One model under construction. `rng` draws its weights."""

    def __init__(self, name, rng):
        self.name = name
        self.rng = rng
        self.nodes = []
        self.initializers = []
        self.inputs = {}
        self._names = 0

    def input(self, name, dims=None, element=None):
        """Declares an input of the contract; `dims` and `element` only where a case departs from its table."""
        self.inputs[name] = (element or INPUTS[name][0], tuple(INPUTS[name][1] if dims is None else dims))
        return name

    def constant(self, value, dtype=None, name=None):
        """A weight or a constant, as an initializer."""
        array = np.asarray(value, dtype=dtype)
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        name = name or self._name("c")
        self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def weight(self, *shape, scale=None, name=None):
        """Uniform weights within `scale` of 0; by default one over the root of the first dimension."""
        scale = scale or 1 / np.sqrt(shape[0])
        return self.constant((self.rng.random(shape) * 2 - 1) * scale, name=name)

    def table(self, rows, width, scale=1.0, name=None):
        """An embedding table whose row 0, for padding, is zeros."""
        value = (self.rng.random((rows, width)) * 2 - 1) * scale
        value[0] = 0
        return self.constant(value, name=name)

    def op(self, kind, *inputs, outputs=None, domain=None, **attributes):
        """Adds a node. `outputs` lists the names of several outputs, or names the one."""
        names = [self._name(kind.lower())] if outputs is None else [outputs] if isinstance(outputs, str) else outputs
        self.nodes.append(helper.make_node(kind, list(inputs), names, domain=domain, **attributes))
        return names[0] if len(names) == 1 or outputs is None else names

    def dense(self, x, fan_in, fan_out, activation=None):
        """Gemm with its bias, then the activation."""
        y = self.op("Gemm", x, self.weight(fan_in, fan_out), self.weight(fan_out, scale=0.1))
        return self.op(activation, y) if activation else y

    def linear(self, x, fan_in, fan_out):
        """MatMul and Add: a dense layer on tensors of more than two dimensions."""
        return self.op("Add", self.op("MatMul", x, self.weight(fan_in, fan_out)), self.weight(fan_out, scale=0.1))

    def axes(self, *axes):
        return self.constant(list(axes), np.int64)

    def _name(self, stem):
        self._names += 1
        return f"{stem}_{self._names}"

    def model(self, output=("N",), metadata=None, checked=True, domains=()):
        """The finished model. Its last step has to have written `score`."""
        graph = helper.make_graph(
            self.nodes,
            self.name,
            [helper.make_tensor_value_info(n, ELEMENTS[e], list(d)) for n, (e, d) in self.inputs.items()],
            [helper.make_tensor_value_info("score", TensorProto.FLOAT, list(output))],
            self.initializers,
        )
        imports = [helper.make_opsetid("", OPSET)] + [helper.make_opsetid(d, 1) for d in domains]
        model = helper.make_model(graph, opset_imports=imports, ir_version=IR_VERSION, producer_name="nearside-reference")
        helper.set_model_props(model, metadata or {})
        if checked:
            checker.check_model(model, full_check=True)
        return model


def metadata(description, output="probability", **more):
    """The `nearside.` entries of a model file; values that are not text become JSON."""
    entries = {"schema": "1", "output": output, "description": description, **more}
    return {f"nearside.{k}": v if isinstance(v, str) else json.dumps(v, separators=(",", ":")) for k, v in entries.items()}
