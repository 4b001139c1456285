"""A place holds one export, whole or going on."""

import json
from pathlib import Path

import pytest

from services.curator.export.destination import Destination
from shared.errors import ConfigurationError
from shared.store import Store

CONTENTS = {"kind": "folder", "films": ["a", "b"]}


@pytest.fixture(params=["folder", "memory", "bucket"])
def store(request: pytest.FixtureRequest) -> Store:
    return Store(request.getfixturevalue(request.param))


def test_a_finished_export_says_what_is_in_it_and_drops_its_marker(store: Store) -> None:
    destination = Destination(store, CONTENTS)
    assert json.loads(store.read("exporting.json")) == CONTENTS
    destination.write("films/a.png", b"a")
    destination.finish({"counts": 1})

    assert not store.exists("exporting.json")
    assert json.loads(store.read("export.json")) == {**CONTENTS, "counts": 1}


def test_an_interrupted_export_goes_on_where_it_was(store: Store) -> None:
    Destination(store, CONTENTS).write("films/a.png", b"a")

    again = Destination(store, CONTENTS)

    assert again.has("films/a.png")
    assert not again.has("films/b.png")


def test_a_finished_export_may_be_made_again(store: Store) -> None:
    Destination(store, CONTENTS).finish({})

    Destination(store, CONTENTS).finish({})

    assert json.loads(store.read("export.json")) == CONTENTS


@pytest.mark.parametrize("finished", [False, True])
def test_a_place_that_holds_another_export_is_refused(store: Store, finished: bool) -> None:
    before = Destination(store, CONTENTS)
    if finished:
        before.finish({})

    with pytest.raises(ConfigurationError, match=r"holds another export, which differs in films; take another folder"):
        Destination(store, CONTENTS | {"films": ["a"]})


def test_a_place_that_holds_anything_else_is_refused_and_left_alone(store: Store) -> None:
    store.write("holiday.jpg", b"sea")

    with pytest.raises(ConfigurationError, match=r"found 1 entries in .*, such as holiday\.jpg; needed a new or empty"):
        Destination(store, CONTENTS)

    assert store.names("", "") == ["holiday.jpg"]


def test_a_marker_that_cannot_be_read_is_refused(store: Store) -> None:
    store.write("exporting.json", b"{")

    with pytest.raises(ConfigurationError, match=r"exporting\.json: is none of an export"):
        Destination(store, CONTENTS)


def test_what_a_kill_left_half_written_is_removed(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "out"))
    Destination(store, CONTENTS).write("films/a.png", b"a")
    half = tmp_path / "out/films/.b.png.abc.part"
    half.write_bytes(b"b")

    Destination(store, CONTENTS)

    assert not half.exists()
    assert (tmp_path / "out/films/a.png").exists()


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    Destination(Store(str(tmp_path)), CONTENTS).finish({})

    assert [file.name for file in tmp_path.iterdir()] == ["export.json"]
