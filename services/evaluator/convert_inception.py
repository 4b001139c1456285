"""`mammosynth convert-inception`: the safetensors file that `evaluate` takes, of a PyTorch checkpoint."""

import hashlib

from rich.console import Console

from services.evaluator.configuration import ConvertInceptionConfiguration
from shared.errors import ConfigurationError
from shared.files import write_atomically


def run(configuration: ConvertInceptionConfiguration) -> int:
    """Write the file, and say which network it holds; returns the exit code, 0.

    Raises:
        WeightsNotFoundError: if there is no checkpoint.
        ModelError: if it holds other things than tensors, or another network's.
        ConfigurationError: if torch is not installed, or the file cannot be written.

    """
    try:
        # torch takes seconds to import, and only those who measure with a network have it.
        import safetensors.torch  # noqa: PLC0415

        from services.evaluator.distances.checkpoint import read_tensors  # noqa: PLC0415
        from services.evaluator.distances.inception import fill_network  # noqa: PLC0415
        from services.evaluator.distances.tensorflow_names import rename  # noqa: PLC0415
    except ImportError as error:
        raise ConfigurationError(f"convert-inception: needs the extra `inception` to be installed: {error}") from error
    checkpoint, output = configuration.checkpoint, configuration.output
    found = read_tensors(checkpoint)
    weights = rename(found) or found
    network, name = fill_network(weights, where=f"CHECKPOINT: {checkpoint}")
    kept = {key: weights[key].float().contiguous() for key in (*network.state_dict(), "fc.bias") if key in weights}
    data = safetensors.torch.save(kept)
    try:
        write_atomically(output, data)
    except OSError as error:
        raise ConfigurationError(f"--output: cannot write {output}: {error.strerror or error}") from error
    Console().print(
        f"{name}, {len(kept)} tensors\n"
        f"read {checkpoint}, sha256 {hashlib.sha256(checkpoint.read_bytes()).hexdigest()}\n"
        f"written {output}, sha256 {hashlib.sha256(data).hexdigest()}",
        soft_wrap=True,
        highlight=False,
        markup=False,
    )
    return 0
