"""The prepared data set: a folder of 16-bit films, their breast masks and one table. Nobody else reads or writes it."""

from shared.dataset.crops import Crop, LesionCrops
from shared.dataset.reader import Dataset
from shared.dataset.schema import SCHEMA_VERSION, Film, Label, Laterality, Lesion, Origin, Split
from shared.dataset.writer import DatasetWriter

__all__ = [
    "SCHEMA_VERSION",
    "Crop",
    "Dataset",
    "DatasetWriter",
    "Film",
    "Label",
    "Laterality",
    "Lesion",
    "LesionCrops",
    "Origin",
    "Split",
]
