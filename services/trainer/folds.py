"""Patient-grouped folds: what cross-validation trains on and what it judges never share a patient."""

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from shared.errors import ConfigurationError


def patient_folds(
    labels: NDArray[np.bool_], patients: NDArray[np.str_], *, folds: int, seed: int
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Split films into `folds` parts of about equal class balance; returns (rest, part) film indices of each.

    `labels` bool (n,), `patients` n codes; every film is in exactly one part, all films of a patient in the same.
    Raises ConfigurationError when there are fewer than two folds, or fewer patients of a class than folds.
    """
    for name, of_class in (("malignant", labels), ("benign", ~labels)):
        count = len(np.unique(patients[of_class]))
        if not 2 <= folds <= count:
            raise ConfigurationError(
                f"folds: {folds} asked for, with {count} patients that have {name} films; "
                f"needed is 2 or more, and at most as many as patients of each class"
            )
    splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    return list(splitter.split(np.zeros(len(labels)), labels, groups=patients))
