from typing import get_args

import numpy as np
import pytest

from crosstie.trust import signals
from crosstie.trust.diagnosis import Signal, SignalId
from crosstie.trust.exchanged_links import Exchanged
from crosstie.trust.left_out_links import LeftOutLinks
from crosstie.trust.refits import EdgeEvidence

AB, BC, AC = ("a", "b"), ("b", "c"), ("a", "c")


def judged(agreement, m=20):
    """Links that agree by this much in fits that did not see them, and other pairings by nothing but noise."""
    noise = np.random.default_rng(0).normal(0, 0.1, (m, m))
    return LeftOutLinks(np.arange(m), noise + agreement * np.eye(m), (np.eye(m), np.eye(m)))


def links(found, n=20, **more):
    return signals.of_links(AB, EdgeEvidence(n_columns=n, links=found, resolution=(0.1, 0.1), **more))


def levels(signals):
    return [s.level for s in signals]


def test_links():
    assert levels(links(judged(0.5))) == ["ok", "ok", "ok"]
    assert levels(links(judged(-0.1))) == ["fail", "ok", "ok"]
    reason = links(judged(-0.1))[0].reason
    assert "a – b" in reason
    assert "expected at least 3; right links would reach at most 3.9" in reason


def test_without_power_nothing_is_condemned():
    for found, n in ((judged(0.5, 5), 5), (judged(-0.5, 5), 5), (None, 2)):
        first = links(found, n)[0]
        assert first.level == "care"
        assert "cannot tell from the links" in first.reason
    assert links(judged(-0.5, 9), 9)[0].level == "fail"  # nine links can fail the test, and these do


def test_exchanged_links_are_named():
    pair = Exchanged(0, 1, -0.8, 0.5, (0.1, 0.1), (0.6, 0.6))
    one = signals.of_links(AB, EdgeEvidence(20, 0, judged(0.5), [pair], (0.1, 0.1)), ["CD4 and CD8a"])
    assert levels(one) == ["ok", "care", "ok"]
    assert "CD4 and CD8a" in one[1].reason
    every = [Exchanged(i, i + 10, -0.8, 0.5, (0.1, 0.1), (0.6, 0.6)) for i in range(6)]
    assert levels(signals.of_links(AB, EdgeEvidence(20, 0, judged(0.5), every, (0.1, 0.1)), ["x"] * 6))[1] == "fail"


def test_links_that_tell_little_apart():
    found = EdgeEvidence(n_columns=20, links=judged(0.5), resolution=(0.3, 0.4))
    assert levels(signals.of_links(AB, found)) == ["ok", "ok", "care"]
    assert "35% of their view" in signals.of_links(AB, found)[-1].reason


def test_shared_cells_speak_for_an_edge():
    assert levels(links(None, n=0, n_pairs=50, pairs=0.1)) == ["ok"]
    assert levels(links(None, n=0, n_pairs=50, pairs=0.45)) == ["fail"]
    assert levels(links(judged(-0.5), n_pairs=50, pairs=0.1)) == ["care", "ok", "ok", "ok"]


@pytest.mark.parametrize(("each", "level"), [(0.02, "ok"), (0.06, "care"), (0.1, "fail")])
def test_movement(each, level):
    out = signals.of_movement(AB, {"links": each, "cells": each, "counts": each})
    assert out[-1].value == pytest.approx(3 * each)
    assert levels(out) == ["ok", "ok", "ok", level]


def test_movement_without_counts():
    out = signals.of_movement(AB, {"links": 0.04, "cells": 0.01, "map": 0.3})
    assert levels(out) == ["ok", "ok", "ok", "fail"]
    assert out[-2].value == pytest.approx(0.05)
    assert "30.0% of the other view" in out[-1].reason


def test_support():
    one = signals.of_support(AB, {"a": 0.6, "b": 0.0}, {"a": "300 cells high in CD19"})
    assert levels(one) == ["care", "ok"]
    assert "60% of the cells" in one[0].reason
    assert "CD19" in one[0].reason
    assert levels(signals.of_support(AB, {"a": 0.6, "b": 0.4}, {})) == ["care", "care"]


def test_guards():
    assert levels(signals.of_copies({AB: 1.0, BC: 0.1})) == ["fail", "ok"]
    assert levels(signals.of_organisms([AB, BC], {"a": ("human", 30), "b": ("mouse", 12)})) == ["fail"]
    assert levels(signals.of_recognised({AB: 0.9, BC: 0.05})) == ["fail", "ok"]
    assert signals.of_doublets("a", 0.3).level == "care"
    assert signals.of_duplicates("a", 0.3).level == "care"
    assert signals.of_duplicates("a", 0.0).level == "ok"
    assert signals.of_cycle(AB, 0.02).level == "ok"
    assert signals.of_mixing(AB, np.full(5, 0.2)).level == "care"
    assert signals.of_mixing(AB, np.full(5, np.nan)).level == "care"


def signal(edge, level, id_="mixing"):
    return Signal(signals.edge_name(edge), id_, id_, 0.0, "1", level, f"{signals.edge_name(edge)} {level}")


def test_decide():
    assert signals.decide([signal(AB, "ok")], [AB], ["a", "b"]) == ("ok", ())
    assert signals.decide([signal(AB, "care"), signal(AB, "fail")], [AB], ["a", "b"]) == (
        "fail",
        ("a – b fail", "a – b care"),
    )


def test_a_bad_edge_is_spared_where_the_others_connect():
    views = ["a", "b", "c"]
    assert signals.decide([signal(AB, "fail")], [AB, BC, AC], views)[0] == "care"
    assert signals.decide([signal(AB, "fail")], [AB, BC], views)[0] == "fail"
    assert signals.decide([signal(AB, "fail"), signal(AC, "fail")], [AB, BC, AC], views)[0] == "fail"
    assert signals.decide([signal(AB, "fail", "one_organism")], [AB, BC, AC], views)[0] == "fail"


def test_what_is_missing_is_said():
    level, reasons = signals.decide([signals.missing("a – b", "links_held_out", "no data")], [AB], ["a", "b"])
    assert level == "care"
    assert reasons == ("not judged (no data): agreement of links",)


@pytest.mark.parametrize(("agreement", "level"), [(0.5, "care"), (0.05, "fail")])
def test_coarse_matches_are_condemned_only_without_proof(agreement, level):
    found = [
        *links(judged(agreement)),
        *signals.of_movement(AB, {"links": 0.2, "cells": 0.1, "counts": 0.1}),
        signals.of_cycle(AB, 0.3),
    ]
    assert {s.level for s in found if s.id in ("matches_move", "cells_return")} == {"fail"}
    softened = signals.with_proof(found)
    assert {s.level for s in softened if s.id in ("matches_move", "cells_return")} == {level}
    assert signals.decide(softened, [AB], ["a", "b"])[0] == level
    other = signals.of_cycle(BC, 0.3)
    assert signals.with_proof([*found, other])[-1] == other  # proof of one edge is none of another


def test_ids_and_names_are_one_to_one():
    ids = signals.ids_by_name()
    assert sorted(ids.values()) == sorted(get_args(SignalId))
    assert len(ids) == len(signals.NAMES)


def test_a_signal_bears_the_name_of_its_id():
    made = [
        *links(judged(0.5), n_pairs=9, pairs=0.1),
        *links(None, n=2),
        *signals.of_movement(AB, {"links": 0.1, "cells": 0.1, "counts": 0.1, "map": 0.1}),
        signals.of_cycle(AB, 0.1),
        signals.of_mixing(AB, np.ones(3)),
        *signals.of_support(AB, {"a": 0.1}, {}),
        *signals.of_copies({AB: 0.1}),
        *signals.of_recognised({AB: 0.1}),
        signals.of_duplicates("a", 0.1),
        signals.of_doublets("a", 0.1),
        *signals.of_organisms([AB], {"a": ("human", 9), "b": ("human", 9)}),
    ]
    assert {s.id for s in made} == set(get_args(SignalId))
    assert all(signals.ids_by_name()[s.name] == s.id for s in made)
