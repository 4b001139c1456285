"""Options, variables and files become one frozen object."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import pytest
import typer
from pydantic import Field, ValidationError
from typer.testing import CliRunner

from shared.configuration import Configuration, Positional, command
from shared.errors import ConfigurationError


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class PaintConfiguration(Configuration, env_prefix="MAMMOSYNTH_PAINT_"):
    folder: Annotated[Path, Positional()]
    """Where the walls are."""
    coats: int = Field(default=2, ge=1)
    """How often each wall is painted."""
    colour: Colour = Colour.RED
    """What it is painted with."""
    widths: tuple[int, ...] = (64, 128)
    """Of the brushes, in millimetres."""
    finish: Literal["matt", "gloss"] = "matt"
    """How it shines."""
    strict: bool = False
    """Whether drops count."""
    seed: int | None = None
    """Of the drops."""


GIVEN = {"folder": "walls"}


def resolved(**given: object) -> PaintConfiguration:
    return PaintConfiguration.resolve(GIVEN | given)


def test_what_is_not_given_is_the_default() -> None:
    found = resolved()
    assert (found.folder, found.coats, found.colour, found.widths, found.seed) == (
        Path("walls"), 2, Colour.RED, (64, 128), None,
    )  # fmt: skip


def test_options_win_over_variables_variables_over_the_file_and_the_file_over_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "paint.yaml").write_text("coats: 3\ncolour: blue\nfinish: gloss\nwidths: [1, 2]\n")
    monkeypatch.setenv("MAMMOSYNTH_PAINT_COATS", "4")
    monkeypatch.setenv("MAMMOSYNTH_PAINT_COLOUR", "red")
    monkeypatch.setenv("MAMMOSYNTH_PAINT_SEED", "")
    found = PaintConfiguration.resolve(GIVEN | {"coats": "5"}, tmp_path / "paint.yaml")
    assert (found.coats, found.colour, found.finish, found.widths) == (5, Colour.RED, "gloss", (1, 2))
    assert found.seed is None, "an empty variable is unset"


@pytest.mark.parametrize("text", ["8,16, 32", "8,16,32,"])
def test_a_list_is_text_with_commas(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAMMOSYNTH_PAINT_WIDTHS", text)
    assert resolved().widths == (8, 16, 32)


BAD = {
    "not a number": ({"coats": "two"}, r"--coats \(MAMMOSYNTH_PAINT_COATS\): found 'two'.*integer"),
    "too small": ({"coats": 0}, r"--coats \(MAMMOSYNTH_PAINT_COATS\): found 0.*greater than or equal to 1"),
    "no such colour": ({"colour": "green"}, "--colour .*: found 'green'.*'red' or 'blue'"),
    "no such option": ({"color": "red"}, "color: no such option"),
    "a bad item": ({"widths": "8,x"}, "--widths .*: found 'x'"),
}


@pytest.mark.parametrize(("given", "message"), BAD.values(), ids=BAD.keys())
def test_a_value_that_cannot_be_used_is_refused_by_the_name_of_its_option(given: dict, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        resolved(**given)


def test_a_bad_variable_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAMMOSYNTH_PAINT_STRICT", "perhaps")
    with pytest.raises(ConfigurationError, match=r"MAMMOSYNTH_PAINT_STRICT\): found 'perhaps'"):
        resolved()


def test_what_is_needed_and_missing_is_named_with_its_meaning() -> None:
    with pytest.raises(
        ConfigurationError, match=r"FOLDER \(MAMMOSYNTH_PAINT_FOLDER\): is needed: Where the walls are\."
    ):
        PaintConfiguration.resolve({})


FILES = {
    "a list": ("- 1\n", "holds list, needed option names with values"),
    "no YAML": ("coats: [", "cannot read"),
    "an unknown name": ("color: red\n", "color: no such option"),
}


@pytest.mark.parametrize(("text", "message"), FILES.values(), ids=FILES.keys())
def test_a_file_that_cannot_be_used_is_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "paint.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        PaintConfiguration.resolve(GIVEN, tmp_path / "paint.yaml")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="--config: cannot read"):
        PaintConfiguration.resolve(GIVEN, tmp_path / "paint.yaml")


def test_one_file_does_not_leak_into_the_next_configuration(tmp_path: Path) -> None:
    (tmp_path / "paint.yaml").write_text("coats: 7\n")
    assert PaintConfiguration.resolve(GIVEN, tmp_path / "paint.yaml").coats == 7
    assert resolved().coats == 2


def test_a_configuration_does_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        resolved().coats = 3


def test_what_is_written_as_yaml_is_read_back(tmp_path: Path) -> None:
    first = resolved(coats=9, widths="4,5", colour="blue", seed=3)
    (tmp_path / "paint.yaml").write_text(first.as_yaml())
    assert PaintConfiguration.resolve({}, tmp_path / "paint.yaml") == first


def invoke(*arguments: str) -> tuple[str, list[PaintConfiguration]]:
    seen: list[PaintConfiguration] = []

    def run(configuration: PaintConfiguration) -> None:
        """Paint the walls."""
        seen.append(configuration)

    app = typer.Typer()
    command(app, "paint", PaintConfiguration, run)
    command(app, "strip", PaintConfiguration, run)
    result = CliRunner().invoke(app, ["paint", *arguments], env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"})
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output, seen


def test_a_command_takes_an_option_for_each_field() -> None:
    _, (found,) = invoke("walls", "--coats", "3", "--widths", "1,2", "--strict", "--colour", "blue")
    assert found == resolved(coats=3, widths="1,2", strict=True, colour="blue")


def test_help_says_what_each_option_means_its_default_and_its_variable() -> None:
    text, seen = invoke("--help")
    assert not seen
    for part in ("Paint the walls.", "How often each wall is painted.", "64,128", "red|blue", "MAMMOSYNTH_PAINT_"):
        assert part in text


def test_a_bad_option_reaches_the_caller_as_an_error_of_the_domain() -> None:
    with pytest.raises(ConfigurationError, match="--coats"):
        invoke("walls", "--coats", "none")


class HangConfiguration(Configuration, env_prefix="MAMMOSYNTH_HANG_"):
    room: Annotated[str, Positional()]
    """Where they hang."""
    pictures: Annotated[tuple[Path, ...], Positional()] = Field(min_length=1)
    """What hangs there."""


def hang(*arguments: str) -> HangConfiguration:
    seen: list[HangConfiguration] = []
    app = typer.Typer()
    command(app, "hang", HangConfiguration, seen.append)
    command(app, "take", HangConfiguration, seen.append)
    CliRunner().invoke(app, ["hang", *arguments], catch_exceptions=False)
    return seen[0]


def test_a_list_by_its_place_takes_all_that_is_left_commas_included() -> None:
    assert hang("hall", "a.png", "b, c.png").pictures == (Path("a.png"), Path("b, c.png"))


def test_a_list_by_its_place_may_come_from_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAMMOSYNTH_HANG_PICTURES", "a.png,b.png")
    assert hang("hall").pictures == (Path("a.png"), Path("b.png"))


def test_a_list_by_its_place_that_is_missing_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"PICTURES \(MAMMOSYNTH_HANG_PICTURES\): is needed"):
        hang("hall")
