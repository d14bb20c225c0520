"""One decoder layer of the Llama family with LoRA factors: forward and backward by hand.

What a backward pass can cheaply work out again (norms, activations) is not kept: 24 kB a token
and layer in fp32 for the default model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from tuning.training.attention import Attended, Heads, Past, attend, attend_back
from tuning.training.fused import Fused


@dataclass(frozen=True, slots=True)
class Way:
    """What a pack needs in every layer: turns of its positions, rows, masks.

    `cos`, `sin`: tokens x 1 x half a head. `kept`: the positions the topmost layer is needed at.
    """

    cos: Tensor
    sin: Tensor
    lengths: list[int]
    counts: list[int]
    kept: Tensor
    masks: list[Tensor]
    kept_masks: list[Tensor]


@dataclass(frozen=True, slots=True)
class Trace:
    """What a layer's backward pass needs of its forward pass."""

    x: Tensor
    attended: Attended | None
    keys: Tensor
    values: Tensor
    narrow: dict[str, Tensor]
    middle: Tensor | None
    gate_up: Tensor | None


class Layer:
    """A layer's frozen weights and trained factors. `top`: only kept positions go on from it."""

    def __init__(
        self, layer: Any, heads: Heads, work: torch.dtype, *, top: bool, bottom: bool
    ) -> None:
        attention, mlp = layer.self_attn, layer.mlp
        self._heads = heads
        self._work = work
        self._top = top
        self._bottom = bottom
        self._norms = [_Norm(layer.input_layernorm), _Norm(layer.post_attention_layernorm)]
        self._query = Fused([attention.q_proj], work)
        self._pairs = Fused([attention.k_proj, attention.v_proj], work)
        self._output = Fused([attention.o_proj], work)
        self._wide = Fused([mlp.gate_proj, mlp.up_proj], work)
        self._down = Fused([mlp.down_proj], work)

    @property
    def linears(self) -> list[Fused]:
        return [self._query, self._pairs, self._output, self._wide, self._down]

    def forward(self, x: Tensor, way: Way, past: Past | None) -> tuple[Tensor | None, Trace]:
        """x: tokens x width -> the same, or kept positions only, or None where none is kept."""
        heads, narrow = self._heads, {}
        normed = self._norms[0](x).to(self._work)
        pairs, narrow["pairs"] = self._pairs.forward(normed)
        keys, values = (t.view(len(x), heads.pairs, heads.size) for t in pairs.chunk(2, dim=1))
        keys = turn(keys, way.cos, way.sin)
        if self._top and not len(way.kept):
            return None, Trace(x, None, keys, values, narrow, None, None)
        query, narrow["query"] = self._query.forward(self._kept(normed, way))
        query = query.view(len(query), heads.pairs * heads.groups, heads.size)
        attended = attend(
            turn(query, self._kept(way.cos, way), self._kept(way.sin, way)),
            keys,
            values,
            heads=heads,
            kept=way.counts if self._top else way.lengths,
            lengths=way.lengths,
            masks=way.kept_masks if self._top else way.masks,
            past=past,
        )
        out, narrow["output"] = self._output.forward(attended.out.detach())
        middle = self._kept(x, way) + out
        gate_up, narrow["wide"] = self._wide.forward(self._norms[1](middle).to(self._work))
        out, narrow["down"] = self._down.forward(_activated(gate_up))
        return middle + out, Trace(x, attended, keys, values, narrow, middle, gate_up)

    def backward(self, grad: Tensor | None, trace: Trace, way: Way, own: Past | None) -> Any:
        """From the gradient of the outcome to that of x (None at the bottom).

        `own`: where others have gathered gradients of this pack's keys and values.
        """
        x, narrow, work = trace.x, trace.narrow, self._work
        normed = self._norms[0](x).to(work)
        flow, dnormed = None, None
        keys_grad = torch.zeros_like(trace.keys)
        values_grad = torch.zeros_like(trace.values)
        if grad is not None:
            flow, attended_grad = self._back_to_attention(grad, trace)
            assert trace.attended is not None
            query_grad, keys_grad, values_grad = attend_back(trace.attended, attended_grad)
            query_grad = turn(query_grad, self._kept(way.cos, way), -self._kept(way.sin, way))
            dnormed = self._query.backward(
                query_grad.flatten(1),
                self._kept(normed, way),
                narrow["query"],
                wanted=not self._bottom,
            )
        if own is not None:
            keys_grad, values_grad = keys_grad + own.keys_grad, values_grad + own.values_grad
        pairs = torch.cat([turn(keys_grad, way.cos, -way.sin), values_grad], dim=1).flatten(1)
        found = self._pairs.backward(pairs, normed, narrow["pairs"], wanted=not self._bottom)
        if self._bottom:
            return None
        if dnormed is not None:
            found = self._spread_add(found, dnormed, way)
        dx = self._norms[0].backward(found, x)
        return dx if flow is None else self._spread_add(dx, flow, way)

    def _back_to_attention(self, grad: Tensor, trace: Trace) -> tuple[Tensor, Tensor]:
        """Through the MLP and the output: the gradients beside and of the attention."""
        assert trace.middle is not None and trace.gate_up is not None
        narrow, work = trace.narrow, self._work
        activated = _activated(trace.gate_up)
        inner = self._down.backward(grad.to(work), activated, narrow["down"])
        wide = _back_to_wide(inner, trace.gate_up)
        normed = self._norms[1](trace.middle).to(work)
        inner = self._wide.backward(wide, normed, narrow["wide"])
        flow = self._norms[1].backward(inner, trace.middle).add_(grad)
        assert trace.attended is not None
        out = trace.attended.out.detach()
        return flow, self._output.backward(flow.to(work), out, narrow["output"])

    def _kept(self, values: Tensor, way: Way) -> Tensor:
        return values[way.kept] if self._top else values

    def _spread_add(self, whole: Tensor, part: Tensor, way: Way) -> Tensor:
        if self._top:
            return whole.index_add_(0, way.kept, part.to(whole.dtype))
        return whole.add_(part)


class _Norm:
    """RMS norm with a frozen weight, in fp32."""

    def __init__(self, norm: Any) -> None:
        self._weight = norm.weight.data.float()
        self._epsilon = float(norm.variance_epsilon)

    def __call__(self, x: Tensor) -> Tensor:
        normed: Tensor = (x * self._factor(x)).mul_(self._weight)
        return normed

    def backward(self, grad: Tensor, x: Tensor) -> Tensor:
        factor = self._factor(x)
        inner = grad * self._weight
        shared = (inner * x).mean(-1, keepdim=True) * factor.pow(3)
        found: Tensor = inner.mul_(factor).addcmul_(x, shared, value=-1)
        return found

    def _factor(self, x: Tensor) -> Tensor:
        length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        factor: Tensor = (length * length / x.shape[-1] + self._epsilon).rsqrt()
        return factor


def final_norm(norm: Any) -> _Norm:
    """The norm before the head."""
    return _Norm(norm)


def turn(values: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary positions: the first half of each head turned against the second."""
    first, second = values.chunk(2, dim=-1)
    turned = torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)
    return turned.to(values.dtype)


def _activated(gate_up: Tensor) -> Tensor:
    gate, up = gate_up.chunk(2, dim=1)
    return functional.silu(gate).mul_(up)


def _back_to_wide(grad: Tensor, gate_up: Tensor) -> Tensor:
    gate, up = gate_up.chunk(2, dim=1)
    wide = torch.empty_like(gate_up)
    gate_grad, up_grad = wide.chunk(2, dim=1)
    torch.mul(grad, functional.silu(gate), out=up_grad)
    gate_grad.copy_(torch.ops.aten.silu_backward(grad.mul_(up), gate))
    return wide
