"""A vLLM server that loads LoRA adapters by name while it runs, and gives them up again."""

from __future__ import annotations

from typing import Any

import httpx

from server.errors import Invalid, Unavailable

_CONNECT_SECONDS = 5.0
_LONGEST = 200


class LoraServer:
    """The two calls of vLLM's runtime LoRA; a failure is one sentence with the next step."""

    def __init__(self, base_url: str, *, api_key: str = "", timeout_seconds: float = 60.0) -> None:
        self._seconds = timeout_seconds
        self._http = httpx.Client(
            base_url=base_url,
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            timeout=httpx.Timeout(timeout_seconds, connect=min(_CONNECT_SECONDS, timeout_seconds)),
        )

    def load(self, name: str, path: str) -> None:
        """Load the PEFT folder at a path of the server's; one that is loaded already stays so."""
        answer = self._post("load_lora_adapter", {"lora_name": name, "lora_path": path})
        told = _message(answer)
        if answer.is_success or "already been loaded" in told:
            return
        if "No adapter found" in told:
            raise Invalid(
                f"The model server finds no adapter at {path}.",
                hint="Set PARLANCE_MODEL_ADAPTERS to the path at which it sees the home folder.",
            )
        raise _refused(answer, told)

    def unload(self, name: str) -> None:
        """Give an adapter up; one that is not loaded is none to give up."""
        answer = self._post("unload_lora_adapter", {"lora_name": name})
        if not answer.is_success and answer.status_code != 404:
            raise _refused(answer, _message(answer))

    def close(self) -> None:
        self._http.close()

    def _post(self, call: str, body: dict[str, str]) -> httpx.Response:
        try:
            return self._http.post(call, json=body)
        except httpx.TimeoutException:
            raise Unavailable(
                f"The model server did not answer within {self._seconds:g} seconds.",
                hint="Look at its log, then promote again.",
            ) from None
        except httpx.TransportError as error:
            raise Unavailable(
                f"The model server at {self._http.base_url} cannot be reached ({error}).",
                hint="Start it, or correct PARLANCE_MODEL_URL.",
            ) from None


def _refused(answer: httpx.Response, told: str) -> Unavailable:
    if answer.status_code == 404:
        return Unavailable(
            "The model server loads no adapters at run time.",
            hint="Start vLLM with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True.",
        )
    return Unavailable(
        f"The model server refused the adapter with status {answer.status_code}: {told}",
        hint="Its log says more.",
    )


def _message(answer: httpx.Response) -> str:
    """The server's own words, in whichever of its shapes they come."""
    try:
        body: Any = answer.json()
    except ValueError:
        body = answer.text
    if isinstance(body, dict):
        body = body.get("error", body)
    if isinstance(body, dict):
        body = body.get("message", "")
    return " ".join(str(body).split())[:_LONGEST]
