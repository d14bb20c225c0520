"""The fast way against transformers and PEFT: the same loss, the same gradients."""

from __future__ import annotations

from typing import Any

import pytest

from tuning.data.rows import IGNORED, Encoded

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::FutureWarning")]

SYSTEM = list(range(40, 64))
ROWS = [
    Encoded([*SYSTEM, 1, 2, 3, 5, 6, 7, 8], 27),
    Encoded([*SYSTEM, 1, 4, 9, 9, 10], 26),
    Encoded([*SYSTEM, 11, 12, 13, 14, 15, 16, 17, 18, 19], 29),
    Encoded([*SYSTEM, 21, 22], 25),
]
OTHERS = [Encoded([n + row for n in range(9, 19 + row)], 4 + row) for row in range(4)]


def _model(family: str) -> Any:
    """A random LoRA model whose factors are all non-zero, so that every gradient counts."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(1)
    sizes: dict[str, Any] = {
        "vocab_size": 70,
        "hidden_size": 48,
        "intermediate_size": 80,
        "num_hidden_layers": 3,
        "num_attention_heads": 6,
        "num_key_value_heads": 2,
        "initializer_range": 0.2,
    }
    if family == "qwen2":
        base: Any = Qwen2ForCausalLM(Qwen2Config(**sizes))
    else:
        base = LlamaForCausalLM(LlamaConfig(**sizes, tie_word_embeddings=family == "tied"))
    for name, values in base.named_parameters():
        if name.endswith("norm.weight"):
            torch.nn.init.normal_(values, mean=1.0, std=0.2)
        elif name.endswith("bias"):
            torch.nn.init.normal_(values, std=0.2)
    lora = LoraConfig(r=4, lora_alpha=6, target_modules="all-linear", task_type="CAUSAL_LM")
    model = get_peft_model(base, lora)
    for name, values in model.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(values, std=0.1)
    return model


def _plain(model: Any, rows: list[Encoded]) -> tuple[float, dict[str, Any]]:
    """Transformers' loss over a padded batch, and autograd's gradients."""
    import torch

    longest = max(len(row.ids) for row in rows)
    ids = torch.tensor([row.ids + [0] * (longest - len(row.ids)) for row in rows])
    labels = torch.tensor([row.labels + [IGNORED] * (longest - len(row.ids)) for row in rows])
    mask = torch.tensor([[n < len(row.ids) for n in range(longest)] for row in rows])
    logits = model(input_ids=ids, attention_mask=mask).logits[:, :-1].flatten(0, 1)
    total = torch.nn.functional.cross_entropy(
        logits, labels[:, 1:].flatten(), reduction="sum", ignore_index=IGNORED
    )
    loss = total / (labels != IGNORED).sum()
    loss.backward()
    return loss.item(), _taken(model)


def _fast(
    model: Any, rows: list[Encoded], size: int, *, multiple: int = 1
) -> tuple[float, dict[str, Any]]:
    import torch

    from tuning.training.fast import FastPath

    path = FastPath(model, rows_at_once=size, work=torch.float32)
    path._multiple = multiple
    loss = path.learn(rows, sum(len(row.ids) - row.prompt_tokens for row in rows))
    return loss, _taken(model)


def _taken(model: Any) -> dict[str, Any]:
    grads = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    return grads


def _assert_equal(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    import torch

    assert set(found) == set(wanted)
    assert all("lora_" in name for name in found)
    for name, grad in wanted.items():
        assert grad.abs().max() > 1e-6, name
        assert torch.allclose(found[name], grad, rtol=2e-3, atol=2e-6), name


@pytest.mark.parametrize("family", ["llama", "tied", "qwen2"])
@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize("rows", [ROWS, OTHERS], ids=["shared prefix", "nothing shared"])
def test_loss_and_gradients_are_those_of_the_plain_way(
    family: str, size: int, rows: list[Encoded]
) -> None:
    model = _model(family)
    wanted_loss, wanted = _plain(model, rows)
    loss, found = _fast(model, rows, size)
    assert loss == pytest.approx(wanted_loss, rel=1e-5)
    _assert_equal(found, wanted)


def test_filled_up_rows_change_neither_loss_nor_gradients() -> None:
    model = _model("llama")
    wanted_loss, wanted = _plain(model, ROWS)
    loss, found = _fast(model, ROWS, 2, multiple=64)
    assert loss == pytest.approx(wanted_loss, rel=1e-5)
    _assert_equal(found, wanted)


def test_the_weights_stay_what_they_are_for_those_who_look() -> None:
    import torch

    model = _model("llama")
    before = {name: p.clone() for name, p in model.named_parameters()}
    _fast(model, ROWS, 2)
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())


def test_gradients_add_up_over_two_calls() -> None:
    import torch

    from tuning.training.fast import FastPath

    model = _model("llama")
    path = FastPath(model, rows_at_once=2, work=torch.float32)
    path.learn(ROWS, 10.0)
    once = _taken(model)
    path.learn(ROWS, 10.0)
    path.learn(ROWS, 10.0)
    twice = _taken(model)
    assert all(torch.allclose(twice[name], 2 * grad, rtol=1e-4) for name, grad in once.items())


def test_a_base_in_bf16_learns_the_same_within_its_rounding() -> None:
    import torch

    from tuning.training.fast import FastPath

    model = _model("llama")
    _, wanted = _plain(model, ROWS)
    for module in model.modules():
        if isinstance(module, torch.nn.Linear) and not module.weight.requires_grad:
            module.to(torch.bfloat16)
    model.get_base_model().lm_head.to(torch.bfloat16)
    path = FastPath(model, rows_at_once=4, work=torch.bfloat16)
    path.learn(ROWS, sum(len(row.ids) - row.prompt_tokens for row in ROWS))
    found = _taken(model)
    for name, grad in wanted.items():
        likeness = torch.nn.functional.cosine_similarity(
            found[name].flatten(), grad.flatten(), dim=0
        )
        assert found[name].dtype == torch.float32
        assert likeness > 0.99, name


def test_bf16_without_units_is_worked_in_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from tuning.training import fast

    model = _model("llama").to(torch.bfloat16)
    monkeypatch.setattr(fast, "multiplies_bf16", lambda _device: False)
    assert fast.work_dtype(model) == torch.float32
    monkeypatch.setattr(fast, "multiplies_bf16", lambda _device: True)
    assert fast.work_dtype(model) == torch.bfloat16


@pytest.mark.parametrize(
    ("change", "fast"),
    [({}, True), ({"model_type": "qwen3"}, False), ({"hidden_act": "gelu"}, False)],
)
def test_unknown_families_go_the_plain_way(change: dict[str, str], fast: bool) -> None:
    from tuning.training.fast import is_fast

    base = _model("llama").get_base_model()
    for name, value in change.items():
        setattr(base.config, name, value)
    assert is_fast(base, 0.0) is fast
    assert not is_fast(base, 0.1)
