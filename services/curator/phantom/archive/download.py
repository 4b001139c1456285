"""Where the files of a download lie, by the four ways in which The Cancer Imaging Archive hands them out."""

from pathlib import PurePosixPath

from services.curator.phantom.archive.plan import PlannedObject

DOWNLOADS = ("classic", "descriptive", "zip", "flat")


def place_object(planned: PlannedObject, *, collection: str, download: str) -> tuple[PurePosixPath, str]:
    """Where a file lies.

    Args:
        planned: the file.
        collection: of the archive.
        download: "classic" (patient, study and series by their UIDs), "descriptive" (by words, dates and the ends of
            UIDs), "zip" (one a series, as the REST interface hands them out) or "flat" (all in one folder).

    Returns:
        The path below the archive's folder, and the file's name within it where it is a zip.

    """
    name = f"1-{planned.number}.dcm"
    if download == "classic":
        return PurePosixPath(collection, planned.patient_id, planned.study_uid, planned.series_uid, name), ""
    if download == "descriptive":
        study = f"07-20-2016-DDSM-NA-{planned.study_uid[-5:]}"
        series = f"1.000000-{planned.description or 'NA'}-{planned.series_uid[-5:]}"
        return PurePosixPath(collection, planned.patient_id, study, series, name), ""
    if download == "zip":
        return PurePosixPath(f"{planned.series_uid}.zip"), f"{planned.number:08d}.dcm"
    return PurePosixPath(f"{planned.sop_uid}.dcm"), ""
