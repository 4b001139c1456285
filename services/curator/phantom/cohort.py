"""Which films a cohort of phantom patients has."""

from dataclasses import dataclass

import numpy as np

from services.curator.phantom.film import LATERALITIES, VIEWS


@dataclass(frozen=True, kw_only=True)
class PlannedFilm:
    """A film that is to be made."""

    path: str
    """Relative to the output folder."""
    patient_id: str
    laterality: str
    view: str
    malignant: bool
    seed: int
    """Stands for the patient."""

    @property
    def pathology(self) -> str:
        """As in the tables of public archives."""
        return "MALIGNANT" if self.malignant else "BENIGN"


def plan_cohort(*, patients: int, malignant_share: float, seed: int, suffix: str = ".png") -> list[PlannedFilm]:
    """Decide which films there are: every breast is malignant or benign, in both its views.

    Exactly `malignant_share` of the breasts (rounded) are malignant, drawn over all patients, so that some patients
    have none, some one and some two.
    """
    generator = np.random.default_rng((seed, 1))
    breasts = np.arange(2 * patients)
    malignant = set(generator.permutation(breasts)[: round(malignant_share * len(breasts))].tolist())
    seeds = np.random.SeedSequence((seed, 2)).generate_state(patients)
    films = []
    for breast in breasts.tolist():
        patient, side = divmod(breast, 2)
        patient_id, laterality = f"PH_{patient + 1:05d}", LATERALITIES[side]
        films += [
            PlannedFilm(
                path=f"films/{patient_id}_{laterality}_{view}{suffix}",
                patient_id=patient_id,
                laterality=laterality,
                view=view,
                malignant=breast in malignant,
                seed=int(seeds[patient]),
            )
            for view in VIEWS
        ]
    return films
