"""Sources of sessions in shops: the published formats in small."""

from pathlib import Path

import pytest
from helpers.real_files import counts, rows

from seqrec.data.diginetica import Diginetica
from seqrec.data.otto import Otto
from seqrec.data.retailrocket import Retailrocket
from seqrec.data.yoochoose import Yoochoose
from seqrec.errors import ConfigError, DataError


def test_yoochoose(tmp_path: Path):
    (tmp_path / "yoochoose-clicks.dat").write_text(
        "1,2014-04-07T10:51:09.277Z,214536502,0\n1,2014-04-07T10:54:09.868Z,214536500,S\n"
        "2,2014-04-07T13:56:37.614Z,214662742,0\n"
    )
    source = Yoochoose(raw_dir=str(tmp_path))
    assert rows(source)[0] == ("1", "214536502", 1_396_867_869_277)
    assert counts(source) == (2, 3, 3)
    (tmp_path / "yoochoose-clicks.dat").write_text("1,yesterday,5,0\n2,2014-04-07T13:00:00Z,6,0\n")
    with pytest.raises(DataError, match="unparsable time"):
        source.read()


def test_diginetica_adds_the_time_in_the_session_to_the_day(tmp_path: Path):
    head = "sessionId;userId;itemId;timeframe;eventdate\n"
    path = tmp_path / "train-item-views.csv"
    path.write_text(head + "1;NA;81766;526309;2016-05-09\n")
    with pytest.raises(DataError, match="no columns 'session_id', 'item_id'"):
        Diginetica(raw_dir=str(tmp_path)).read()
    head = "session_id;user_id;item_id;timeframe;eventdate\n"
    path.write_text(head + "1;NA;81766;526309;2016-05-09\n1;NA;31331;1031018;2016-05-09\n")
    assert rows(Diginetica(raw_dir=str(tmp_path))) == [
        ("1", "81766", 1_462_752_000_000 + 526_309),
        ("1", "31331", 1_462_752_000_000 + 1_031_018),
    ]
    path.write_text(head + "1;NA;81766;soon;2016-05-09\n1;NA;31331;1031018;2016-05-09\n")
    with pytest.raises(DataError, match="1 of 2 rows"):
        Diginetica(raw_dir=str(tmp_path)).read()
    kept = Diginetica(raw_dir=str(tmp_path), max_bad_rows=0.5).read()
    assert kept.rejected == {"unparsable time": 1}
    path.write_text(head + "1;NA;81766;526309;2016-05-09\n1;NA;5;6;31331;1031018;2016-05-09\n")
    with pytest.raises(DataError, match=r"1 wrong column count(.|\n)*line 3"):
        Diginetica(raw_dir=str(tmp_path)).read()


def test_otto_reads_the_kinds_that_are_asked_for(tmp_path: Path):
    path = tmp_path / "train.jsonl"
    path.write_text(
        '{"session":7,"events":[{"aid":1,"ts":1659304800025,"type":"clicks"},'
        '{"aid":2,"ts":1659304904511,"type":"orders"}]}\n{"session":8,"events":[]}\n'
        '{"session":9,"events":[{"aid":1,"ts":1659367439426,"type":"carts"}]}\n'
    )
    both = Otto(raw_dir=str(tmp_path))
    assert rows(both) == [
        ("7", "1", 1659304800025), ("7", "2", 1659304904511), ("9", "1", 1659367439426),
    ]  # fmt: skip
    bought = Otto(raw_dir=str(tmp_path), kinds=["orders"])
    assert [row[1] for row in rows(bought)] == ["2"] and bought.name == "otto-orders"
    with pytest.raises(ConfigError, match=r"data\.kinds"):
        Otto(kinds=["views"])
    path.write_text("")
    with pytest.raises(DataError, match="empty"):
        both.read()
    path.write_text('{"session":8}\nno json\n')
    with pytest.raises(DataError, match=r"(?s)1 broken JSON.*line 2 \(broken JSON\): 'no json'"):
        both.read()


@pytest.mark.parametrize("kinds", [["clicks"], ["clicks", "carts", "orders"]])
def test_otto_counts_what_is_no_session(kinds: list[str], tmp_path: Path):
    good = '{"session":7,"events":[{"aid":1,"ts":1659304800025,"type":"clicks"}]}\n'
    other = '{"session":"x","events":[]}\n{"session":8,"events":3}\n'  # no events; no list of them
    path = tmp_path / "train.jsonl"
    source = Otto(raw_dir=str(tmp_path), kinds=kinds)
    path.write_text(good * 400 + other)
    data = source.read()
    assert data.rejected == {"missing id": 1} and len(data.events.collect()) == 400
    path.write_text(good * 400 + good[:40] + "\n" + other + "[]\n")
    data = source.read()
    assert data.rejected == {"missing id": 1, "broken JSON": 2}
    assert len(data.events.collect()) == 400


RETAIL = "timestamp,visitorid,event,itemid,transactionid\n"


def test_retailrocket_reads_kinds_and_the_first_category(tmp_path: Path):
    (tmp_path / "events.csv").write_text(
        RETAIL + "1433221332117,257597,view,355908,\n1433224214164,992329,addtocart,248676,\n"
        "1433221999827,111016,transaction,318965,4000\n"
    )
    for part, rows_of_part in (
        (1, "1435460400000,355908,categoryid,1338\n1435460400000,355908,790,n5.2\n"),
        (2, "1433041200000,355908,categoryid,1114\n1433041200000,5,categoryid,7\n"),
    ):
        head = "timestamp,itemid,property,value\n"
        (tmp_path / f"item_properties_part{part}.csv").write_text(head + rows_of_part)
    source = Retailrocket(raw_dir=str(tmp_path))
    assert rows(source)[0] == ("257597", "355908", 1_433_221_332_117) and len(rows(source)) == 3
    items = source.read().items
    assert items is not None
    assert items.collect().filter(item="355908").row(0) == ("355908", None, "1114")
    bought = Retailrocket(raw_dir=str(tmp_path), kinds=["addtocart", "transaction"])
    assert [item for _, item, _ in rows(bought)] == ["248676", "318965"]
    assert bought.name == "retailrocket-addtocart-transaction"
    with pytest.raises(ConfigError, match=r"data\.kinds"):
        Retailrocket(kinds=["views"])


@pytest.mark.parametrize("kinds", [["view"], ["view", "addtocart", "transaction"]])
def test_retailrocket_counts_rows_of_no_known_kind(kinds: list[str], tmp_path: Path):
    bad = "1433221332117,1,look,5,\n1433221332117,1,,5,\n1433221332117,1\n"
    (tmp_path / "events.csv").write_text(RETAIL + "1433221332117,1,view,5,\n" * 300 + bad)
    data = Retailrocket(raw_dir=str(tmp_path), kinds=kinds).read()
    assert data.rejected == {"missing id": 2, "wrong column count": 1}
    assert len(data.events.collect()) == 300
