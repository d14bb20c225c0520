"""Loss of replies under the very weights that serve: one OpenVINO forward pass for each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov

from server.signals import same_signal_stack
from tuning.metrics import Loss
from tuning.rows import Encoded

# As the engine's "exact" precision: the figure must not depend on rounding to 8 bit.
_PROPERTIES = {"INFERENCE_PRECISION_HINT": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0"}


def losses(model_dir: Path, rows: Sequence[Encoded], *, threads: int = 0) -> list[Loss]:
    """The summed loss over the reply of each row, in nats, with its number of tokens."""
    properties = dict(_PROPERTIES)
    if threads:
        properties["INFERENCE_NUM_THREADS"] = str(threads)
    core = ov.Core()
    with same_signal_stack():
        model = core.compile_model(str(model_dir / "openvino_model.xml"), "CPU", properties)
    request = model.create_infer_request()
    return [_loss(request, row) for row in rows]


def _loss(request: Any, row: Encoded) -> Loss:
    request.reset_state()
    count = len(row.ids)
    found = request.infer(
        {
            "input_ids": np.array([row.ids], dtype=np.int64),
            "attention_mask": np.ones((1, count), dtype=np.int64),
            "position_ids": np.arange(count, dtype=np.int64)[None],
            "beam_idx": np.zeros(1, dtype=np.int32),
        }
    )
    # Position p predicts token p + 1; only the reply's tokens count.
    logits = found["logits"][0, row.prompt_tokens - 1 : -1].astype(np.float64)
    wanted = np.array(row.ids[row.prompt_tokens :])
    top = logits.max(axis=1)
    normal = top + np.log(np.exp(logits - top[:, None]).sum(axis=1))
    nats = normal - logits[np.arange(len(wanted)), wanted]
    return Loss(float(nats.sum()), len(wanted))
