"""What a battery is made of: its kinds, and which film is spoiled how.

A pure function of data set, seed and options.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from typing import Any

from services.orchestrator.policy import Pairing, TrajectoryPlan
from services.orchestrator.sampler import may_be_paired
from shared.battery import SPOILERS, Kind
from shared.dataset import Film, Label
from shared.draws import draw
from shared.errors import DatasetError
from shared.recipe import Optimizer, Recipe, Region

STYLISED: dict[str, Recipe] = {
    "granular": Recipe(content_layer="conv_1", steps=500, optimizer=Optimizer.COMPAT),
    "compat_1000": Recipe(steps=1000, optimizer=Optimizer.COMPAT),
    "unclamped_1e6": Recipe(style_weight=1e6, steps=300, region=Region.BREAST),
    "unclamped_1e8": Recipe(style_weight=1e8, steps=300, region=Region.BREAST),
}
"""Kinds that need the stylizer: the paper's granular films (its Fig. 8, conv_1) and its unrealistic ones (Fig. 5, 1000
steps), both by its own optimiser over the whole film, and what too strong a style makes inside the breast."""


@dataclass(frozen=True)
class Spoilt:
    """A film that is to be spoiled without style transfer."""

    kind: str
    content: Film
    donor: Film


@dataclass(frozen=True)
class Stylised:
    """A trajectory that spoils a film: one kind for each of its numbers of steps."""

    kinds: tuple[str, ...]
    content: Film
    style: Film
    plan: TrajectoryPlan


@dataclass(frozen=True)
class Plan:
    """Everything that a battery holds once it is made."""

    kinds: tuple[Kind, ...]
    spoilt: tuple[Spoilt, ...]
    stylised: tuple[Stylised, ...]

    @property
    def wanted(self) -> list[tuple[str, str]]:
        """Kind and content of every film."""
        return [(item.kind, item.content.image_id) for item in self.spoilt] + [
            (kind, item.content.image_id) for item in self.stylised for kind in item.kinds
        ]

    def described(self) -> list[list[str]]:
        """Kind, content and donor of every film, as JSON holds it."""
        return [[item.kind, item.content.image_id, item.donor.image_id] for item in self.spoilt] + [
            [kind, item.content.image_id, item.style.image_id] for item in self.stylised for kind in item.kinds
        ]


def make_plan(
    films: Sequence[Film], *, count: int | None, stylised: int, most_steps: int | None, seed: int, where: str
) -> Plan:
    """Choose films, donors and styles.

    Args:
        films: films of one split; both labels are spoiled.
        count: films that are spoiled without style transfer; None for all.
        stylised: films that are spoiled by style transfer; 0 for none.
        most_steps: cuts style transfer short; None for each kind's own steps.
        seed: any number.
        where: what the films are called in an error.

    Raises:
        DatasetError: if there are fewer films than `stylised` that can have a style, or no two patients.

    """
    films = sorted(films, key=lambda film: film.image_id)
    shuffled = sorted(films, key=lambda film: draw(seed, "battery", film.image_id))
    spoilt = tuple(
        Spoilt(kind, content, _donor(films, content, seed, where)) for kind in SPOILERS for content in shuffled[:count]
    )
    pairs = [(content, style) for content in shuffled if (style := _style(films, content, seed)) is not None]
    if len(pairs) < stylised:
        raise DatasetError(
            f"{where}: found {len(pairs)} films that another patient's malignant film can be the style of, "
            f"needed {stylised} (--stylised-films)"
        )
    recipes = {
        kind: replace(recipe, steps=min(recipe.steps, most_steps or recipe.steps)) for kind, recipe in STYLISED.items()
    }
    trajectories = _trajectories(recipes) if stylised else ()
    kinds = [Kind(name=name, stylised=False, parameters=dict(item.parameters)) for name, item in SPOILERS.items()]
    kinds += [Kind(name=name, stylised=True, parameters=_plain(recipes[name])) for name in recipes if stylised]
    return Plan(
        tuple(kinds),
        spoilt,
        tuple(Stylised(names, *pair, plan) for pair in pairs[:stylised] for names, plan in trajectories),
    )


def _trajectories(recipes: dict[str, Recipe]) -> tuple[tuple[tuple[str, ...], TrajectoryPlan], ...]:
    """Kinds that differ in steps alone share a trajectory; two that are equal do not."""

    def steps_aside(item: tuple[str, Recipe]) -> str:
        return repr(replace(item[1], steps=1))

    found = []
    for _, group in groupby(sorted(recipes.items(), key=lambda item: (steps_aside(item), item[1].steps)), steps_aside):
        alike = list(group)
        while alike:
            rising = [alike.pop(0)]
            rising += [item for item in alike if item[1].steps > rising[0][1].steps]
            rising = [item for i, item in enumerate(rising) if i == 0 or item[1].steps > rising[i - 1][1].steps]
            alike = [item for item in alike if item not in rising]
            plan = TrajectoryPlan(
                recipe=rising[-1][1],
                trials=tuple(range(1, len(rising) + 1)),
                steps=tuple(recipe.steps for _, recipe in rising),
            )
            found.append((tuple(kind for kind, _ in rising), plan))
    return tuple(found)


def _donor(films: Sequence[Film], content: Film, seed: int, where: str) -> Film:
    others = [film for film in films if film.patient_id != content.patient_id]
    if not others:
        raise DatasetError(f"{where}: found films of one patient only, needed two or more")
    return others[draw(seed, "battery-donor", content.image_id) % len(others)]


def _style(films: Sequence[Film], content: Film, seed: int) -> Film | None:
    """A malignant film of another patient, of the content's source and view where there is one."""
    malignant = [film for film in films if film.label is Label.MALIGNANT]
    for rule in (Pairing(style="same_source_and_view"), Pairing(style="uniform")):
        if fitting := [film for film in malignant if may_be_paired(content, film, rule)]:
            return fitting[draw(seed, "battery-style", content.image_id) % len(fitting)]
    return None


def _plain(recipe: Recipe) -> dict[str, Any]:
    return {**asdict(recipe), "style_layers": list(recipe.style_layers)}
