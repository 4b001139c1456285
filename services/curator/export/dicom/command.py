"""`mammosynth export dicom`: each accepted film as a DICOM object.

<pair>.dcm    the objects
films.csv     which is which
export.json   where the films come from; written last
"""

import csv
import io
from typing import Any

from rich.console import Console

from services.curator.export.configuration import DicomExportConfiguration
from services.curator.export.destination import Destination
from services.curator.export.dicom.object_writer import ObjectWriter
from services.curator.export.harvest import Harvest
from services.curator.export.summary import print_export
from shared.errors import ConfigurationError, DatasetError
from shared.progress import progress
from shared.store import Store

TABLE = "films.csv"


def run(configuration: DicomExportConfiguration) -> int:
    """Write the objects; returns the exit code, 0.

    Raises:
        MammosynthError: if run, data set or output cannot be used, or a film lacks what the SOP class needs.

    """
    if configuration.originals is not None and not configuration.originals.is_dir():
        raise ConfigurationError(f"--originals: found no folder {configuration.originals}")
    harvest = Harvest.gather(configuration.run, configuration.dataset, partial=configuration.partial)
    if not harvest.accepted:
        raise DatasetError(f"{configuration.run}: holds no accepted film, so there is nothing to export")
    writer = ObjectWriter.prepare(harvest, configuration)
    writer.check()
    destination = Destination(Store(configuration.output), writer.contents())
    rows = []
    with progress("exporting films", total=len(harvest.accepted)) as shown:
        for record in harvest.accepted:
            name = f"{record.pair:06d}.dcm"
            if not destination.has(name):
                destination.write(name, writer.encode(record))
            rows.append({"file_name": name, **writer.row(record)})
            shown.advance(note=name)
    destination.write(TABLE, _to_csv(rows))
    counts = [{"kind": "synthetic", "label": "malignant", "films": len(rows)}]
    destination.finish({"counts": counts})
    print_export(Console(), counts, destination.store.address, vetoed=harvest.vetoed)
    return 0


def _to_csv(rows: list[dict[str, Any]]) -> bytes:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue().encode()
