"""Everything that the next epoch of a training depends on, as tensors and plain JSON, and back."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from shared.errors import RefusedRunError

_NETWORK, _KEPT, _OPTIMIZER, _RANDOM = "network/", "kept/", "optimizer/", "random/"


def capture(
    network: nn.Module, optimizer: torch.optim.Optimizer, kept: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Weights and buffers, the optimizer's memory, torch's random generators, and the weights kept so far.

    Returns tensors by name, and what the optimizer remembers that is no tensor.
    """
    tensors = _prefixed(_NETWORK, network.state_dict()) | _prefixed(_KEPT, kept) | _random_state()
    plain: dict[str, Any] = {}
    for parameter, memory in optimizer.state_dict()["state"].items():
        for name, value in memory.items():
            key = f"{parameter}/{name}"
            if isinstance(value, Tensor):
                tensors[_OPTIMIZER + key] = value
            else:
                plain[key] = value
    return tensors, plain


def restore(
    network: nn.Module, optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], plain: Mapping[str, Any]
) -> dict[str, Tensor]:
    """Put back what `capture` took, but for the optimizer's hyper-parameters; returns the weights kept so far.

    Raises RefusedRunError when the weights are those of another network.
    """
    memory: dict[int, dict[str, Any]] = {}
    for key, value in (_without(_OPTIMIZER, tensors) | dict(plain)).items():
        parameter, name = key.split("/", 1)
        memory.setdefault(int(parameter), {})[name] = value
    optimizer.load_state_dict({"state": memory, "param_groups": optimizer.state_dict()["param_groups"]})
    load_weights(network, _without(_NETWORK, tensors))
    _restore_random(tensors)
    return _without(_KEPT, tensors)


def finished(network: nn.Module) -> dict[str, Tensor]:
    """What is left to say when a fit has ended: its weights, and where the random generators stand."""
    return _prefixed(_NETWORK, network.state_dict()) | _random_state()


def restore_finished(network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Put back what `finished` took."""
    load_weights(network, _without(_NETWORK, tensors))
    _restore_random(tensors)


def load_weights(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Fill all parameters and buffers; RefusedRunError when they are those of another network."""
    try:
        network.load_state_dict(dict(weights))
    except RuntimeError as error:
        raise RefusedRunError(f"the checkpoint holds another network: {error}: needed is --restart") from error


def _random_state() -> dict[str, Tensor]:
    states = {f"{_RANDOM}cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states[f"{_RANDOM}cuda"] = torch.cuda.get_rng_state()
    return states


def _restore_random(tensors: Mapping[str, Tensor]) -> None:
    torch.set_rng_state(tensors[f"{_RANDOM}cpu"])
    if torch.cuda.is_available() and f"{_RANDOM}cuda" in tensors:
        torch.cuda.set_rng_state(tensors[f"{_RANDOM}cuda"])


def _prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {prefix + key: value for key, value in tensors.items()}


def _without(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}
