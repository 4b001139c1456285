"""For PyTorch: exported films as a `Dataset`, generated ones as an `IterableDataset`.

Needs the extra `torch`: `mammosynth-client[torch]`.
"""

try:
    import pyarrow  # noqa: F401  Parquet exports
    import torch  # noqa: F401
    from PIL import Image  # noqa: F401
except ImportError as error:
    raise ImportError(
        f"mammosynth.torch needs {error.name or 'more packages'}: pip install 'mammosynth-client[torch]'"
    ) from error

from mammosynth.torch.exported import ExportedFilms
from mammosynth.torch.generated import GeneratedFilms

__all__ = ["ExportedFilms", "GeneratedFilms"]
