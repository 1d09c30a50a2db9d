"""An ONNX graph run by PyTorch, so that gradients flow from its outputs back to its inputs.

Only what the graph of Kokoro needs: some fifty operators, as the ONNX operator reference and, for those of the domain
com.microsoft, docs/ContribOperators.md of github.com/microsoft/onnxruntime describe them. Where the graph rounds to
bytes before a product, the numbers go on as they are: rounding has no gradient, and with it the sound is no more like
that of the rounded model itself (0.96 to 0.99 for the speaker encoder, without it 0.98 to 0.99).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

Attributes = Mapping[str, Any]
TINY = 1e-12
"""The root of nothing has no gradient; of this it has one."""
Operator = Callable[[Attributes, list[Any]], Any]


class OnnxGraph:
    """A graph that is evaluated node by node."""

    def __init__(self, model: bytes) -> None:
        """Parses the file's bytes; weights become tensors, those of bytes floats."""
        import onnx
        import torch
        from onnx import helper, numpy_helper

        graph = onnx.load_from_string(model).graph
        self._constants = {
            tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy()) for tensor in graph.initializer
        }
        self._nodes = []
        for node in graph.node:
            attributes = {one.name: helper.get_attribute_value(one) for one in node.attribute}
            if "value" in attributes:
                attributes["value"] = torch.from_numpy(numpy_helper.to_array(attributes["value"]).copy())
            self._nodes.append((node.op_type, attributes, list(node.input), list(node.output)))
        last = {name: number for number, (_, _, inputs, _) in enumerate(self._nodes) for name in inputs}
        self._over: dict[int, list[str]] = {}
        for name, number in last.items():
            if name not in self._constants:
                self._over.setdefault(number, []).append(name)
        self._dequantise()

    def run(self, inputs: Mapping[str, Any], outputs: Sequence[str]) -> list[Any]:
        """The tensors of that name. Raises `KeyError` for an operator or a name that is not known."""
        values: dict[str, Any] = {"": None, **self._constants, **inputs}
        for number, (kind, attributes, names, results) in enumerate(self._nodes):
            found = OPERATORS[kind](attributes, [values[name] for name in names])
            values |= dict(zip(results, found if isinstance(found, tuple) else (found,), strict=False))
            for name in self._over.get(number, ()):
                if name not in outputs:
                    values.pop(name, None)
        return [values[name] for name in outputs]

    def _dequantise(self) -> None:
        """Weights of integer products are floats less their zero point, once and not at every run."""
        for kind, _, names, _ in self._nodes:
            if kind in ("MatMulInteger", "ConvInteger") and names[1] in self._constants:
                weight = self._constants[names[1]]
                if weight.is_floating_point():
                    continue
                zero = self._constants[names[3]] if len(names) > 3 else 0
                self._constants[names[1]] = weight.float() - zero


def _torch() -> Any:
    import torch

    return torch


def _quantised(_: Attributes, given: list[Any]) -> tuple[Any, Any, Any]:
    """Bytes, scale and zero point: here the numbers themselves, one and nothing."""
    return given[0], given[0].new_tensor(1.0), given[0].new_tensor(0.0)


def _conv(attributes: Attributes, given: list[Any]) -> Any:
    torch = _torch()
    before, after = attributes["pads"]
    assert before == after
    bias = given[2] if len(given) == 3 else None
    return torch.nn.functional.conv1d(
        given[0],
        given[1],
        bias,
        stride=attributes["strides"],
        padding=before,
        dilation=attributes["dilations"],
        groups=attributes["group"],
    )


def _conv_transpose(attributes: Attributes, given: list[Any]) -> Any:
    before, after = attributes["pads"]
    assert before == after
    return _torch().nn.functional.conv_transpose1d(
        *given[:3],
        stride=attributes["strides"],
        padding=before,
        output_padding=attributes.get("output_padding", 0),
        groups=attributes["group"],
        dilation=attributes["dilations"],
    )


def _lstm(attributes: Attributes, given: list[Any]) -> tuple[Any, Any, Any]:
    """Gates are in the order input, output, forget, cell there and input, forget, cell, output here."""
    torch = _torch()
    inputs, weights, recurrent, biases = given[:4]
    hidden = attributes["hidden_size"]

    def gates(matrix: Any) -> Any:
        first, output, forget, cell = matrix.split(hidden)
        return torch.cat((first, forget, cell, output))

    parameters = []
    for way in range(len(weights)):
        w = (weights[way].float() - given[9][way].float()) * given[8][way]
        r = (recurrent[way].float() - given[11][way].float()) * given[10][way]
        to_inputs, to_hidden = biases[way].split(4 * hidden)
        parameters += [gates(w.T.contiguous()), gates(r.T.contiguous()), gates(to_inputs), gates(to_hidden)]
    two = len(weights) == 2
    found, last, cells = torch.lstm(inputs, (given[5], given[6]), parameters, True, 1, 0.0, False, two, False)
    steps, batch, _ = found.shape
    return found.view(steps, batch, len(weights), hidden).transpose(1, 2), last, cells


def _normalised(given: Any, scale: Any, bias: Any, epsilon: float) -> Any:
    return _torch().nn.functional.layer_norm(given, scale.shape, scale, bias, epsilon)


def _slice(_: Attributes, given: list[Any]) -> Any:
    data, starts, ends = given[:3]
    axes = given[3].tolist() if len(given) > 3 else range(len(starts))
    steps = given[4].tolist() if len(given) > 4 and given[4] is not None else [1] * len(starts)
    parts = [slice(None)] * data.ndim
    for axis, start, end, step in zip(axes, starts.tolist(), ends.tolist(), steps, strict=True):
        parts[axis] = slice(start, end, step)
    return data[tuple(parts)]


def _gather(attributes: Attributes, given: list[Any]) -> Any:
    data, places = given
    axis = attributes.get("axis", 0)
    found = data.index_select(axis, places.reshape(-1) % data.shape[axis])
    return found.reshape([*data.shape[:axis], *places.shape, *data.shape[axis + 1 :]])


def _div(_: Attributes, given: list[Any]) -> Any:
    """Silence has neither a real nor an imaginary part: its quotient counts as 0."""
    first, second = given
    if not first.is_floating_point():
        return first // second
    return first / _torch().where(second == 0, 1.0, second)


def _reshape(_: Attributes, given: list[Any]) -> Any:
    data, shape = given
    return data.reshape([data.shape[i] if size == 0 else size for i, size in enumerate(shape.tolist())])


def _expand(_: Attributes, given: list[Any]) -> Any:
    torch = _torch()
    return given[0].broadcast_to(torch.broadcast_shapes(given[0].shape, tuple(given[1].tolist())))


def _resize(attributes: Attributes, given: list[Any]) -> Any:
    mode = attributes["mode"].decode()
    more = {} if mode == "nearest" else {"align_corners": False}
    return _torch().nn.functional.interpolate(given[0], scale_factor=float(given[2][-1]), mode=mode, **more)


def _stft(_: Attributes, given: list[Any]) -> Any:
    """(n, samples, 1) -> (n, frames, bins, 2): the values of onnxruntime, with the gradient of PyTorch.

    A voiceless frame of Kokoro's source is a constant, most of whose bins are rounding and nothing else, but whose
    phases the vocoder hears. With PyTorch's own rounding the speaker encoder finds the sound only 0.73 to 0.90 like
    that of onnxruntime, with this 0.98, and a voice was fitted to what was never spoken.
    """
    torch = _torch()
    signal, step, window = given[:3]
    frames = signal.reshape(len(signal), -1).unfold(1, len(window), int(step))
    found = torch.view_as_real(torch.fft.rfft(frames * window))
    with torch.no_grad():
        inputs = {
            "signal": signal.reshape(len(signal), -1, 1).numpy(force=True),
            "step": np.array(int(step)),
            "window": window.numpy(),
        }
        [spoken] = _stft_session().run(None, inputs)
    return found + (torch.from_numpy(spoken) - found).detach()


@cache
def _stft_session() -> Any:
    """One operator as a model of onnxruntime."""
    import onnxruntime
    from onnx import TensorProto, helper

    node = helper.make_node("STFT", ["signal", "step", "window"], ["spectrum"], onesided=1)
    inputs = [
        helper.make_tensor_value_info("signal", TensorProto.FLOAT, [None, None, 1]),
        helper.make_tensor_value_info("step", TensorProto.INT64, []),
        helper.make_tensor_value_info("window", TensorProto.FLOAT, [None]),
    ]
    spectrum = helper.make_tensor_value_info("spectrum", TensorProto.FLOAT, [None, None, None, 2])
    graph = helper.make_graph([node], "stft", inputs, [spectrum])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _pad(attributes: Attributes, given: list[Any]) -> Any:
    sizes = given[1].tolist()
    assert attributes["mode"] == b"reflect"
    return _torch().nn.functional.pad(given[0], (sizes[2], sizes[5]), mode="reflect")


def _matmul(attributes: Attributes, given: list[Any]) -> Any:
    first = given[0].transpose(-1, -2) if attributes["transA"] else given[0]
    return attributes["alpha"] * (first @ given[1])


def _unsqueeze(_: Attributes, given: list[Any]) -> Any:
    data, axes = given
    for axis in sorted(axes.tolist()):
        data = data.unsqueeze(axis)
    return data


def _integer_matmul(_: Attributes, given: list[Any]) -> Any:
    return given[0] @ given[1]


def _scatter(_: Attributes, given: list[Any]) -> Any:
    data, places, values = given
    return data.index_put(tuple(places.unbind(-1)), values)


def _cast(attributes: Attributes, given: list[Any]) -> Any:
    torch = _torch()
    kinds = {1: torch.float32, 6: torch.int32, 7: torch.int64, 9: torch.bool}
    return given[0].to(kinds[attributes["to"]])


def _clip(_: Attributes, given: list[Any]) -> Any:
    low, high = (bound if bound is None else bound.item() for bound in (*given[1:], None, None)[:2])
    return given[0].clamp(low, high)


def _range(_: Attributes, given: list[Any]) -> Any:
    return _torch().arange(*(bound.item() for bound in given))


def _constant(attributes: Attributes, given: list[Any]) -> Any:
    return attributes["value"].expand(given[0].tolist()).clone()


OPERATORS: dict[str, Operator] = {
    "Add": lambda _, x: x[0] + x[1],
    "And": lambda _, x: x[0] & x[1],
    "Atan": lambda _, x: x[0].atan(),
    "Cast": _cast,
    "Clip": _clip,
    "Concat": lambda a, x: _torch().cat(x, a["axis"]),
    "ConstantOfShape": _constant,
    "Conv": _conv,
    "ConvInteger": lambda a, x: _conv(a, x[:2]),
    "ConvTranspose": _conv_transpose,
    "Cos": lambda _, x: x[0].cos(),
    "CumSum": lambda _, x: x[0].cumsum(int(x[1])),
    "DequantizeLinear": lambda _, x: (x[0].float() - x[2].float()) * x[1],
    "Div": _div,
    "DynamicQuantizeLSTM": _lstm,
    "DynamicQuantizeLinear": _quantised,
    "Equal": lambda _, x: x[0] == x[1],
    "Exp": lambda _, x: x[0].exp(),
    "Expand": _expand,
    "FastGelu": lambda _, x: _torch().nn.functional.gelu(x[0] + x[1], approximate="tanh"),
    "Floor": lambda _, x: x[0].floor(),
    "FusedMatMul": _matmul,
    "Gather": _gather,
    "Greater": lambda _, x: x[0] > x[1],
    "GreaterOrEqual": lambda _, x: x[0] >= x[1],
    "LayerNormalization": lambda a, x: _normalised(x[0], x[1], x[2], a["epsilon"]),
    "LeakyRelu": lambda a, x: _torch().nn.functional.leaky_relu(x[0], a["alpha"]),
    "Less": lambda _, x: x[0] < x[1],
    "MatMul": lambda _, x: x[0] @ x[1],
    "MatMulInteger": _integer_matmul,
    "Mul": lambda _, x: x[0] * x[1],
    "NonZero": lambda _, x: x[0].nonzero().T,
    "Pad": _pad,
    "Pow": lambda _, x: x[0] ** x[1],
    "Range": _range,
    "ReduceMean": lambda _, x: x[0].mean(tuple(x[1].tolist()), keepdim=True),
    "ReduceSum": lambda _, x: x[0].sum(tuple(x[1].tolist())),
    "Reshape": _reshape,
    "Resize": _resize,
    "Round": lambda _, x: x[0].round(),
    "STFT": _stft,
    "ScatterND": _scatter,
    "Shape": lambda _, x: _torch().tensor(x[0].shape),
    "Sigmoid": lambda _, x: x[0].sigmoid(),
    "Sin": lambda _, x: x[0].sin(),
    "SkipLayerNormalization": lambda a, x: _normalised(x[0] + x[1], x[2], x[3], a["epsilon"]),
    "Slice": _slice,
    "Softmax": lambda a, x: x[0].softmax(a["axis"]),
    "Split": lambda a, x: x[0].split(x[1].tolist(), a["axis"]),
    "Sqrt": lambda _, x: x[0].clamp(min=TINY).sqrt(),
    "Squeeze": lambda _, x: x[0].squeeze(tuple(x[1].tolist())),
    "Sub": lambda _, x: x[0] - x[1],
    "Tanh": lambda _, x: x[0].tanh(),
    "Transpose": lambda a, x: x[0].permute(a["perm"]),
    "Unsqueeze": _unsqueeze,
    "Where": lambda _, x: _torch().where(x[0], x[1], x[2]),
}
