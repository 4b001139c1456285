import base64
import gzip
import json

import numpy as np
import pytest

from services.evaluator.report.embedding import FilmStore, pack_records
from shared.images import decode_png16
from tests.services.evaluator.run_writer import breast


def texts(count: int) -> list[tuple[str, str]]:
    """Records that do not compress well."""
    noise = np.random.default_rng(0)
    return [(f"{number:06d}", noise.bytes(300).hex()) for number in range(count)]


def test_a_film_is_carried_once_and_in_all_its_bits() -> None:
    store = FilmStore()
    first, second = (breast(seed, 32)[0] for seed in (1, 2))
    names = [store.add(film) for film in (first, second, first)]
    assert names[0] == names[2] != names[1]
    assert list(store.films) == names[:2]
    carried = decode_png16(base64.b64decode(store.films[names[0]]))
    np.testing.assert_array_equal(np.rint(carried * 65535), np.rint(first * 65535))
    assert store.bytes == sum(len(text) for text in store.films.values()) > 1000


def test_records_are_packed_by_the_hundred_and_unpack_to_what_they_were() -> None:
    archive = pack_records(texts(250), budget=10**6)
    assert [len(names) for names in archive.names] == [100, 100, 50]
    unpacked = {}
    for chunk in archive.chunks:
        unpacked |= json.loads(gzip.decompress(base64.b64decode(chunk)))
    assert list(unpacked.items()) == texts(250)
    assert (archive.carried, archive.left_out) == (250, 0)


def test_what_comes_after_the_budget_is_used_up_is_left_out() -> None:
    whole = pack_records(texts(250), budget=10**6)
    archive = pack_records(texts(250), budget=len(whole.chunks[0]) + len(whole.chunks[2]))
    assert archive.chunks == whole.chunks[:1]
    assert (archive.carried, archive.left_out) == (100, 150)


@pytest.mark.parametrize(("count", "budget"), [(0, 100), (5, 0)], ids=["no record", "no room"])
def test_nothing_may_be_carried(count: int, budget: int) -> None:
    archive = pack_records(texts(count), budget=budget)
    assert (archive.chunks, archive.left_out) == ((), count)
