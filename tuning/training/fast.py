"""The fast way through a LoRA model: the same loss and gradients with less work.

Against the plain trainer it spares, without changing what is computed: the padding; all but one
pass over the beginning that a batch's rows share; the head, and the topmost layer's query, output
and MLP, on positions that learn nothing; the weight gradients of the frozen base; the gradient of
the embeddings; and what a backward pass can work out again is not kept. `packing` says which
tokens go through together, `decoder` what one layer does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from tuning.data.rows import IGNORED, Encoded
from tuning.training.attention import Heads, Past, causal_mask
from tuning.training.decoder import Layer, Trace, Way, final_norm
from tuning.training.packing import Pack, plan_batch

# Qwen3 norms each head as well; it goes the plain way.
_FAMILIES = frozenset({"llama", "qwen2"})
# Positions that go through the head at once: 25 MB of logits with a vocabulary of 49,152.
_HEAD_ROWS = 128
# oneDNN makes and keeps a kernel for every new shape of a bf16 product.
_MULTIPLE = 64
_WHOLE_BATCH = 1024


class FastPath:
    """A PEFT model, seen as its layers; gradients land in its parameters."""

    def __init__(self, model: Any, *, rows_at_once: int, work: torch.dtype) -> None:
        plain = model.get_base_model()
        backbone = getattr(plain, plain.base_model_prefix)
        settings = plain.config
        self._work = work
        self._multiple = _MULTIPLE if work == torch.bfloat16 else 1
        self._heads = _heads(settings)
        self._embed = backbone.embed_tokens
        self._turns = backbone.rotary_emb
        self._norm = final_norm(backbone.norm)
        self._head = plain.get_output_embeddings()
        # Weights that are converted for every pass had better be passed through once.
        converted = self._head.weight.dtype != work
        self._rows_at_once = _WHOLE_BATCH if converted else rows_at_once
        last = len(backbone.layers) - 1
        self._layers = [
            Layer(layer, self._heads, work, top=n == last, bottom=n == 0)
            for n, layer in enumerate(backbone.layers)
        ]

    @torch.no_grad()
    def learn(self, rows: Sequence[Encoded], divisor: float) -> float:
        """Add the gradients of a batch; return its loss: the replies' nats / `divisor`."""
        plan = plan_batch(rows, size=self._rows_at_once, multiple=self._multiple)
        for linear in self._linears:
            linear.begin()
        pasts: list[Past | None] = [None] * len(self._layers)
        total = 0.0
        if plan.prefix is not None:
            prefix_way = self._way(plan.prefix)
            _, prefix_traces = self._forward(plan.prefix, prefix_way, pasts)
            pasts = [_past(trace) for trace in prefix_traces]
        for pack in plan.packs:
            way = self._way(pack)
            out, traces = self._forward(pack, way, pasts)
            loss, grad = self._judge(out, pack.labels, divisor)
            total += loss
            self._backward(grad, traces, way, [None] * len(traces))
        if plan.prefix is not None:
            # The rows have gathered what the shared keys and values are to blame for.
            self._backward(None, prefix_traces, prefix_way, pasts)
        for linear in self._linears:
            linear.end()
        return total

    @property
    def _linears(self) -> list[Any]:
        return [linear for layer in self._layers for linear in layer.linears]

    def _forward(
        self, pack: Pack, way: Way, pasts: Sequence[Past | None]
    ) -> tuple[Tensor | None, list[Trace]]:
        ids = torch.tensor(pack.ids, device=way.kept.device)
        flow: Tensor | None = self._embed(ids).float()
        traces = []
        for layer, past in zip(self._layers, pasts, strict=True):
            assert flow is not None
            flow, trace = layer.forward(flow, way, past)
            traces.append(trace)
        return flow, traces

    def _backward(
        self, grad: Tensor | None, traces: list[Trace], way: Way, owns: Sequence[Past | None]
    ) -> None:
        for layer, own in zip(reversed(self._layers), reversed(owns), strict=True):
            # Popped, so that a layer's memory is free again once it is done.
            grad = layer.backward(grad, traces.pop(), way, own)

    def _judge(
        self, out: Tensor | None, labels: Sequence[int], divisor: float
    ) -> tuple[float, Tensor]:
        """The loss at kept positions and its gradient, some positions at a time."""
        assert out is not None
        wanted = torch.tensor(labels, device=out.device)
        weight = self._head.weight.data.to(self._work)
        normed = self._norm(out).to(self._work)
        grads, total = [], 0.0
        for states, tokens in zip(
            torch.split(normed, _HEAD_ROWS), torch.split(wanted, _HEAD_ROWS), strict=True
        ):
            logits = (states @ weight.T).float()
            normal = torch.logsumexp(logits, dim=1)
            learnt = tokens != IGNORED
            picked = tokens.clamp(min=0)[:, None]
            found = logits.gather(1, picked)[:, 0]
            total += float(((normal - found) * learnt).sum())
            # The gradient of the logits: the softmax, less one at the right token.
            logits.sub_(normal[:, None]).exp_()
            logits.scatter_add_(1, picked, torch.full_like(found, -1.0)[:, None])
            logits.mul_((learnt / divisor)[:, None])
            grads.append(logits.to(self._work) @ weight)
        return total / divisor, self._norm.backward(torch.cat(grads), out)

    def _way(self, pack: Pack) -> Way:
        device = self._embed.weight.device
        positions = torch.tensor([pack.positions], device=device)
        like = torch.empty(0, dtype=torch.float32, device=device)
        cos, sin = self._turns(like, positions)
        half = self._heads.size // 2
        mask_like = like.to(self._work)
        groups = self._heads.groups
        return Way(
            cos=cos[0, :, None, :half],
            sin=sin[0, :, None, :half],
            lengths=pack.lengths,
            counts=pack.kept,
            kept=torch.tensor(pack.kept_positions, dtype=torch.long, device=device),
            masks=[causal_mask(n, n + pack.past, groups, mask_like) for n in pack.lengths],
            kept_masks=[
                causal_mask(kept, n + pack.past, groups, mask_like)
                for kept, n in zip(pack.kept, pack.lengths, strict=True)
            ],
        )


def is_fast(model: Any, dropout: float) -> bool:
    """Whether the fast way knows this base model; it has no dropout."""
    if dropout:
        return False
    settings = model.config
    return bool(
        settings.model_type in _FAMILIES
        and settings.hidden_act == "silu"
        and not getattr(settings, "use_sliding_window", False)
        and not getattr(settings, "attention_dropout", 0.0)
    )


def work_dtype(model: Any) -> torch.dtype:
    """What products are worked in: the base's precision where the device multiplies it.

    A processor without bf16 units takes bf16 weights as they are and multiplies them in fp32:
    as exact, and many times as fast as emulating.
    """
    plain = model.get_base_model()
    weight = plain.get_output_embeddings().weight
    if weight.dtype == torch.bfloat16 and not multiplies_bf16(weight.device.type):
        return torch.float32
    found: torch.dtype = weight.dtype
    return found


def multiplies_bf16(device: str) -> bool:
    """Whether a device ("cpu" or "cuda") has units for bf16 products."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    flags = torch.cpu.get_capabilities()
    return bool(flags.get("avx512_bf16") or flags.get("amx_bf16"))


def _heads(settings: Any) -> Heads:
    count = settings.num_attention_heads
    pairs = settings.num_key_value_heads
    size = getattr(settings, "head_dim", None) or settings.hidden_size // count
    return Heads(pairs, count // pairs, size, size**-0.5)


def _past(trace: Trace) -> Past:
    zero = torch.zeros_like
    return Past(trace.keys, trace.values, zero(trace.keys), zero(trace.values))
