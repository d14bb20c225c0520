"""Training on several processes or machines: the same train function under Ray Train.

Each process takes its part of every batch; the gradients are added up, so a step is the one that
a single process would make. Needs the optional extra `ray`, and a folder that all can reach.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import torch

from server.errors import AppError, Invalid, Unavailable
from tuning.child import read_json
from tuning.places import TRAINED
from tuning.training.job import Job


def train_on_ray(job: Job) -> dict[str, Any] | None:
    """Train a job with `config.workers` processes; its figures, as one process returns them."""
    ray, parts = _ray()
    workers = job.config.workers
    # Without an address in the environment, a cluster of this machine that ends with this process.
    ray.init(
        address=os.environ.get("RAY_ADDRESS", "local"),
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    try:
        trainer = parts["trainer"](
            _work,
            train_loop_config={"folder": str(job.folder.resolve())},
            scaling_config=parts["scaling"](num_workers=workers, use_gpu=torch.cuda.is_available()),
            run_config=parts["run"](storage_path=str((job.folder / "ray").resolve())),
            torch_config=parts["torch"](backend=None if torch.cuda.is_available() else "gloo"),
        )
        trainer.fit()
    except Exception as fault:
        raise _told(fault) from fault
    finally:
        ray.shutdown()
    return read_json(job.folder / TRAINED) if (job.folder / TRAINED).is_file() else None


def _work(config: dict[str, str]) -> None:
    """One process: the train function, which finds the others by itself."""
    # Here, not above: this runs in another process, where nothing is imported yet.
    from tuning.training.train import quiet, train

    quiet()
    train(Job.read(Path(config["folder"])))


def _ray() -> tuple[Any, dict[str, Any]]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        from ray.train import RunConfig, ScalingConfig
        from ray.train.torch import TorchConfig, TorchTrainer
    except ImportError as missing:
        raise Unavailable(
            "Ray is not installed.", hint="Install it with the extra: pip install '.[ray]'"
        ) from missing
    return ray, {
        "trainer": TorchTrainer,
        "scaling": ScalingConfig,
        "run": RunConfig,
        "torch": TorchConfig,
    }


def _told(fault: Exception) -> AppError:
    """The first error a worker raised for a person, or one that names the log."""
    seen: list[Any] = [fault]
    for found in seen:
        if isinstance(found, AppError):
            return Invalid(found.message, hint=found.hint)
        failures = getattr(found, "worker_failures", None) or {}
        seen += [e for e in (*failures.values(), found.__cause__) if e is not None]
        if len(seen) > 50:
            break
    return Unavailable(f"Training on Ray failed: {str(fault)[-300:]}", hint="See Ray's logs.")
