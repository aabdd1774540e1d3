"""Sessions, music and news: the published formats in small, and real files where those are."""

from pathlib import Path

import polars as pl
import pytest
from helpers.real_files import SHARED, counts, real

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
    with pytest.raises(DataError, match=r"(?s)1 broken JSON.*line 2 \(broken JSON\): 'no json'"):
        both.read()


@pytest.mark.parametrize("kinds", [["clicks"], ["clicks", "carts", "orders"]])
def test_otto_counts_what_is_no_session(kinds: list[str], tmp_path: Path) -> None:
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
    assert source.name == "ebnerd"
    assert Ebnerd(raw_dir="at/ebnerd_demo/validation/").name == "ebnerd-demo-validation"
    assert Ebnerd().name == Ebnerd(raw_dir="ebnerd_demo").name == "ebnerd"
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


RETAIL = "timestamp,visitorid,event,itemid,transactionid\n"


def test_retailrocket_reads_kinds_and_the_first_category(tmp_path: Path) -> None:
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
def test_retailrocket_counts_rows_of_no_known_kind(kinds: list[str], tmp_path: Path) -> None:
    bad = "1433221332117,1,look,5,\n1433221332117,1,,5,\n1433221332117,1\n"
    (tmp_path / "events.csv").write_text(RETAIL + "1433221332117,1,view,5,\n" * 300 + bad)
    data = Retailrocket(raw_dir=str(tmp_path), kinds=kinds).read()
    assert data.rejected == {"missing id": 2, "wrong column count": 1}
    assert len(data.events.collect()) == 300


def test_lastfm_1k_names_what_has_no_id(tmp_path: Path) -> None:
    path = tmp_path / "userid-timestamp-artid-artname-traid-traname.tsv"
    path.write_text(
        'user_000001\t2009-05-04T23:08:57Z\tf1b1cf71\tDeep "Dish\t\tFuck Me (Live)\n'
        "user_000001\t2009-05-04T13:54:10Z\t\t坂本龍一\t\tComposition 0919\n"
        "user_000002\t2009-05-04T13:52:04Z\ta7f7df4a\tUnderworld\tdc394163\tBoy\n"
    )
    artists = Lastfm1K(raw_dir=str(tmp_path))
    assert rows(artists)[:2] == [
        ("user_000001", "f1b1cf71", 1_241_478_537_000),
        ("user_000001", "坂本龍一", 1_241_445_250_000),
    ]
    items = artists.read().items
    assert items is not None and items.collect().row(0) == ("f1b1cf71", 'Deep "Dish')
    tracks = Lastfm1K(raw_dir=str(tmp_path), items="tracks")
    ids = ['Deep "Dish - Fuck Me (Live)', "坂本龍一 - Composition 0919", "dc394163"]
    assert [item for _, item, _ in rows(tracks)] == ids
    items = tracks.read().items
    assert items is not None and items.collect()["title"][2] == "Underworld - Boy"
    with pytest.raises(ConfigError, match=r"data\.items"):
        Lastfm1K(items="albums")


def test_a_long_row_of_lastfm_1k_is_counted_and_the_names_are_still_read(tmp_path: Path) -> None:
    path = tmp_path / "userid-timestamp-artid-artname-traid-traname.tsv"
    row = "u\t2009-05-04T23:08:57Z\tid\tname\tid\tname"
    path.write_text(f"{row}\n" * 200 + f"{row}\tmore\n")
    data = Lastfm1K(raw_dir=str(tmp_path)).read()
    assert data.rejected == {"wrong column count": 1} and len(data.events.collect()) == 200
    assert data.items is not None and data.items.collect().row(0) == ("id", "name")


def test_yambda_counts_seconds_and_rates_by_the_share_that_was_played(tmp_path: Path) -> None:
    folder = tmp_path / "flat" / "50m"
    folder.mkdir(parents=True)
    likes = pl.DataFrame(
        {"uid": [100], "timestamp": [39_420], "item_id": [8_326_270], "is_organic": [0]},
        schema=dict.fromkeys(["uid", "timestamp", "item_id"], pl.UInt32) | {"is_organic": pl.UInt8},
    )
    likes.write_parquet(folder / "likes.parquet")
    more = [pl.lit(120, pl.UInt16).alias("played_ratio_pct"), pl.lit(170).alias("track_length")]
    likes.with_columns(more).write_parquet(folder / "listens.parquet")
    listens = Yambda(raw_dir=str(tmp_path))
    assert (
        rows(listens) == [("100", "8326270", 39_420_000)] and listens.name == "yambda-50m-listens"
    )
    assert listens.read().events.collect()["rating"].to_list() == [120.0]
    liked = Yambda(raw_dir=str(folder), kind="likes")
    assert rows(liked) == rows(listens) and "rating" not in liked.read().events.collect()
    with pytest.raises(ConfigError, match="no size '1b'"):
        Yambda(size="1b")
    with pytest.raises(DataError, match=r"no listens\.parquet"):
        Yambda(raw_dir=str(tmp_path), size="5b").read()


KUAISHOU_USERS = (
    "user_id,user_active_degree,is_lowactive_period,is_live_streamer,is_video_author,"
    "follow_user_num,follow_user_num_range,fans_user_num,fans_user_num_range,friend_user_num,"
    "friend_user_num_range,register_days,register_days_range,onehot_feat0\n"
    '14,high_active,0,0,1,5,"(0,10]",0,0,0,0,107,61-90,0\n'
)
KUAISHOU_USER = {
    **{"user": "14", "user_active_degree": "high_active", "is_video_author": "1"},
    **{"register_days_range": "61-90", "follow_user_num_range": "(0,10]"},
    **{"fans_user_num_range": "0", "friend_user_num_range": "0"},
}


def test_kuairec_rates_by_the_watch_ratio_and_lists_tags(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "small_matrix.csv").write_text(
        "user_id,video_id,play_duration,video_duration,time,date,timestamp,watch_ratio\n"
        "14,148,4381,6067,2020-07-05 05:27:48.378,20200705.0,1593898068.378,0.7221032\n"
        "14,183,11635,6100,,,,1.9073771\n"
    )
    (tmp_path / "data" / "item_categories.csv").write_text(
        'video_id,feat\n148,"[27, 9]"\n183,[8]\n'
    )
    (tmp_path / "data" / "user_features.csv").write_text(KUAISHOU_USERS)
    source = KuaiRec(raw_dir=str(tmp_path), matrix="small", max_bad_rows=0.5)
    data = source.read()
    assert rows(source) == [("14", "148", 1_593_898_068_378)]
    assert data.rejected == {"unparsable time": 1}
    assert data.events.collect()["rating"].to_list() == pytest.approx([0.7221032])
    assert data.items is not None
    assert data.items.collect()["feat"].to_list() == [["27", "9"], ["8"]]
    assert data.users is not None and data.users.collect().to_dicts() == [KUAISHOU_USER]
    with pytest.raises(ConfigError, match=r"data\.matrix"):
        KuaiRec(matrix="medium")


def test_kuairand_joins_its_logs_and_divides_to_the_watch_ratio(tmp_path: Path) -> None:
    head = "user_id,video_id,date,hourmin,time_ms,is_click,play_time_ms,duration_ms,tab\n"
    for days, row in (
        ("4_08_to_4_21", "0,5,20220408,700,1649373600000,1,15000,10000,1\n"),
        ("4_22_to_5_08", "0,6,20220422,700,1650583200000,1,5000,10000,1\n0,6,1,1,1,1,5,0,1\n"),
    ):
        (tmp_path / f"log_standard_{days}_pure.csv").write_text(head + row)
    (tmp_path / "log_random_4_22_to_5_08_pure.csv").write_text(head)
    (tmp_path / "video_features_basic_pure.csv").write_text(
        "video_id,author_id,video_type,upload_dt,upload_type,visible_status,video_duration,"
        "server_width,server_height,music_id,music_type,tag\n"
        '5,441,NORMAL,2020-07-08,ShortImport,1,17200.0,720,1280,989206467,4.0,"12,65"\n'
    )
    without = KuaiRand(raw_dir=str(tmp_path), max_bad_rows=0.5).read()
    assert without.users is None
    (tmp_path / "user_features_pure.csv").write_text(KUAISHOU_USERS)
    source = KuaiRand(raw_dir=str(tmp_path), max_bad_rows=0.5)
    assert rows(source) == [("0", "5", 1_649_373_600_000), ("0", "6", 1_650_583_200_000)]
    data = source.read()
    assert data.events.collect()["rating"].to_list() == [1.5, 0.5]
    assert data.rejected == {"NaN or unparsable rating": 1}  # a video without length has no ratio
    assert data.items is not None
    assert data.users is not None and data.users.collect().to_dicts() == [KUAISHOU_USER]
    video = ("5", None, "441", "NORMAL", "ShortImport", 17200.0, "4.0", ["12", "65"])
    assert data.items.collect().row(0) == video
    with pytest.raises(DataError, match="no log_standard_"):
        KuaiRand(raw_dir=str(tmp_path), version="27k").read()


CLICKS = (
    "1\tU1\t11/11/2019 9:05:58 AM\tN5 N6\tN7-0 N8-1 N9-1\n"
    "2\tU1\t11/10/2019 1:05:58 PM\tN5\tN7-1\n3\tU2\t11/12/2019 1:05:58 PM\t\tN8-1\n"
)
NEWS = 'N7\tsports\tgolf\tA "title\tText\thttps://x\t[]\t[]\n'


def test_mind_has_clicks_at_their_impressions_and_the_history_before(tmp_path: Path) -> None:
    for part in ("train", "dev"):
        (tmp_path / part).mkdir()
        (tmp_path / part / "news.tsv").write_text(NEWS)
    (tmp_path / "train" / "behaviors.tsv").write_text(CLICKS)
    (tmp_path / "dev" / "behaviors.tsv").write_text(
        "1\tU3\t11/15/2019 9:05:58 AM\tN1 N2\tN7-0 N8-1\n"
    )
    ten, eleven, twelve = (1_573_391_158_000 + h * 3_600_000 for h in (0, 20, 48))
    clicks = [("U1", "N8", eleven), ("U1", "N9", eleven), ("U1", "N7", ten), ("U2", "N8", twelve)]
    source = Mind(raw_dir=str(tmp_path / "train"))
    assert rows(source) == [("U1", "N5", ten - 1), *clicks]  # as of the earliest impression
    assert rows(Mind(raw_dir=str(tmp_path / "train"), history=False)) == clicks
    both = rows(Mind(raw_dir=str(tmp_path)))
    assert len(both) == 8 and both[1:3] == [("U3", "N1", ten - 1), ("U3", "N2", ten - 1)]
    items = source.read().items
    assert items is not None
    assert items.collect().row(0) == ("N7", 'A "title', "sports", "golf", "Text")


def test_mind_counts_what_has_no_label_and_refuses_the_test_part(tmp_path: Path) -> None:
    (tmp_path / "news.tsv").write_text(NEWS)
    path = tmp_path / "behaviors.tsv"
    path.write_text(CLICKS + "4\tU4\tsoon\tN1\tN8-1 N9\n5\tU4\t11/12/2019 1:05:58 PM\t\t\n")
    data = Mind(raw_dir=str(tmp_path), max_bad_rows=0.5).read()
    assert data.rejected == {"unparsable time": 1, "missing id": 2}
    path.write_text("1\tU1\t11/11/2019 9:05:58 AM\tN5 N6\tN7 N8 N9\n")
    with pytest.raises(DataError, match=r"3 of 3 rows of behaviors\.tsv are malformed"):
        Mind(raw_dir=str(tmp_path)).read()


@pytest.mark.parametrize(
    "source",
    [
        *(Yoochoose(), Diginetica(), Otto(), Globo(), Ebnerd(), Retailrocket(), Lastfm1K()),
        *(Yambda(), KuaiRec(), KuaiRand(), Mind()),
    ],
)
def test_what_can_not_be_fetched_says_where_it_is(source) -> None:
    with pytest.raises(DataError, match=r"(?s)can't be fetched.*https?://.*data\.raw_dir"):
        source.files()
