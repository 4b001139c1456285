"""One film's way through the engine: what is transferred, and when it has to be done."""

from dataclasses import dataclass
from itertools import pairwise

from shared.crops import region_weights
from shared.errors import InvalidInputError
from shared.images import Film, Mask, validate_film, validate_mask
from shared.recipe import Recipe, Region

SMALLEST_SIDE, LARGEST_SIDE = 32, 2048
MAXIMUM_SNAPSHOTS = 256


@dataclass(frozen=True, kw_only=True, eq=False)
class TransferJob:
    """A content and a style film, the recipe that joins them, and the snapshots that are wanted.

    Attributes:
        content: film that is changed, float32 (side, side) in [0, 1], 32 to 2048 pixels a side.
        style: film whose texture is taken, of the content's shape.
        content_mask: bool, the content's shape, True where the film may change; needed by masked regions.
        style_mask: bool, the style's shape, True where the style is taken from; needed by masked regions.
        recipe: what is minimised.
        snapshot_steps: numbers of steps at which a snapshot is wanted, ascending, each 1 to recipe.steps; the end is
            always added.
        deadline: time of `time.monotonic()` at which the work is worthless, in seconds; None for never.

    Raises:
        InvalidInputError: naming the field, what was found and what is needed.

    """

    content: Film
    style: Film
    content_mask: Mask | None = None
    style_mask: Mask | None = None
    recipe: Recipe
    snapshot_steps: tuple[int, ...] = ()
    deadline: float | None = None

    def __post_init__(self) -> None:
        """Refuse films that do not fit, and add the end to the snapshots."""
        validate_film(self.content, name="content", square=True)
        validate_film(self.style, name="style", square=True)
        if not SMALLEST_SIDE <= self.side <= LARGEST_SIDE:
            needed = f"{SMALLEST_SIDE} to {LARGEST_SIDE} pixels a side"
            raise InvalidInputError(f"content: found {self.side} pixels a side, needed {needed}")
        if self.style.shape != self.content.shape:
            raise InvalidInputError(f"style: found shape {self.style.shape}, needed the content's {self.content.shape}")
        self._validate_mask("content_mask", self.content_mask)
        self._validate_mask("style_mask", self.style_mask)
        object.__setattr__(self, "snapshot_steps", _complete(self.snapshot_steps, self.recipe.steps))

    @property
    def side(self) -> int:
        """Rows, and columns, of both films."""
        return int(self.content.shape[0])

    @property
    def region_masks(self) -> tuple[Mask | None, Mask | None]:
        """Masks of content and style where the recipe's region looks at them, else None."""
        return (self.content_mask, self.style_mask) if self.recipe.region.masked else (None, None)

    @property
    def region_weights(self) -> tuple[Mask | Film | None, Mask | Film | None]:
        """How much each pixel of content and style counts: their masks, around a lesion with soft edges.

        A lesion's region ends within tissue: where its weight is 0 nothing changes, and next to it as good as nothing.
        """
        if self.recipe.region is not Region.LESION:
            return self.region_masks
        content, style = self.region_masks
        return (None if content is None else region_weights(content)), (
            None if style is None else region_weights(style)
        )

    def _validate_mask(self, field: str, mask: Mask | None) -> None:
        if mask is not None:
            pooled = 4 * (self.side // 4)  # What max pooling drops of an odd side counts on no coarse layer.
            validate_mask(mask, self.content.shape, name=field)
            validate_mask(
                mask[:pooled, :pooled], (pooled, pooled), name=f"{field}, its first {pooled} rows and columns"
            )
        elif self.recipe.region.masked:
            raise InvalidInputError(f"{field}: found none, needed one for the region {self.recipe.region}")


def _complete(snapshot_steps: tuple[int, ...], last: int) -> tuple[int, ...]:
    if any(not 1 <= steps <= last for steps in snapshot_steps):
        raise InvalidInputError(f"snapshot_steps: found {_shown(snapshot_steps)}, needed each within 1 to {last}")
    if any(later <= earlier for earlier, later in pairwise(snapshot_steps)):
        raise InvalidInputError(f"snapshot_steps: found {_shown(snapshot_steps)}, needed them ascending")
    if len(snapshot_steps) > MAXIMUM_SNAPSHOTS:
        raise InvalidInputError(f"snapshot_steps: found {len(snapshot_steps)}, needed at most {MAXIMUM_SNAPSHOTS}")
    return snapshot_steps if snapshot_steps[-1:] == (last,) else (*snapshot_steps, last)


def _shown(steps: tuple[int, ...], limit: int = 16) -> str:
    return str(list(steps[:limit]))[:-1] + (", ...]" if len(steps) > limit else "]")
