"""Folders of DICOM files as an archive's download leaves them: whatever their names and their nesting."""

from services.curator.archive.listing import ArchiveFile, Listing, check_folder, list_archive

__all__ = ["ArchiveFile", "Listing", "check_folder", "list_archive"]
