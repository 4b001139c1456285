"""Files are whole or not there, in a folder, in memory, and on object storage."""

import os
from collections.abc import Callable
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from shared.errors import ConfigurationError, UnavailableError
from shared.store import Store, place_of

# The name of a fixture that gives an address of its own.
STORAGES = ("folder", "memory", "bucket")


@pytest.fixture(params=STORAGES)
def store(request: pytest.FixtureRequest) -> Store:
    return Store(request.getfixturevalue(request.param))


def test_a_file_is_read_as_it_was_written(store: Store) -> None:
    data = bytes(range(256)) * 1000
    assert not store.exists("pairs/000001.json")
    store.write("pairs/000001.json", data)
    assert store.exists("pairs/000001.json")
    assert store.read("pairs/000001.json") == data


def test_a_file_is_replaced_whole(store: Store) -> None:
    store.write("manifest.json", b"a long first version")
    store.write("manifest.json", b"short")
    assert store.read("manifest.json") == b"short"


def test_a_file_that_is_not_there_is_not_found(store: Store) -> None:
    with pytest.raises(FileNotFoundError):
        store.read("run.json")


def test_several_files_are_read_in_the_order_of_their_names(store: Store) -> None:
    names = [f"pairs/{number:06d}.json" for number in range(40)]
    for name in names[::2]:
        store.write(name, name.encode())
    found = list(store.read_each(names))
    assert found[::2] == [name.encode() for name in names[::2]]
    assert all(isinstance(error, FileNotFoundError) for error in found[1::2])


def test_storage_that_does_not_answer_is_told(memory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class NoCredentials(Exception):
        """Of a kind of storage, without a base of its own."""

    def refuse(*_arguments: object, **_options: object) -> None:
        raise NoCredentials("unable to locate credentials")

    for question in ("cat_file", "exists", "ls"):
        monkeypatch.setattr(MemoryFileSystem, question, refuse)
    store = Store(memory)
    questions: list[Callable[[], object]] = [
        lambda: store.read("run.json"),
        lambda: store.exists("run.json"),
        lambda: store.names("pairs", ".json"),
        lambda: list(store.read_each(["run.json"])),
    ]
    for ask in questions:
        with pytest.raises(UnavailableError, match=f"{memory} does not answer: unable to locate credentials"):
            ask()


@pytest.mark.parametrize(
    ("address", "folder", "name"),
    [
        pytest.param("report.html", str(Path.cwd()), "report.html", id="a name alone"),
        pytest.param("/page.html", "/", "page.html", id="at the root"),
        pytest.param("/data/run/page.html", "/data/run", "page.html", id="a path"),
        pytest.param("memory://run/page.html", "memory://run/", "page.html", id="a URL"),
    ],
)
def test_the_place_of_a_file_is_its_folder_and_its_name(address: str, folder: str, name: str) -> None:
    store, found = place_of(address)
    assert found == name
    assert (str(store.local_path) if store.local_path else store.address) == folder


def test_a_folder_is_no_file() -> None:
    with pytest.raises(ConfigurationError, match="found 'runs/', needed the name of a file"):
        place_of("runs/")


def test_a_place_is_called_by_its_last_part(folder: str) -> None:
    assert [Store(address).name for address in (folder, folder + "/", "memory://x/y/", ".")] == [
        "run",
        "run",
        "y",
        Path.cwd().name,
    ]


def test_names_come_in_order_without_folder_and_suffix(store: Store) -> None:
    assert store.names("pairs", ".json") == []
    for name in ("pairs/000010.json", "pairs/000002.json", "pairs/notes.txt", "pairs/.000003.json", "pairs2/1.json"):
        store.write(name, b"{}")
    assert store.names("pairs", ".json") == ["000002", "000010"]


def test_what_another_writer_writes_is_seen_at_once(store: Store) -> None:
    other = Store(store.address)
    store.write("pairs/000001.json", b"{}")
    assert store.names("pairs", ".json") == ["000001"]
    fsspec_of_another_process(other)("pairs/000002.json", b"{}")
    assert store.exists("pairs/000002.json")
    assert store.names("pairs", ".json") == ["000001", "000002"]


def fsspec_of_another_process(store: Store) -> Callable[[str, bytes], None]:
    """Write as a process would whose writes this one's caches know nothing of."""
    files, root = fsspec.core.url_to_fs(store.address, skip_instance_cache=True)
    return lambda name, data: files.pipe_file(f"{root}/{name}", data)


def test_a_folder_has_a_path_and_object_storage_has_none(folder: str, memory: str) -> None:
    assert Store(folder).local_path == Path(folder)
    assert Store(memory).local_path is None


def test_a_write_that_fails_in_the_middle_leaves_the_old_file_and_nothing_else(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(folder)
    store.write("pairs/000001.json", b"old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for name in ("pairs/000001.json", "pairs/000002.json"):
        with pytest.raises(UnavailableError, match=rf"cannot write {name} in .*No space left"):
            store.write(name, b"new")
    assert store.read("pairs/000001.json") == b"old"
    assert os.listdir(Path(folder) / "pairs") == ["000001.json"]  # noqa: PTH208


def test_a_kill_in_the_middle_of_a_write_leaves_no_file_that_counts(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def kill(handle: int) -> None:
        raise Killed

    store = Store(folder)
    monkeypatch.setattr(os, "fsync", kill)
    monkeypatch.setattr(Path, "unlink", lambda self, missing_ok=False: None)
    with pytest.raises(Killed):
        store.write("pairs/000001.json", b"half")
    assert not store.exists("pairs/000001.json")
    assert store.names("pairs", ".json") == []


def test_a_bucket_that_is_not_there_cannot_be_written_to(bucket: str) -> None:
    with pytest.raises(UnavailableError, match=r"cannot write run\.json in s3://no-such-bucket"):
        Store("s3://no-such-bucket/run").write("run.json", b"{}")


@pytest.mark.parametrize("address", ["nowhere://bucket/run", "gs://bucket/run"])
def test_an_address_that_nothing_is_installed_for_is_refused(address: str) -> None:
    with pytest.raises(ConfigurationError, match=f"cannot use '{address}'"):
        Store(address)
