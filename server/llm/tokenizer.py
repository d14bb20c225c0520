"""Text to token ids and back: the one chat renderer of serving, training and evaluation.

Control tokens (`<|im_start|>` and the like) enter a prompt only as ids that the chat template asked
for. Whatever a visitor or a crawled page wrote is encoded as plain text, so no content can open or
close a turn.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

from server.errors import Invalid

TOKENIZER_FILE = "tokenizer.json"
CHAT_FILE = "chat.json"
_ROLES = frozenset({"system", "user", "assistant"})
# Private-use characters around an index: the template is rendered with these in place of content.
_OPEN, _CLOSE = "\ue000", "\ue001"


@dataclass(frozen=True, slots=True)
class ChatFormat:
    """What a model's chat needs beside its vocabulary; stored as chat.json beside the model."""

    template: str
    context_length: int
    bos_token: str
    eos_token: str
    control_tokens: Mapping[str, int]


class ChatTokenizer:
    """Encodes chats and decodes replies for one prepared model directory."""

    def __init__(self, model_dir: Path) -> None:
        definition = json.loads((model_dir / TOKENIZER_FILE).read_text(encoding="utf-8"))
        chat = json.loads((model_dir / CHAT_FILE).read_text(encoding="utf-8"))
        self.format = ChatFormat(**chat)
        # Without its added tokens the vocabulary can only spell a control token out.
        definition["added_tokens"] = []
        self._plain = Tokenizer.from_str(json.dumps(definition))
        self._template = _compile(self.format.template)
        self._token_bytes = _token_bytes(self._plain, self.format.control_tokens)

    def encode(self, text: str) -> list[int]:
        """Encode plain text; a control token spelled in it stays text."""
        ids: list[int] = self._plain.encode(text, add_special_tokens=False).ids
        return ids

    def count_tokens(self, text: str) -> int:
        """Count the tokens of a plain text."""
        return len(self.encode(text))

    def encode_chat(
        self, messages: Sequence[Mapping[str, str]], *, add_generation_prompt: bool = True
    ) -> list[int]:
        """Encode role/content messages as the model's chat template lays them out."""
        ids: list[int] = []
        for part in self._layout(messages, add_generation_prompt):
            if isinstance(part, int):
                ids.append(part)
            else:
                ids.extend(self.encode(part))
        return ids

    def decode_bytes(self, token: int) -> bytes:
        """Return the UTF-8 bytes one token stands for; nothing for a control token."""
        return self._token_bytes.get(token, b"")

    def decode(self, ids: Sequence[int]) -> str:
        """Decode whole ids; bytes that form no character are left out."""
        return b"".join(map(self.decode_bytes, ids)).decode("utf-8", errors="ignore")

    def _layout(
        self, messages: Sequence[Mapping[str, str]], add_generation_prompt: bool
    ) -> list[int | str]:
        """Split a chat into control ids and the runs of plain text between them."""
        marked = [
            {"role": _role(message), "content": f"{_OPEN}{index}{_CLOSE}"}
            for index, message in enumerate(messages)
        ]
        try:
            rendered = self._template.render(
                messages=marked,
                add_generation_prompt=add_generation_prompt,
                bos_token=self.format.bos_token,
                eos_token=self.format.eos_token,
            )
        except TemplateError as fault:
            raise _bad_template(fault) from fault
        parts: list[int | str] = []
        for piece in _split_control(rendered, self.format.control_tokens):
            # Content is put back only after the split: it can never be cut into control tokens.
            parts.append(_fill(piece, messages) if isinstance(piece, str) else piece)
        return parts


def _role(message: Mapping[str, str]) -> str:
    role = message["role"]
    if role not in _ROLES:
        raise Invalid(f"a message has the role '{role}'.", hint="Use system, user or assistant.")
    return role


def _split_control(rendered: str, control: Mapping[str, int]) -> list[int | str]:
    """Cut the rendered template at its control tokens, longest name first."""
    parts: list[int | str] = [rendered]
    for token in sorted(control, key=len, reverse=True):
        cut: list[int | str] = []
        for part in parts:
            if isinstance(part, int):
                cut.append(part)
                continue
            first, *rest = part.split(token)
            cut.append(first)
            for text in rest:
                cut += [control[token], text]
        parts = cut
    return [part for part in parts if part != ""]


def _fill(piece: str, messages: Sequence[Mapping[str, str]]) -> str:
    head, *rest = piece.split(_OPEN)
    for marked in rest:
        index, tail = marked.split(_CLOSE, 1)
        head += messages[int(index)]["content"] + tail
    return head


def _compile(template: str) -> Any:
    """Compile the chat template in a sandbox: it came with the model file, like any download."""
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    try:
        return environment.from_string(template)
    except TemplateError as fault:
        raise _bad_template(fault) from fault


def _bad_template(fault: TemplateError) -> Invalid:
    return Invalid(
        f"the model's chat template cannot be used: {fault}.",
        hint="Use a GGUF of an instruct model.",
    )


def _token_bytes(tokenizer: Tokenizer, control: Mapping[str, int]) -> dict[int, bytes]:
    """Map each id to its bytes, undoing the byte-level alphabet of GPT-2 style vocabularies."""
    alphabet = _byte_alphabet()
    silent = set(control.values())
    table: dict[int, bytes] = {}
    for token, index in tokenizer.get_vocab(with_added_tokens=False).items():
        if index not in silent:
            table[index] = b"".join(
                bytes([alphabet[char]]) if char in alphabet else char.encode() for char in token
            )
    return table


def _byte_alphabet() -> dict[str, int]:
    """The printable stand-ins GPT-2's vocabulary uses for bytes (`Ġ` for a space)."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    alphabet = {chr(byte): byte for byte in printable}
    hidden = (byte for byte in range(256) if byte not in set(printable))
    alphabet.update({chr(256 + shift): byte for shift, byte in enumerate(hidden)})
    return alphabet
