"""Conversions that need the training packages: `python -m tuning.merging.convert STAGE FOLDER`.

`base` and `embedding` are called by server.llm.models in a child process; progress and a person's
error go to stdout as one JSON object a line. `training_base` is for the training run itself.
"""

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from server.errors import AppError
from server.llm.models import build_ir
from tuning.merging.gguf_file import open_gguf, write_served
from tuning.merging.tokenizer_file import write_tokenizer

EMBEDDING_TOKENS = 256


def convert_base(folder: Path) -> None:
    """Turn `folder`/source.gguf into `folder`/serving."""
    _tell("reading the model", 0.0)
    model = open_gguf(folder / "source.gguf")
    served = folder / "served.gguf"
    tokenizer = folder / "tokenizer"
    tokenizer.mkdir()
    write_tokenizer(model, tokenizer)
    _tell("writing 8-bit weights", 0.1)
    write_served(model, served)
    _tell("building the serving model", 0.55)
    build_ir(served, folder / "serving", tokenizer_from=tokenizer)
    served.unlink()
    shutil.rmtree(tokenizer)
    _tell("the chat model is ready", 1.0)


def convert_embedding(folder: Path, weights: Path) -> None:
    """Turn all-MiniLM-L6-v2's weights into an OpenVINO model in `folder`."""
    _tell("loading the embedding model", 0.0)
    import openvino as ov  # torch-sized imports; `base` does without them
    import torch
    from openvino_tokenizers import convert_tokenizer
    from transformers import AutoTokenizer, BertModel

    # The pooler is not part of the sentence embedding and would only be carried along.
    model = BertModel.from_pretrained(weights, add_pooling_layer=False, dtype=torch.float32)
    model.train(False)
    tokenizer = AutoTokenizer.from_pretrained(weights, model_max_length=EMBEDDING_TOKENS)
    _tell("converting the embedding model", 0.5)
    example = dict(
        tokenizer(["one text", "and another, longer"], padding=True, return_tensors="pt")
    )
    converted = ov.convert_model(model, example_input=example)
    ov.save_model(converted, folder / "openvino_model.xml", compress_to_fp16=True)
    ov.save_model(convert_tokenizer(tokenizer), folder / "openvino_tokenizer.xml")
    shutil.copyfile(weights / "config.json", folder / "config.json")
    _tell("the embedding model is ready", 1.0)


def training_base(prepared_root: Path) -> Path:
    """Return the model as a transformers folder (fp16 weights), made on the first call.

    Its tokenizer is built from the very files serving uses, so both see the same ids.
    """
    target = prepared_root / "train"
    if (target / "config.json").is_file():
        return target
    folder = Path(tempfile.mkdtemp(prefix=".making-", dir=prepared_root))
    try:
        _save_weights(prepared_root, folder)
        _save_tokenizer(prepared_root / "serving", folder)
        folder.chmod(0o755)
        folder.rename(target)
    except OSError:
        # Another run was faster: its folder is as good as ours.
        if not (target / "config.json").is_file():
            raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return target


def _save_weights(prepared_root: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, GgufConfig

    model = AutoModelForCausalLM.from_pretrained(
        prepared_root,
        gguf_file="source.gguf",
        # Left packed, the weights could be neither saved nor trained.
        quantization_config=GgufConfig(dequantize=True),
        dtype=torch.float16,
    )
    model.save_pretrained(folder)


def _save_tokenizer(serving: Path, folder: Path) -> None:
    from transformers import PreTrainedTokenizerFast

    chat = json.loads((serving / "chat.json").read_text(encoding="utf-8"))
    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_file=str(serving / "tokenizer.json"),
        bos_token=chat["bos_token"],
        eos_token=chat["eos_token"],
        pad_token=chat["eos_token"],
        model_max_length=chat["context_length"],
        clean_up_tokenization_spaces=False,
    )
    tokenizer.chat_template = chat["template"]
    tokenizer.save_pretrained(folder)


def _tell(stage: str, fraction: float) -> None:
    sys.stdout.write(json.dumps({"stage": stage, "fraction": fraction}) + "\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> int:
    """Run one stage; exit 3 with {"invalid", "hint"} on stdout when the input is at fault."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    stage, folder, *rest = arguments
    try:
        if stage == "base":
            convert_base(Path(folder))
        else:
            convert_embedding(Path(folder), Path(rest[0]))
    except AppError as fault:
        sys.stdout.write(json.dumps({"invalid": fault.message, "hint": fault.hint}) + "\n")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
