"""What a run is asked for with, and the Job that works on it."""

import copy
import hashlib
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from shared.errors import ConfigurationError, InvalidInputError, RefusedRunError

_PREFIX = "mammosynth/"
_NAME = re.compile(r"run-[0-9a-f]{16}")
_CONTAINER = "generate"
_LABELS = ("app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/component")


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """What a caller wants; an object that exists is one that can be worked on."""

    request_id: str
    policy: str
    seed: int
    pairs: int
    shards: int

    def __post_init__(self) -> None:
        """Refuse what no Job can be made of.

        Raises:
            InvalidInputError: naming the field.

        """
        if not 1 <= len(self.request_id) <= 63:
            raise InvalidInputError(
                f"request_id: found {len(self.request_id)} characters, needed 1 to 63, chosen by the caller"
            )
        if self.pairs < 1:
            raise InvalidInputError(f"pairs: found {self.pairs}, needed 1 or more")
        if not 1 <= self.shards <= self.pairs:
            raise InvalidInputError(f"shards: found {self.shards}, needed 1 to the number of pairs, {self.pairs}")

    @property
    def name(self) -> str:
        """Name of the run: the same id always has the same, so that a Job of it can be made once only."""
        return f"run-{hashlib.sha256(self.request_id.encode()).hexdigest()[:16]}"

    def check_same(self, first: "RunRequest") -> None:
        """Refuse a second request of the same id that wants something else.

        Raises:
            RefusedRunError: naming what differs.

        """
        before, now = asdict(first), asdict(self)
        differing = [f"{key}: begun with {before[key]!r}, now {now[key]!r}" for key in now if before[key] != now[key]]
        if differing:
            raise RefusedRunError(f"request_id {self.request_id!r} was used before: {'; '.join(differing)}")

    def annotations(self) -> dict[str, str]:
        """The request as annotations of its Job."""
        return {f"{_PREFIX}{key.replace('_', '-')}": str(value) for key, value in asdict(self).items()}

    @classmethod
    def from_annotations(cls, annotations: dict[str, str]) -> "RunRequest | None":
        """Read them back; None where the Job is no run of ours."""
        try:
            found = {key: annotations[f"{_PREFIX}{key.replace('_', '-')}"] for key in cls.__dataclass_fields__}
            numbers = {key: int(found[key]) for key in ("seed", "pairs", "shards")}
            return cls(request_id=found["request_id"], policy=found["policy"], **numbers)
        except (KeyError, ValueError, InvalidInputError):
            return None


def is_run_name(name: str) -> bool:
    """Whether a run may be called so."""
    return _NAME.fullmatch(name) is not None


class JobTemplate:
    """The Job that every run is made of, as the installation wants it: images, claims, resources, limits."""

    def __init__(self, job: dict[str, Any]) -> None:
        """Take a Job.

        Raises:
            ConfigurationError: if it is none, or has no container called "generate".

        """
        try:
            self._job = job
            self.labels = {key: str(job["metadata"]["labels"][key]) for key in _LABELS}
            _generate(job)
        except (KeyError, TypeError, StopIteration) as error:
            raise ConfigurationError(
                f"--job-template: found no Job with the labels {', '.join(_LABELS)} and a container {_CONTAINER!r}"
            ) from error

    @classmethod
    def read(cls, path: Path) -> "JobTemplate":
        """Read it from a YAML file.

        Raises:
            ConfigurationError: if there is none.

        """
        try:
            return cls(yaml.safe_load(path.read_text(encoding="utf-8")))
        except (OSError, yaml.YAMLError) as error:
            raise ConfigurationError(f"--job-template: cannot read {path}: {error}") from error

    def fill(self, request: RunRequest, *, output: str, policy: str) -> dict[str, Any]:
        """Return the Job of a run.

        Args:
            request: what is wanted.
            output: address of its run directory.
            policy: what `generate` is told: a shipped name, or a path that its pod has.

        """
        job = copy.deepcopy(self._job)
        metadata, spec = job["metadata"], job["spec"]
        metadata["name"] = request.name
        metadata["annotations"] = metadata.get("annotations", {}) | request.annotations()
        spec["completions"] = request.shards
        spec["parallelism"] = min(int(spec.get("parallelism", 1)), request.shards)
        container = _generate(job)
        container["args"] = ["generate", f"--shard=$(JOB_COMPLETION_INDEX)/{request.shards}"]
        told = {"OUTPUT": output, "PAIRS": request.pairs, "SEED": request.seed, "POLICY": policy}
        values = {f"MAMMOSYNTH_GENERATE_{name}": str(value) for name, value in told.items()}
        others = [item for item in container.get("env", []) if item["name"] not in values]
        container["env"] = others + [{"name": name, "value": value} for name, value in values.items()]
        return job


def _generate(job: dict[str, Any]) -> dict[str, Any]:
    containers: list[dict[str, Any]] = job["spec"]["template"]["spec"]["containers"]
    return next(item for item in containers if item["name"] == _CONTAINER)
