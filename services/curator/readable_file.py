"""Files that films are read from: on a disk, or within a zip archive."""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, Protocol, cast

from shared.errors import InvalidImageError

# The largest films that are read have 2 bytes for each of 89 million pixels.
_MOST_BYTES = 1 << 28


class ReadableFile(Protocol):
    """What is asked of a file; a `Path` is one."""

    def is_file(self) -> bool:
        """Whether the file is there."""
        ...

    def open(self, mode: Literal["rb"], /) -> BinaryIO:
        """Open the file; it can seek."""
        ...


@dataclass(frozen=True)
class ZipMember:
    """A file within a zip archive, unpacked as it is read."""

    archive: Path
    name: str

    def is_file(self) -> bool:
        """Whether the archive is there; what it holds was listed before."""
        return self.archive.is_file()

    def open(self, _mode: Literal["rb"] = "rb", /) -> BinaryIO:
        """Open the file.

        Raises:
            InvalidImageError: if it would unpack to more than any film has, or is encrypted.
            OSError, zipfile.BadZipFile, KeyError: if the archive is damaged, or no longer holds it.

        """
        with zipfile.ZipFile(self.archive) as archive:
            member = archive.getinfo(self.name)
            if member.file_size > _MOST_BYTES:
                raise InvalidImageError(f"refused: found {member.file_size} bytes within a zip, more than any film has")
            if member.flag_bits & 1:
                raise InvalidImageError("refused: found an encrypted file within a zip")
            # What was opened keeps the archive's file open until it is closed itself.
            return cast(BinaryIO, archive.open(member))
