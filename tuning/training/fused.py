"""Linear layers with a frozen weight and LoRA factors: forward and backward by hand.

y = x W' + s (x A') B', and of the gradients only those of x, A and B: no weight gradient of the
base is ever computed. Layers that read the same input are one matrix product.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


class Fused:
    """PEFT's LoRA layers side by side; their weights become views of one matrix."""

    def __init__(self, layers: Sequence[Any], work: torch.dtype) -> None:
        self._work = work
        self._scale = float(layers[0].scaling["default"])
        self._a = [layer.lora_A["default"].weight for layer in layers]
        self._b = [layer.lora_B["default"].weight for layer in layers]
        self._sizes = [len(b) for b in self._b]
        self._weight = _joined(layers)
        biases = [layer.base_layer.bias for layer in layers]
        self._bias = None if biases[0] is None else torch.cat([bias.data for bias in biases])
        self._grad_a: list[Tensor] = []
        self._grad_b: list[Tensor] = []

    @property
    def weight(self) -> Tensor:
        """The frozen weights, out x in, in the precision that is worked in."""
        return self._weight.to(self._work)

    def begin(self) -> None:
        """Take up the factors as they are before a step."""
        self._down = torch.cat([a.data for a in self._a]).to(self._work)
        self._up = [(b.data * self._scale).to(self._work) for b in self._b]
        self._grad_a = [torch.zeros_like(a) for a in self._a]
        self._grad_b = [torch.zeros_like(b) for b in self._b]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x, tokens x in -> (tokens x out, and tokens x ranks for `backward`)."""
        bias = None if self._bias is None else self._bias.to(self._work)
        y = functional.linear(x, self.weight, bias)
        narrow = x @ self._down.T
        for part, low, up in zip(self._parts(y), self._ranks(narrow), self._up, strict=True):
            part.addmm_(low, up.T)
        return y, narrow

    def backward(self, dy: Tensor, x: Tensor, narrow: Tensor, *, wanted: bool = True) -> Any:
        """Add to the factors' gradients; return that of x, or None where it is not `wanted`."""
        pairs = list(zip(self._parts(dy), self._up, strict=True))
        backed = torch.cat([part @ up for part, up in pairs], dim=1)
        for grad, low in zip(self._grad_a, self._ranks(backed), strict=True):
            _add_product(grad, low.T, x, 1.0)
        lows = self._ranks(narrow)
        for grad, part, low in zip(self._grad_b, self._parts(dy), lows, strict=True):
            _add_product(grad, part.T, low, self._scale)
        if not wanted:
            return None
        return torch.addmm(dy @ self.weight, backed, self._down)

    def end(self) -> None:
        """Hand the gradients to the factors, adding to what they hold."""
        found = zip(self._a + self._b, self._grad_a + self._grad_b, strict=True)
        for factor, grad in found:
            factor.grad = grad if factor.grad is None else factor.grad.add_(grad)
        self._grad_a, self._grad_b = [], []

    def _parts(self, y: Tensor) -> tuple[Tensor, ...]:
        return torch.split(y, self._sizes, dim=1)

    def _ranks(self, narrow: Tensor) -> tuple[Tensor, ...]:
        return torch.split(narrow, [len(a) for a in self._a], dim=1)


def _joined(layers: Sequence[Any]) -> Tensor:
    weight = torch.cat([layer.base_layer.weight.data for layer in layers])
    first = 0
    for layer in layers:
        held = layer.base_layer.weight
        # A view, so that the weights are not held twice.
        held.data = weight[first : first + len(held)]
        first += len(held)
    return weight


def _add_product(grad: Tensor, left: Tensor, right: Tensor, scale: float) -> None:
    if left.dtype == grad.dtype:
        grad.addmm_(left, right, alpha=scale)
    else:
        grad.add_((left @ right).to(grad.dtype), alpha=scale)
