"""Sources of music and video: the published formats in small."""

from pathlib import Path

import polars as pl
import pytest
from helpers.real_files import rows

from seqrec.data.kuairand import KuaiRand
from seqrec.data.kuairec import KuaiRec
from seqrec.data.lastfm_1k import Lastfm1K
from seqrec.data.lastfm_hetrec import LastfmHetrec
from seqrec.data.yambda import Yambda
from seqrec.errors import ConfigError, DataError


def test_lastfm_hetrec(tmp_path: Path):
    (tmp_path / "user_taggedartists-timestamps.dat").write_text(
        "userID\tartistID\ttagID\ttimestamp\n2\t52\t13\t1238536800000\n2\t52\t15\t1238536800000\n"
    )
    (tmp_path / "artists.dat").write_text(
        'id\tname\turl\tpictureURL\n52\tMorcheeba "live"\thttp://a\thttp://b\n'
    )
    data = LastfmHetrec(raw_dir=str(tmp_path)).read()
    assert len(data.events.collect()) == 2
    assert data.items is not None and data.items.collect().row(0) == ("52", 'Morcheeba "live"')


def test_lastfm_1k_names_what_has_no_id(tmp_path: Path):
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


def test_a_long_row_of_lastfm_1k_is_counted_and_the_names_are_still_read(tmp_path: Path):
    path = tmp_path / "userid-timestamp-artid-artname-traid-traname.tsv"
    row = "u\t2009-05-04T23:08:57Z\tid\tname\tid\tname"
    path.write_text(f"{row}\n" * 200 + f"{row}\tmore\n")
    data = Lastfm1K(raw_dir=str(tmp_path)).read()
    assert data.rejected == {"wrong column count": 1} and len(data.events.collect()) == 200
    assert data.items is not None and data.items.collect().row(0) == ("id", "name")


def test_yambda_counts_seconds_and_rates_by_the_share_that_was_played(tmp_path: Path):
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


def test_kuairec_rates_by_the_watch_ratio_and_lists_tags(tmp_path: Path):
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


def test_kuairand_joins_its_logs_and_divides_to_the_watch_ratio(tmp_path: Path):
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
    (tmp_path / "log_random_4_22_to_5_08_pure.csv").write_text(
        head + "0,7,20220422,701,1650583300000,1,9000,10000,1\n"
    )
    both = KuaiRand(raw_dir=str(tmp_path), max_bad_rows=0.5, random=True).read().events.collect()
    assert both["exposure"].to_list() == ["chosen", "chosen", "random"]
    assert "exposure" not in data.events.collect().columns
    video = ("5", None, "441", "NORMAL", "ShortImport", 17200.0, "4.0", ["12", "65"])
    assert data.items.collect().row(0) == video
    with pytest.raises(DataError, match="no log_standard_"):
        KuaiRand(raw_dir=str(tmp_path), version="27k").read()
