"""A scoring model in ONNX Runtime, on one device, at one fixed batch shape."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import PIL

from shared.descriptions import ModelDescription, ModelIdentity
from shared.errors import ModelError
from shared.models import INPUTS, OUTPUTS, ModelArtefact
from shared.numerics import CPU, Numerics, gpu_name, instruction_set
from shared.recipe import Region
from shared.scoring.preparation import PreparedFilm
from shared.scoring.provider import Provider

_CUDA_PROVIDER = "CUDAExecutionProvider"
_CPU_PROVIDER = "CPUExecutionProvider"
_CUDA_OPTIONS = {
    # Exhaustive search, the default, times the kernels at each start and picks by the clock: other bits each time.
    "cudnn_conv_algo_search": "HEURISTIC",
    # TF32 has 10 bits of mantissa; a score is to be a float32 score on any device.
    "use_tf32": "0",
    "arena_extend_strategy": "kSameAsRequested",
}
_BATCH_ON_CPU, _BATCH_ON_GPU = 1, 8


class ScoringSession:
    """A model that is loaded and runs batches of one fixed shape; short batches are padded.

    The shape never changes, because ONNX Runtime's results change with it, and a score must not depend on who else
    called.
    """

    def __init__(self, artefact: ModelArtefact, *, provider: Provider, batch: int | None, threads: int) -> None:
        """Load a model.

        Args:
            artefact: the file, read and checked.
            provider: where it must run; `auto` takes a GPU where there is one.
            batch: films of a batch; None takes 1 on a CPU and 8 on a GPU.
            threads: threads within one operation, on a CPU.

        Raises:
            ModelError: if ONNX Runtime refuses the model, or does not run it on the device that was asked for.

        """
        self._session = _open(artefact, provider, threads)
        self._kind = artefact.metadata.kind
        self._on_gpu = self._session.get_providers()[0] == _CUDA_PROVIDER
        self._threads = 0 if self._on_gpu else threads
        self.size = artefact.metadata.input_size
        """Rows and columns of the input, in pixels."""
        self.batch = batch or (_BATCH_ON_GPU if self._on_gpu else _BATCH_ON_CPU)
        """Films of one batch."""
        self.description = _describe(artefact)
        fixed = self._session.get_inputs()[0].shape[0]
        if isinstance(fixed, int) and fixed != self.batch:
            raise ModelError(f"{artefact.path}: takes batches of {fixed} only, needed {self.batch}")

    def run(self, films: Sequence[PreparedFilm]) -> dict[str, npt.NDArray[np.float32]]:
        """Run 1 to `batch` films; returns the model's outputs by name, one row a film."""
        shape = (self.batch, 1, self.size, self.size)
        inputs = {"film": np.zeros(shape, dtype=np.float32), "mask": np.ones(shape, dtype=np.float32)}
        for slot, prepared in enumerate(films):
            inputs["film"][slot, 0] = prepared.film
            inputs["mask"][slot, 0] = prepared.mask
        names = OUTPUTS[self._kind]
        outputs = self._session.run(names, {name: inputs[name] for name in INPUTS})
        return {name: output[: len(films)] for name, output in zip(names, outputs, strict=True)}

    def warm_up(self) -> None:
        """Run the model, and check that a film's numbers are the same alone, beside others and in every slot.

        Raises:
            ModelError: if it does not run, or the numbers differ.

        """
        noise = np.random.default_rng(0).random((2, self.size, self.size), dtype=np.float32)
        probe, other = (PreparedFilm(film, film > 0.1) for film in noise)
        try:
            alone, beside, everywhere = (
                self.run(films) for films in ([probe], [probe, *[other] * (self.batch - 1)], [probe] * self.batch)
            )
        except Exception as error:  # ONNX Runtime raises classes of its own, without a common base
            raise ModelError(f"{self.description.identity.name}: does not run: {error}") from error
        for name, expected in alone.items():
            rows = [*beside[name][:1], *everywhere[name]]
            if any(row.tobytes() != expected[0].tobytes() for row in rows):
                raise ModelError(
                    f"{self.description.identity.name}: output {name} of a film depends on its place among "
                    f"{self.batch} on this device; --batch 1 keeps films apart"
                )

    @property
    def numerics(self) -> Numerics:
        """What the bits of the outputs depend on."""
        return Numerics(
            device_kind=gpu_name() if self._on_gpu else CPU,
            dtype="float32",
            slots=self.batch,
            threads=self._threads,
            instruction_set="" if self._on_gpu else instruction_set(),
            versions={
                "mammosynth": version("mammosynth"),
                "numpy": np.__version__,
                "onnxruntime": onnxruntime.__version__,
                "pillow": PIL.__version__,
            },
        )


def _open(artefact: ModelArtefact, provider: Provider, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.use_deterministic_compute = True
    # Idle threads that spin would take the cores from the stylizer beside them.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    providers: list[Any] = [_CPU_PROVIDER]
    if provider is not Provider.CPU and _CUDA_PROVIDER in onnxruntime.get_available_providers():
        onnxruntime.preload_dlls()
        providers.insert(0, (_CUDA_PROVIDER, _CUDA_OPTIONS))
    try:
        session = onnxruntime.InferenceSession(artefact.data, sess_options=options, providers=providers)
    except Exception as error:  # ONNX Runtime raises classes of its own, without a common base
        raise ModelError(f"{artefact.path}: ONNX Runtime refuses it: {error}") from error
    if provider is Provider.CUDA and _CUDA_PROVIDER not in session.get_providers():
        raise ModelError(
            f"--provider cuda: found {', '.join(session.get_providers())}, needed {_CUDA_PROVIDER}: "
            "is onnxruntime-gpu installed (extra `gpu`), and does this process see a GPU?"
        )
    return session


def _describe(artefact: ModelArtefact) -> ModelDescription:
    metadata = artefact.metadata
    return ModelDescription(
        identity=ModelIdentity(name=metadata.name, sha256=artefact.sha256),
        input_size=metadata.input_size,
        region=Region(metadata.region),
        thresholds=metadata.thresholds,
        default_threshold=metadata.default_threshold,
        training_set_sha256=metadata.training_set_sha256,
        metrics=metadata.metrics,
        detector=metadata.detector,
        on=metadata.on,
    )
