"""Which crops of a data set serve as contents, styles and placebo styles, by a policy's rules for lesions."""

from functools import cache

import numpy as np

from services.orchestrator.policy import Pairing, Policy
from services.orchestrator.sampler import PlaceboSampler, Sampler
from shared.dataset import Film, Label, LesionCrops, Split


def lesion_samplers(
    crops: LesionCrops, policy: Policy, *, seed: int, split: Split = Split.GENERATION, pairing: Pairing | None = None
) -> tuple[Sampler, PlaceboSampler]:
    """Draw pairs of crops: what is changed lies in a benign film, what is taken in any.

    A benign lesion of a malignant film is no content: the film would be malignant without it.

    Args:
        crops: of the data set.
        policy: on lesions.
        seed: any number.
        split: the only one that is drawn from.
        pairing: rules in place of the policy's.

    Raises:
        DatasetError: if there is no content, no style, or no pair that the rules allow.

    """
    rules, pairing = policy.lesion_rules, pairing or policy.pairing
    free = {crops.crop(film.image_id).film.image_id: film for film in crops.free}
    benign = [
        film
        for film in crops.films
        if film.label is Label.BENIGN and crops.crop(film.image_id).film.label is Label.BENIGN
    ]
    malignant = crops.select(label=Label.MALIGNANT)
    contents = benign
    if rules.content == "free_place":
        names = {crops.crop(film.image_id).film.image_id for film in benign}
        contents = [film for name, film in free.items() if name in names]
    alike = _Alike(crops, policy)
    sampler = Sampler([*contents, *malignant], pairing, seed=seed, split=split, alike=alike)

    def beside(style: Film) -> Film | None:
        return free.get(crops.crop(style.image_id).film.image_id)

    twins = PlaceboSampler(
        benign,
        pairing,
        seed=seed,
        pairs=sampler,
        split=split,
        alike=alike,
        instead=beside if rules.placebo == "free_place" else None,
    )
    return sampler, twins


class _Alike:
    """Whether two lesions are alike enough in brightness and size."""

    def __init__(self, crops: LesionCrops, policy: Policy) -> None:
        self._crops = crops
        self._rules = policy.lesion_rules
        self._brightness = cache(self._measure)

    def __call__(self, content: Film, style: Film) -> bool:
        return self._of_a_size(content, style) and self._of_a_brightness(content, style)

    def _of_a_size(self, content: Film, style: Film) -> bool:
        if self._rules.size_within is None:
            return True
        lengths = [max(self._crops.crop(film.image_id).box[2:]) for film in (content, style)]
        return max(lengths) <= self._rules.size_within * min(lengths)

    def _of_a_brightness(self, content: Film, style: Film) -> bool:
        if self._rules.brightness_within is None:
            return True
        difference = abs(self._brightness(content.image_id) - self._brightness(style.image_id))
        return difference <= self._rules.brightness_within

    def _measure(self, image_id: str) -> float:
        """Mean grey level of a crop's region."""
        return float(np.mean(self._crops.pixels(image_id), where=self._crops.mask(image_id), dtype=np.float64))
