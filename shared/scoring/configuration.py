"""What a scoring service is started with."""

from pathlib import Path

from pydantic import Field

from shared.rpc.server import ServerConfiguration
from shared.scoring.provider import Provider


class ScoringConfiguration(ServerConfiguration):
    """Options of both scoring services; each sub-class gives its `env_prefix`."""

    model: Path
    """Model file that is served, ONNX as the trainer writes it."""
    sha256: str | None = Field(default=None, pattern="^[0-9a-fA-F]{64}$")
    """Hash that the model file must have, 64 hexadecimal digits; any if not given."""
    provider: Provider = Provider.AUTO
    """Where the model runs; auto takes a GPU where there is one, cuda refuses to start without one."""
    batch: int | None = Field(default=None, ge=1, le=1024)
    """Films computed together, always as many, short batches padded; 1 on a CPU and 8 on a GPU if not given."""
    threads: int = Field(default=1, ge=1, le=256)
    """Threads within one operation, on a CPU; scores may depend on it, so it does not follow the number of cores."""
    queue_limit: int = Field(default=64, ge=1)
    """Requests that may wait before more are refused with a time to ask again."""
    check_only: bool = False
    """Read the model and end: with 0 if it can be served, with 2 and a line that says why if not."""
