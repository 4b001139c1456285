"""`mammosynth export folder`: class folders of image files and a table, for torchvision, Keras and others.

benign/, malignant/   films: real-<image_id>.png, synthetic-<pair>.png
metadata.csv          one row a film; Hugging Face's "imagefolder" reads it too
export.json           where the films come from; written last
"""

import csv
import io

from rich.console import Console

from services.curator.export.configuration import FolderExportConfiguration
from services.curator.export.destination import Destination
from services.curator.export.harvest import Harvest
from services.curator.export.rows import COLUMNS, Row
from services.curator.export.summary import print_export
from services.curator.export.training_set import TrainingSet
from shared.progress import progress
from shared.store import Store

TABLE = "metadata.csv"


def run(configuration: FolderExportConfiguration) -> int:
    """Write the folder; returns the exit code, 0.

    Raises:
        MammosynthError: if run, data set or output cannot be used; see `Harvest`, `TrainingSet` and `Destination`.

    """
    harvest = Harvest.gather(configuration.run, configuration.dataset, partial=configuration.partial)
    films = TrainingSet.choose(harvest, configuration)
    destination = Destination(Store(configuration.output), films.contents("folder"))
    rows = films.rows()
    done = [row for row in rows if destination.has(row.file_name)]
    with progress("exporting films", total=len(rows), done=len(done)) as shown:
        known = {row.file_name for row in done}
        for row in rows:
            if row.file_name not in known:
                destination.write(row.file_name, films.image(row))
                shown.advance(note=row.file_name)
    destination.write(TABLE, to_csv(rows))
    destination.finish({"counts": films.counts(), "wanted": films.wanted})
    print_export(Console(), films.counts(), destination.store.address, vetoed=harvest.vetoed)
    return 0


def to_csv(rows: list[Row]) -> bytes:
    """Write the table; an empty cell where there is no value."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, fieldnames=COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(row.values() for row in rows)
    return buffer.getvalue().encode()
