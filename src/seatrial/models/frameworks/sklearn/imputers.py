"""Imputers of float64, which ONNX's operator is not run for: the same in plain operators."""

from __future__ import annotations

import math

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper


def plain_imputers(model: ModelProto) -> ModelProto:
    """The model with a choice by IsNaN in the place of each ai.onnx.ml.Imputer that fills NaN.

    onnxruntime 1.32 has that operator for float32 and int64 only, and without it a pipeline of float64 has to be
    exported in float32, where the last bits of a scaled column decide at a booster's thresholds.
    """
    changed = ModelProto()
    changed.CopyFrom(model)
    nodes = []
    for number, node in enumerate(changed.graph.node):
        settings = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        values = settings.get("imputed_value_floats")
        if node.op_type != "Imputer" or not values or not math.isnan(settings.get("replaced_value_float", 0.0)):
            nodes.append(node)
            continue
        name, raw = f"imputed/{number}", node.input[0]
        constant = numpy_helper.from_array(np.array([values], np.float64), f"{name}/values")
        changed.graph.initializer.append(constant)
        # Whatever it was before, it is float64 from here on: what follows was exported for that.
        nodes += [
            helper.make_node("Cast", [raw], [f"{name}/exact"], to=TensorProto.DOUBLE),
            helper.make_node("IsNaN", [f"{name}/exact"], [f"{name}/missing"]),
            helper.make_node("Where", [f"{name}/missing", constant.name, f"{name}/exact"], [node.output[0]]),
        ]
    del changed.graph.node[:]
    changed.graph.node.extend(nodes)
    return changed
