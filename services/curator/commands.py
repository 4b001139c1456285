"""The sub-commands of the curator."""

from services.curator.configuration import CheckConfiguration, PhantomConfiguration, PrepareConfiguration
from services.curator.export.configuration import (
    DicomExportConfiguration,
    FolderExportConfiguration,
    ParquetExportConfiguration,
)
from shared.commands import Command

COMMANDS = (
    Command("dataset phantom", PhantomConfiguration, "services.curator.phantom.command", "Make phantom mammograms."),
    Command(
        "dataset prepare", PrepareConfiguration, "services.curator.prepare", "Prepare a folder of films with a table."
    ),
    Command(
        "dataset check", CheckConfiguration, "services.curator.check", "Say what is wrong with a prepared data set."
    ),
    Command(
        "export dicom",
        DicomExportConfiguration,
        "services.curator.export.dicom.command",
        "Write each accepted film of a run as a DICOM object that says what it is.",
    ),
    Command(
        "export folder",
        FolderExportConfiguration,
        "services.curator.export.folder",
        "Write accepted films, alone or beside real ones, as class folders with a table.",
    ),
    Command(
        "export parquet",
        ParquetExportConfiguration,
        "services.curator.export.parquet",
        "Write accepted films, alone or beside real ones, in Hugging Face's layout.",
    ),
)
