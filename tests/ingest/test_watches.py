"""The registry: an index for each id, for ever, and taken back where the batch that met it was not committed."""

import numpy as np
import pytest

from ingest.watches import Watch, Watches


def known():
    return Watches([Watch(0, "w0"), Watch(1, "w1", "g616", "east", retired=True), Watch(2, "w2", provisional=True)])


def test_a_watch_is_what_was_put_by_id_and_by_index():
    watches = known()
    assert watches.get("w1") == watches.at(1) == Watch(1, "w1", "g616", "east", retired=True)
    assert (watches.get("w9"), watches.id_at(2), len(watches), watches.provisional) == (None, "w2", 3, 1)
    assert watches.profiles(np.array([1, 0, 1])) == ["g616", "native", "g616"]


def test_unknown_ids_are_met_in_order_and_each_once():
    watches = known()
    assert watches.indices(["w1", "new", "w0"]).tolist() == [1, -1, 0]
    indices = watches.meet_all(["b", "w1", "a", "b", "w2"])
    assert indices.tolist() == [3, 1, 4, 3, 2]
    assert watches.are_provisional(indices).tolist() == [True, False, True, True, True]
    assert watches.meet("a") == (Watch(4, "a", provisional=True), False)
    assert watches.provisional == 3


def test_what_was_met_in_vain_is_taken_back_and_its_index_goes_to_the_next():
    watches = known()
    watches.meet_all([f"new{n}" for n in range(3000)])
    watches.forget_from(3)
    assert (len(watches), watches.provisional, watches.get("new7")) == (3, 1, None)
    watches.put(Watch(3, "other", "g616", "west"))
    assert watches.at(3) == Watch(3, "other", "g616", "west")
    assert not watches.are_provisional(np.array([3])).any()


def test_registering_changes_all_but_the_index():
    watches = known()
    watches.put(Watch(2, "w2", "g616"))
    assert (watches.provisional, watches.at(2)) == (0, Watch(2, "w2", "g616"))
    for wrong in (Watch(1, "w2"), Watch(5, "w5"), Watch(3, "w0")):
        with pytest.raises(ValueError, match="does not follow"):
            watches.put(wrong)
    assert len(watches) == 3


def test_the_logs_rows_make_the_same_registry():
    rows = [(w.watch_id, w.profile, w.site, w.provisional, w.retired) for w in map(known().at, range(3))]
    watches = Watches.of_rows(iter(rows))
    assert [watches.at(index) for index in range(3)] == [known().at(index) for index in range(3)]
    assert watches.provisional == 1
    assert watches.meet_all(["w2", "w3"]).tolist() == [2, 3]
    assert watches.are_provisional(np.array([0, 3])).tolist() == [False, True]
