"""`mammosynth export parquet`: Hugging Face's layout; `datasets.load_dataset(folder)` reads it, as do pandas and Arrow.

data/train-00000-of-00002.parquet   films as bytes, with all that is known of each
README.md                           the data set card
export.json                         where the films come from; written last
"""

import io
import json
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from services.curator.export.card import write_card
from services.curator.export.configuration import ParquetExportConfiguration
from services.curator.export.destination import Destination
from services.curator.export.harvest import Harvest
from services.curator.export.rows import COLUMNS, Row
from services.curator.export.summary import print_export
from services.curator.export.training_set import TrainingSet
from shared.dataset import Label
from shared.progress import progress
from shared.store import Store

# Of pixels before compression, so that neither writing nor reading a file takes much memory.
_BYTES_PER_FILE = 128 * 1024 * 1024
# Films that a reader who wants one of them has to read.
_ROWS_PER_GROUP = 16
_NUMBERS = {"pair": "int64", "trial": "int32", "probability": "float64", "anomaly_score": "float64"}
LABELS = tuple(str(label) for label in Label)
"""Class i of the column `label`."""


def run(configuration: ParquetExportConfiguration) -> int:
    """Write the files; returns the exit code, 0.

    Raises:
        MammosynthError: if run, data set or output cannot be used; see `Harvest`, `TrainingSet` and `Destination`.

    """
    harvest = Harvest.gather(configuration.run, configuration.dataset, partial=configuration.partial)
    films = TrainingSet.choose(harvest, configuration)
    destination = Destination(Store(configuration.output), films.contents("parquet"))
    rows = films.rows()
    files = plan_files(rows, size=harvest.run.pins["size"])
    done = sum(len(part) for name, part in files.items() if destination.has(name))
    with progress("exporting films", total=len(rows), done=done) as shown:
        for name, part in files.items():
            if not destination.has(name):
                destination.write(name, pack(part, [films.image(row) for row in part]))
                shown.advance(len(part), note=name)
    destination.write("README.md", write_card(films, features()).encode())
    destination.finish({"counts": films.counts(), "wanted": films.wanted})
    print_export(Console(), films.counts(), destination.store.address, vetoed=harvest.vetoed)
    return 0


def plan_files(rows: Sequence[Row], *, size: int) -> dict[str, Sequence[Row]]:
    """Share rows out among files, by name, so that each holds at most 128 MB of pixels of 16 bit."""
    most = max(1, _BYTES_PER_FILE // (2 * size * size))
    starts = range(0, len(rows), most)
    return {
        f"data/train-{number:05d}-of-{len(starts):05d}.parquet": rows[start : start + most]
        for number, start in enumerate(starts)
    }


def features() -> dict[str, dict[str, object]]:
    """The columns as Hugging Face's `datasets` names their types."""
    columns: dict[str, dict[str, object]] = {"image": {"_type": "Image"}}
    for name in COLUMNS:
        if name == "label":
            columns[name] = {"names": list(LABELS), "_type": "ClassLabel"}
        else:
            columns[name] = {"dtype": _NUMBERS.get(name, "string"), "_type": "Value"}
    return columns


def schema() -> pa.Schema:
    """The columns as Arrow has them, with Hugging Face's types in the metadata."""
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    columns = [("image", image)]
    for name in COLUMNS:
        kind = "int64" if name == "label" else _NUMBERS.get(name, "string")
        columns.append((name, pa.type_for_alias(kind)))
    metadata = {"huggingface": json.dumps({"info": {"features": features()}})}
    return pa.schema(columns, metadata=metadata)


def pack(rows: Sequence[Row], images: Sequence[bytes]) -> bytes:
    """Write one Parquet file; the same rows and images are the same bytes with the same version of Arrow."""
    table = pa.Table.from_pylist(
        [
            {
                **row.values(),
                "label": LABELS.index(row.label),
                "image": {"bytes": image, "path": row.file_name},
            }
            for row, image in zip(rows, images, strict=True)
        ],
        schema=schema(),
    )
    buffer = io.BytesIO()
    # Images are compressed already.
    pq.write_table(table, buffer, row_group_size=_ROWS_PER_GROUP, compression={"image.bytes": "NONE"} | _others())
    return buffer.getvalue()


def _others() -> dict[str, str]:
    return dict.fromkeys(("image.path", *COLUMNS), "ZSTD")
