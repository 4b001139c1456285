"""Folders of DICOM files as an archive's download leaves them: whatever their names and their nesting."""

from services.curator.archive.listing import ArchiveFile, Listing, list_archive

__all__ = ["ArchiveFile", "Listing", "list_archive"]
