"""A study, and its key: which film stands at which number. The key stays in the run; readers get neither it nor names.

reviews/<study>.json          the key
reviews/<study>-scores.json   what `mammosynth review read` made of the answers
"""

import json
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.dataset import Label
from shared.errors import DatasetError, NotFoundError
from shared.store import Store

FOLDER = "reviews"


class Kind(StrEnum):
    """Where a film comes from."""

    ACCEPTED = "accepted"
    PLACEBO = "placebo"
    REAL = "real"


class StudyFilm(BaseModel):
    """One film of a study."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    name: str
    """Number of its pair, or image_id of a real film."""
    label: Label | None = None
    """Of a real film; nobody has said what a synthetic one shows."""
    sha256: str
    """Of its pixels in run or data set."""
    patient: str
    """Whose breast it shows: of a synthetic film, the content's patient."""


class Item(BaseModel):
    """One place of the page."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int = Field(ge=1)
    film: StudyFilm
    repeats: int | None = None
    """The earlier number under which the same film was shown."""


class Study(BaseModel):
    """What is shown at which number."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = Field(default=1, ge=1, le=1)
    study: str = Field(pattern=r"^[0-9a-f]{12}$")
    """Name of the study; it tells nothing of its films."""
    seed: int
    version: str
    items: tuple[Item, ...] = Field(min_length=1)

    @property
    def films(self) -> tuple[StudyFilm, ...]:
        """Each film once, in the order of first showings."""
        return tuple(item.film for item in self.items if item.repeats is None)

    def write(self, store: Store) -> str:
        """Keep the key in a run; returns where it lies.

        Raises:
            UnavailableError: if it cannot be written.

        """
        name = f"{FOLDER}/{self.study}.json"
        store.write(name, (self.model_dump_json(indent=1) + "\n").encode())
        return f"{store.address.rstrip('/')}/{name}"

    @classmethod
    def read(cls, store: Store, study: str) -> "Study":
        """Read the key of a study of a run.

        Raises:
            NotFoundError: if the run has no such study.
            DatasetError: if its key is broken.

        """
        name = f"{FOLDER}/{study}.json"
        path = f"{store.address.rstrip('/')}/{name}"
        try:
            return cls.model_validate(json.loads(store.read(name)))
        except FileNotFoundError as error:
            raise NotFoundError(f"{path}: no such key; the answers belong to a study of another run") from error
        except OSError as error:
            raise DatasetError(f"{path}: cannot be read: {error}") from error
        except (ValidationError, ValueError) as error:
            raise DatasetError(f"{path}: is no key of a study: {error}") from error
