"""An owner's checker by path, on a tiny random classifier made here and converted to OpenVINO."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertForSequenceClassification

from server.answering.grounding import Ground, Support
from server.errors import Invalid
from server.llm.checker import Checker

pytestmark = pytest.mark.slow  # torch makes and converts the models

FACTS = ("Orders can be returned within 30 days.", "Opened software cannot be returned.")
OWN_WORDS = "Orders can be returned in 30 days."
LABELS = ["contradiction", "neutral", "entailment"]


def _tokenizer() -> Tokenizer:
    words = "[PAD] [UNK] [CLS] [SEP] orders can be returned within 30 days . opened software not"
    vocabulary = {word: n for n, word in enumerate(words.split())}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return made


def _classifier(outputs: int, bias: Sequence[float]) -> BertForSequenceClassification:
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=20,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        num_labels=outputs,
        attn_implementation="eager",
    )
    model = BertForSequenceClassification(config).eval()
    with torch.no_grad():
        model.classifier.bias[:] = torch.tensor(bias)
    return model


def _saved(folder: Path, model: BertForSequenceClassification, labels: Sequence[str] = ()) -> Path:
    names = ("input_ids", "attention_mask", "token_type_ids")
    example = {name: torch.ones((2, 8), dtype=torch.int64) for name in names}
    shapes = [(name, ov.PartialShape([-1, -1]), ov.Type.i64) for name in names]
    with warnings.catch_warnings():
        # OpenVINO still converts by what torch and transformers have begun to warn of.
        warnings.simplefilter("ignore")
        converted = ov.convert_model(model, example_input=example, input=shapes)
    ov.save_model(converted, folder / "openvino_model.xml", compress_to_fp16=False)
    _tokenizer().save(str(folder / "tokenizer.json"))
    if labels:
        named = {str(n): label for n, label in enumerate(labels)}
        (folder / "config.json").write_text(json.dumps({"id2label": named}))
    return folder


def _expected(model: BertForSequenceClassification, sentence: str) -> float:
    """The best of three premises, one at a time and without padding."""
    best = 0.0
    for premise in [*FACTS, " ".join(FACTS)]:
        encoded = _tokenizer().encode(premise, sentence)
        with torch.no_grad():
            logits = model(
                input_ids=torch.tensor([encoded.ids]),
                token_type_ids=torch.tensor([encoded.type_ids]),
                attention_mask=torch.tensor([encoded.attention_mask]),
            ).logits[0]
        probability = logits.softmax(0)[2] if len(logits) == 3 else logits.sigmoid()[0]
        best = max(best, float(probability))
    return best


@pytest.mark.parametrize("labels", [LABELS, []])
def test_a_checker_scores_as_its_model_does(tmp_path: Path, labels: list[str]) -> None:
    model = _classifier(len(labels) or 1, [0.0] * (len(labels) or 1))
    checker = Checker(_saved(tmp_path, model, labels), threads=1)
    for sentence in (OWN_WORDS, "Opened software can be returned."):
        assert checker(FACTS, sentence) == pytest.approx(_expected(model, sentence), abs=0.005)
    assert checker([], OWN_WORDS) == 0.0


@pytest.mark.parametrize(("bias", "support"), [(9.0, "supported"), (-9.0, "unsupported")])
def test_a_checker_may_veto_what_the_rules_pass(tmp_path: Path, bias: float, support: str) -> None:
    checker = Checker(_saved(tmp_path, _classifier(3, [0.0, 0.0, bias]), LABELS), threads=1)
    ground = Ground.of(FACTS, extra=checker)
    assert ground.check(OWN_WORDS) is Support(support)


def test_a_long_fact_is_cut_and_the_sentence_is_not(tmp_path: Path) -> None:
    checker = Checker(_saved(tmp_path, _classifier(3, [0.0] * 3), LABELS), threads=1)
    score = checker(["orders can be returned " * 400], OWN_WORDS)
    assert 0.0 < score < 1.0 and np.isfinite(score)


def test_a_folder_that_cannot_be_used_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"holds no openvino_model\.xml"):
        Checker(tmp_path)
    _saved(tmp_path, _classifier(3, [0.0] * 3))
    with pytest.raises(Invalid, match="which output means entailment"):
        Checker(tmp_path)
    (tmp_path / "openvino_model.xml").write_text("no model")
    with pytest.raises(Invalid, match="cannot be read"):
        Checker(tmp_path)
