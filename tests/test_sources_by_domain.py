"""Sessions, music and news: the published formats in small, and real files where those are."""

from pathlib import Path

import polars as pl
import pytest
from real_files import SHARED, counts, real

from seqrec.data.diginetica import Diginetica
from seqrec.data.ebnerd import Ebnerd
from seqrec.data.globo import Globo
from seqrec.data.kuairand import KuaiRand
from seqrec.data.kuairec import KuaiRec
from seqrec.data.lastfm_1k import Lastfm1K
from seqrec.data.lastfm_hetrec import LastfmHetrec
from seqrec.data.mind import Mind
from seqrec.data.otto import Otto
from seqrec.data.retailrocket import Retailrocket
from seqrec.data.yambda import Yambda
from seqrec.data.yoochoose import Yoochoose
from seqrec.errors import ConfigError, DataError


def rows(source) -> list[tuple[str, str, int]]:
    frame = source.read().events.collect()
    return frame.select(pl.col("user", "item").cast(pl.String), "timestamp").rows()


@real
@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (Diginetica(raw_dir=f"{SHARED}/diginetica"), (2986, 7139, 12_391)),
        (Otto(raw_dir=f"{SHARED}/otto-sample"), (20, 510, 862)),
        (Otto(raw_dir=f"{SHARED}/otto-sample", kinds=["carts", "orders"]), (None, None, 62)),
        (Globo(raw_dir=f"{SHARED}/globo-sample"), (121, 122, 318)),
        (Ebnerd(raw_dir=f"{SHARED}/ebnerd-test-sample"), (44, 2194, 8303)),
    ],
    ids=lambda value: value.name if hasattr(value, "name") else "",
)
def test_counts_of_real_files(source, expected) -> None:
    got = counts(source)
    assert all(want is None or have == want for have, want in zip(got, expected, strict=True))
    assert source.read().rejected == {}


def test_yoochoose(tmp_path: Path) -> None:
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


def test_diginetica_adds_the_time_in_the_session_to_the_day(tmp_path: Path) -> None:
    head = "sessionId;userId;itemId;timeframe;eventdate\n"
    path = tmp_path / "train-item-views.csv"
    path.write_text(head + "1;NA;81766;526309;2016-05-09\n")
    with pytest.raises(DataError, match="no column 'session_id'"):
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
    with pytest.raises(DataError, match="mend the rows"):
        Diginetica(raw_dir=str(tmp_path)).read()


def test_otto_reads_the_kinds_that_are_asked_for(tmp_path: Path) -> None:
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
    with pytest.raises(DataError, match="mend the rows"):
        both.read()


def test_globo_reads_all_hours_and_the_articles(tmp_path: Path) -> None:
    (tmp_path / "clicks").mkdir()
    for hour, article in enumerate((157541, 68866)):
        (tmp_path / "clicks" / f"clicks_hour_00{hour}.csv").write_text(
            "user_id,session_id,click_article_id,click_timestamp\n"
            f"0,1506825423271737,{article},{1506826828020 + hour}\n"
        )
    (tmp_path / "articles_metadata.csv").write_text(
        "article_id,category_id,created_at_ts,publisher_id,words_count\n"
        "157541,281,1506816000000,0,168\n"
    )
    data = Globo(raw_dir=str(tmp_path)).read()
    assert len(data.events.collect()) == 2
    assert data.items is not None
    assert data.items.collect().row(0) == ("157541", None, "281", "0", 168, 17440.0)
    with pytest.raises(DataError, match="no clicks_hour"):
        Globo(raw_dir=str(tmp_path / "clicks" / "none")).read()


def test_ebnerd_reads_lists_and_finds_the_articles_one_above(tmp_path: Path) -> None:
    folder = tmp_path / "train"
    folder.mkdir()
    frame = pl.DataFrame(
        {"user_id": [13], "article_id_fixed": [[5, 6]], "impression_time_fixed": [[0, 60_000_000]]},
        schema_overrides={"user_id": pl.UInt32, "article_id_fixed": pl.List(pl.Int32)},
    )
    times = pl.col("impression_time_fixed").cast(pl.List(pl.Datetime("us")))
    frame.with_columns(times).write_parquet(folder / "history.parquet")
    pl.DataFrame({"article_id": [5], "title": ["Nyt"], "category_str": ["sport"]}).write_parquet(
        tmp_path / "articles.parquet"
    )
    source = Ebnerd(raw_dir=str(folder))
    assert rows(source) == [("13", "5", 0), ("13", "6", 60_000)]
    items = source.read().items
    assert items is not None and items.collect().rows() == [("5", "Nyt", "sport")]


def test_lastfm_hetrec(tmp_path: Path) -> None:
    (tmp_path / "user_taggedartists-timestamps.dat").write_text(
        "userID\tartistID\ttagID\ttimestamp\n2\t52\t13\t1238536800000\n2\t52\t15\t1238536800000\n"
    )
    (tmp_path / "artists.dat").write_text(
        'id\tname\turl\tpictureURL\n52\tMorcheeba "live"\thttp://a\thttp://b\n'
    )
    data = LastfmHetrec(raw_dir=str(tmp_path)).read()
    assert len(data.events.collect()) == 2
    assert data.items is not None and data.items.collect().row(0) == ("52", 'Morcheeba "live"')


def test_retailrocket_reads_kinds_and_the_latest_category(tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text(
        "timestamp,visitorid,event,itemid,transactionid\n1433221332117,257597,view,355908,\n"
        "1433224214164,257597,transaction,248676,4000\n"
    )
    both = Retailrocket(raw_dir=str(tmp_path))
    assert both.read().items is None
    assert both.read().events.collect().select("timestamp", "event").rows() == [
        (1433221332117, "view"), (1433224214164, "transaction"),
    ]  # fmt: skip
    (tmp_path / "item_properties_part1.csv").write_text(
        "timestamp,itemid,property,value\n1435460400000,355908,categoryid,1338\n"
        "1441508400000,355908,categoryid,99\n1441508400001,355908,888,n277.200\n"
    )
    items = both.read().items
    assert items is not None and items.collect().rows() == [("355908", None, "99")]
    bought = Retailrocket(raw_dir=str(tmp_path), kinds=["transaction"])
    assert [row[1] for row in rows(bought)] == ["248676"]
    assert bought.name == "retailrocket-transaction"
    with pytest.raises(ConfigError, match=r"data\.kinds"):
        Retailrocket(kinds=["clicks"])


def test_lastfm_1k_tells_artists_or_tracks_by_name(tmp_path: Path) -> None:
    path = tmp_path / "userid-timestamp-artid-artname-traid-traname.tsv"
    path.write_text(
        "user_000001\t2009-05-04T23:08:57Z\tf1b1cf71\tDeep Dish\t\tFuck Me\n"
        'user_000001\t2009-05-04T13:54:10Z\t\t"Weird" Al\t\tEat It\n'
    )
    artists, tracks = (Lastfm1K(raw_dir=str(tmp_path), items=x) for x in ("artists", "tracks"))
    assert rows(artists)[0] == ("user_000001", "Deep Dish", 1_241_478_537_000)
    assert [row[1] for row in rows(tracks)] == ["Deep Dish - Fuck Me", '"Weird" Al - Eat It']
    path.write_text("user_000001\t2009-05-04T23:08:57Z\tf1b1cf71\t\t\t\n")
    with pytest.raises(DataError, match="missing id"):
        artists.read()


def test_yambda_has_played_shares_as_ratings(tmp_path: Path) -> None:
    listens = {
        "uid": [100, 100], "timestamp": [39420, 39425], "item_id": [8326270, 1441281],
        "is_organic": [0, 1], "played_ratio_pct": [95, 8], "track_length_seconds": [170, 105],
    }  # fmt: skip
    pl.DataFrame(listens).write_parquet(tmp_path / "listens.parquet")
    pl.DataFrame(
        {k: listens[k] for k in ("uid", "timestamp", "item_id", "is_organic")}
    ).write_parquet(tmp_path / "likes.parquet")
    read = Yambda(raw_dir=str(tmp_path)).read().events.collect()
    assert read["timestamp"].to_list() == [39_420_000, 39_425_000]
    assert read["rating"].to_list() == [95, 8]
    assert read["organic"].to_list() == ["0", "1"] and read["track_length"].to_list() == [170, 105]
    likes = Yambda(raw_dir=str(tmp_path), events="likes").read().events.collect()
    assert likes.columns == ["user", "item", "timestamp", "organic"]


def test_kuairec_has_watch_ratios_and_tags(tmp_path: Path) -> None:
    (tmp_path / "big_matrix.csv").write_text(
        "user_id,video_id,play_duration,video_duration,time,date,timestamp,watch_ratio\n"
        "0,3649,13838,10867,2020-07-05 00:08:23.438,20200705,1593878903.438,1.2733965215790926\n"
    )
    (tmp_path / "item_categories.csv").write_text('video_id,feat\n3649,"[27, 9]"\n1,[8]\n')
    data = KuaiRec(raw_dir=str(tmp_path)).read()
    [row] = data.events.collect().select("timestamp", "rating", "play_duration").rows()
    assert row == pytest.approx((1_593_878_903_438, 1.2733965, 13838))
    assert data.items is not None
    assert data.items.collect()["tags"].to_list() == [["27", "9"], ["8"]]


def test_kuairand_joins_its_logs(tmp_path: Path) -> None:
    head = "user_id,video_id,date,hourmin,time_ms,is_click,is_like,play_time_ms,duration_ms,tab\n"
    for part, click in (("4_08_to_4_21_pure", 1), ("4_22_to_5_08_pure", 0)):
        (tmp_path / f"log_standard_{part}.csv").write_text(
            f"{head}0,3800,20220421,100,{1650474027742 + click},{click},0,1000,2000,1\n"
        )
    (tmp_path / "video_features_basic_pure.csv").write_text(
        'video_id,author_id,video_type,tag\n3800,14,NORMAL,"12,65"\n'
    )
    data = KuaiRand(raw_dir=str(tmp_path)).read()
    assert data.events.collect()["rating"].to_list() == [1, 0]
    assert data.items is not None
    assert data.items.collect().rows() == [("3800", None, "14", ["12", "65"])]
    with pytest.raises(DataError, match="no log_standard"):
        KuaiRand(raw_dir=str(tmp_path / "none")).read()


def test_mind_puts_the_history_before_the_clicks(tmp_path: Path) -> None:
    (tmp_path / "behaviors.tsv").write_text(
        "1\tU1\t11/12/2019 9:00:00 PM\tN1 N2\tN3-0 N41-1\n"
        "2\tU1\t11/11/2019 9:05:58 AM\tN1 N2\tN11-1 N5-0 N6-1\n"
        "3\tU2\t11/11/2019 8:00:00 AM\t\tN5-0\n"
    )
    (tmp_path / "news.tsv").write_text(
        'N1\tsports\tgolf\tA "title"\tAn abstract\thttps://x\t[]\t[]\n'
    )
    data = Mind(raw_dir=str(tmp_path)).read()
    early, late = 1_573_463_158_000, 1_573_592_400_000
    assert sorted(data.events.collect().rows(), key=lambda row: row[2]) == [
        ("U1", "N1", early), ("U1", "N2", early), ("U1", "N11", early), ("U1", "N6", early),
        ("U1", "N41", late),
    ]  # fmt: skip
    assert data.items is not None
    assert data.items.collect().row(0) == ("N1", 'A "title"', "sports", "golf", "An abstract")
    (tmp_path / "behaviors.tsv").write_text("1\tU1\tyesterday\t\tN3-0 N4-1\n")
    with pytest.raises(DataError, match="unparsable time"):
        Mind(raw_dir=str(tmp_path)).read()


@pytest.mark.parametrize("source", [
    Yoochoose(), Diginetica(), Otto(), Globo(), Ebnerd(), Retailrocket(), Lastfm1K(), Yambda(),
    KuaiRec(), KuaiRand(), Mind(),
])  # fmt: skip
def test_what_can_not_be_fetched_says_where_it_is(source) -> None:
    with pytest.raises(DataError, match=r"(?s)can't be fetched.*https?://.*data\.raw_dir"):
        source.files()
