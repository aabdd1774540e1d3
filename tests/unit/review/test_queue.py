"""Which lists are odd, and wait for a person."""

from types import SimpleNamespace

import polars as pl
from helpers.experiments import root
from helpers.shown import SIX, shown

from seqrec.feedback import Log, read_log
from seqrec.review.queue import DAY, Rules, queue
from seqrec.review.tested import odd_lists


def odd(log, slates, catalogue=None, **rules):
    written = Log(log)
    written.write(slates)
    written.close()
    return queue(read_log(log), catalogue, Rules(**rules))


def test_an_item_whose_share_grows_in_a_day_waits_with_a_list_that_shows_it(tmp_path):
    lists = [shown(f"o{at}", [f"c{(at + i) % 50}" for i in range(5)], session=f"o{at}", time=at)
             for at in range(400)]  # fmt: skip
    pushed = [
        shown(
            f"n{at}",
            [f"c{at % 50}", "p", f"c{(at + 3) % 50}"][: 2 + at % 2],
            session=f"n{at}",
            time=2 * DAY + at,
        )
        for at in range(100)
    ]
    found = odd(tmp_path / "log", [*lists, *pushed])
    assert [(each.kind, each.item, each.request_id) for each in found] == [("exposure", "p", "n0")]
    assert found[0].why == "p grew from 0.00% to 40.00% of the slots"


def test_lists_of_one_category_wait_unless_most_are(tmp_path):
    catalogue = pl.DataFrame({"item": [*SIX, "x"], "categories": [["A", "B"]] * 6 + [["C"]]})
    mixed = [shown(f"m{at}", [*SIX[1:], "x"], session=f"m{at}") for at in range(3)]
    one = [shown("one", SIX, session="one")]
    found = odd(tmp_path / "log", [*mixed, *one], catalogue)
    assert [(each.request_id, each.why) for each in found] == [("one", "all 6 items are A")]
    many = [shown(f"x{at}", SIX, session=f"x{at}") for at in range(9)]
    assert odd(tmp_path / "log", many, catalogue) == []


def test_what_chance_drew_isnt_unstable(tmp_path):
    drawn = {"candidates": [*SIX, "y", "z"], "session": "s"}
    lists = [shown("d1", ["y", "z"], **drawn), shown("d2", SIX[4:], time=1, **drawn)]
    assert odd(tmp_path / "log", lists) == []


def test_after_many_events_a_list_may_be_another(tmp_path):
    lists = [
        shown("d1", SIX[:3], session="s", history=["h"]),
        shown("d2", SIX[3:], session="s", time=1, history=["h", "i", "j", "k"]),
        shown("d3", SIX[:3], session="s", time=2, history=["h", "i", "j", "k", "l"]),
    ]
    assert [each.request_id for each in odd(tmp_path / "log", lists)] == ["d3"]


def test_another_bundle_may_list_other_items(tmp_path):
    lists = [
        shown("d1", SIX[:3], session="s"),
        shown("d2", SIX[3:], session="s", time=1, bundle="b2"),
    ]
    assert odd(tmp_path / "log", lists) == []


def test_lists_of_a_test_are_odd_before_anybody_is_shown_one():
    """An item that every list holds and few users chose, and a list of one category."""
    kinds = [["war"]] * 5 + [[name] for name in ("love", "life", "past") * 5]
    ids = [f"i{at}" for at in range(20)]
    counts = [1000] * 19 + [1]
    catalogue = pl.DataFrame({"index": range(1, 21), "item": ids, "title": ids, "kinds": kinds,
                              "candidate": [True] * 20, "item_events": counts})  # fmt: skip
    mixed = [[ids[19], *(ids[(at + step) % 19] for step in range(4))] for at in range(50)]
    lists = pl.DataFrame({"user": [f"u{at}" for at in range(51)], "item": ids[:1] * 51,
                          "recommended": [ids[:5], *mixed]})  # fmt: skip
    tables = {"catalogue.parquet": catalogue, "lists.parquet": lists}
    config = root("evaluation.category=kinds", "evaluation.monitor=ndcg@5")
    folder = SimpleNamespace(config=lambda: config, read_table=tables.get)
    found = odd_lists(folder, Rules(ratio=5))
    assert [(each.kind, each.session, each.item) for each in found] == [
        ("exposure", "u1", "i19"),
        ("variety", "u0", None),
    ]
    assert "training events" in found[0].why and found[1].why == "all 5 items are war"
    fewer = SimpleNamespace(config=lambda: config, read_table={**tables, "catalogue.parquet":
                            catalogue.drop("item_events", "kinds")}.get)  # fmt: skip
    config.evaluation.category = None
    assert odd_lists(fewer, Rules()) == []
