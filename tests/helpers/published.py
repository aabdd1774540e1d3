"""A small file of every published one, in its form, for the sources that read them."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from seqrec.data.amazon import Amazon
from seqrec.data.complete_journey import CompleteJourney
from seqrec.data.diginetica import Diginetica
from seqrec.data.ebnerd import Ebnerd
from seqrec.data.globo import Globo
from seqrec.data.kuairand import KuaiRand
from seqrec.data.kuairec import KuaiRec
from seqrec.data.lastfm_1k import PLAYS, Lastfm1K
from seqrec.data.lastfm_hetrec import LastfmHetrec
from seqrec.data.mind import Mind
from seqrec.data.movielens_1m import MovieLens1M
from seqrec.data.movielens_100k import MovieLens100K
from seqrec.data.movielens_small import MovieLensSmall
from seqrec.data.otto import Otto
from seqrec.data.retailrocket import Retailrocket
from seqrec.data.yambda import Yambda
from seqrec.data.yoochoose import Yoochoose

EVENTS = [(7 + at // 4, 10 + at % 5, 1_400_000_000 + 3600 * at) for at in range(16)]
ITEMS = range(10, 15)
DAY = datetime(2019, 11, 15)


@dataclass(frozen=True)
class Published:
    """Files of a source, by name, and how they are written.

    Args:
        make: the source, given its folder of raw files and ``max_bad_rows``.
        files: their contents.
        separators: between the columns of a text file, for damage done to columns; files of other
            kinds aren't named.
        headed: files whose first line names the columns.
        latin: files that are published in Latin-1.
    """

    make: Callable
    files: dict[str, bytes]
    separators: dict[str, str]
    headed: frozenset[str] = frozenset()
    latin: frozenset[str] = frozenset()


def _rows(separator: str, rows, header: str | None = None, encoding: str = "utf-8") -> bytes:
    lines = [separator.join(map(str, row)) for row in rows]
    return "".join(f"{line}\n" for line in [*([header] if header else []), *lines]).encode(encoding)


def _parquet(**columns) -> bytes:
    stream = io.BytesIO()
    pl.DataFrame(columns).write_parquet(stream)
    return stream.getvalue()


def _text(make, separators, files, *, headed=(), latin=()) -> Published:
    return Published(make, files, separators, frozenset(headed), frozenset(latin))


def _amazon() -> dict[str, Published]:
    category = "Musical_Instruments"
    reviews = "".join(
        f'{{"reviewerID": "A{user}", "asin": "B{item}", "overall": 5.0, "reviewText": "Café, {user}'
        f'", "unixReviewTime": {time}}}\n'
        for user, item, time in EVENTS
    ).encode()
    meta = "".join(
        f"{{'asin': 'B{item}', 'title': 'Café {item}', 'price': 9.5}}\n" for item in ITEMS
    ).encode()
    ratings = [(f"B{item}", f"A{user}", "5.0", time) for user, item, time in EVENTS]
    newer = [(f"A{user}", f"B{item}", "5.0", time * 1000) for user, item, time in EVENTS]
    head = "user_id,parent_asin,rating,timestamp"
    events, table = f"reviews_{category}_5.json", f"meta_{category}.json"
    name = f"{category}.csv"

    def make(version: int, subset: str):
        return lambda **at: Amazon(category=category, version=version, subset=subset, **at)

    return {
        "amazon_2014": _text(make(2014, "5core"), {}, {events: reviews, table: meta}),
        "amazon_2018": _text(make(2018, "ratings"), {name: ","}, {name: _rows(",", ratings)}),
        "amazon_2023": _text(
            make(2023, "5core"), {name: ","}, {name: _rows(",", newer, head)}, headed=[name]
        ),
    }


def _movielens() -> dict[str, Published]:
    rated = [(user, item, 4, time) for user, item, time in EVENTS]
    flags = "|".join("1" if at == 5 else "0" for at in range(19))
    titled = [f"{item}|Café {item} (1995)|01-Jan-1995||http://x|{flags}" for item in ITEMS]
    people = [(user, 24, "M", "writer", "85711") for user in range(7, 11)]
    recbole = {
        "ml-100k.inter": _rows(
            "\t", rated, "user_id:token\titem_id:token\trating:float\ttimestamp:float"
        ),
        "ml-100k.item": _rows(
            "\t",
            [(item, f"Café {item}", 1995, "Comedy Drama") for item in ITEMS],
            "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq",
        ),
        "ml-100k.user": _rows(
            "\t", people, "user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token"
        ),
    }
    small = {
        "ratings.csv": _rows(",", rated, "userId,movieId,rating,timestamp"),
        "movies.csv": _rows(
            ",", [(i, f'"Café, {i} (1995)"', "Comedy|Drama") for i in ITEMS], "movieId,title,genres"
        ),
    }
    return {
        "movielens_100k": _text(
            MovieLens100K,
            {"u.data": "\t", "u.item": "|", "u.user": "|"},
            {
                "u.data": _rows("\t", rated),
                "u.item": "".join(f"{line}\n" for line in titled).encode("latin-1"),
                "u.user": _rows("|", people),
            },
            latin=["u.item"],
        ),
        "movielens_100k_recbole": _text(
            MovieLens100K, dict.fromkeys(recbole, "\t"), recbole, headed=recbole
        ),
        "movielens_1m": _text(
            MovieLens1M,
            dict.fromkeys(("ratings.dat", "movies.dat", "users.dat"), "::"),
            {
                "ratings.dat": _rows("::", rated),
                "movies.dat": _rows(
                    "::", [(i, f"Café {i} (1995)", "Comedy|Drama") for i in ITEMS], None, "latin-1"
                ),
                "users.dat": _rows("::", [(user, "F", 25, 20, "55117") for user in range(7, 11)]),
            },
            latin=["movies.dat"],
        ),
        "movielens_small": _text(MovieLensSmall, dict.fromkeys(small, ","), small, headed=small),
    }


def _music() -> dict[str, Published]:
    plays = [
        (f"user_{user:06}", f"2009-05-04T23:{at:02}:57Z", f"id-{item}", f"Café {item}", "", "Été")
        for at, (user, item, _) in enumerate(EVENTS)
    ]
    tags, artists = "user_taggedartists-timestamps.dat", "artists.dat"
    hetrec = {
        tags: _rows(
            "\t",
            [(user, item, 13, time * 1000) for user, item, time in EVENTS],
            "userID\tartistID\ttagID\ttimestamp",
        ),
        artists: _rows(
            "\t", [(i, f"Café {i}", "http://x", "http://y") for i in ITEMS], "id\tname\turl\tpic"
        ),
    }
    users, items, times = map(list, zip(*EVENTS, strict=True))
    listens = _parquet(uid=users, timestamp=[5 * n for n, _ in enumerate(times)], item_id=items,
                       is_organic=[1] * 16, played_ratio_pct=[100] * 16,
                       track_length_seconds=[180] * 16)  # fmt: skip
    return {
        "lastfm_1k": _text(Lastfm1K, {PLAYS: "\t"}, {PLAYS: _rows("\t", plays)}),
        "lastfm_hetrec": _text(LastfmHetrec, dict.fromkeys(hetrec, "\t"), hetrec, headed=hetrec),
        "yambda": Published(Yambda, {"listens.parquet": listens}, {}),
    }


def _shops() -> dict[str, Published]:
    clicks, views = "yoochoose-clicks.dat", "train-item-views.csv"
    sessions = "".join(
        f'{{"session": {user}, "events": [{{"aid": 10, "ts": {time}000, "type": "clicks"}}, '
        f'{{"aid": {item}, "ts": {time}999, "type": "carts"}}]}}\n'
        for user, item, time in EVENTS
    ).encode()
    rocket = {
        "events.csv": _rows(
            ",",
            [(time * 1000, user, "view", item, "") for user, item, time in EVENTS],
            "timestamp,visitorid,event,itemid,transactionid",
        ),
        "item_properties_part1.csv": _rows(
            ",",
            [(1_400_000_000_000, item, "categoryid", 100 + item) for item in ITEMS],
            "timestamp,itemid,property,value",
        ),
    }
    users, items, times = map(list, zip(*EVENTS, strict=True))
    journey = {
        "transactions.parquet": _parquet(
            household_id=users,
            product_id=items,
            transaction_timestamp=[DAY + timedelta(seconds=time - times[0]) for time in times],
        ),
        "products.parquet": _parquet(
            product_id=list(ITEMS), department=["GROCERY"] * 5, brand=["National"] * 5,
            product_category=["EGGS"] * 5, product_type=["CAFÉ"] * 5, package_size=["1 DZ"] * 5,
        ),
    }  # fmt: skip
    return {
        "yoochoose": _text(
            Yoochoose,
            {clicks: ","},
            {
                clicks: _rows(
                    ",",
                    [(user, f"2014-04-07T10:{at:02}:09.277Z", item, 0)
                     for at, (user, item, _) in enumerate(EVENTS)],
                )
            },
        ),
        "diginetica": _text(
            Diginetica,
            {views: ";"},
            {
                views: _rows(
                    ";",
                    [(user, "NA", item, 1000 * at, "2016-05-09")
                     for at, (user, item, _) in enumerate(EVENTS)],
                    "session_id;user_id;item_id;timeframe;eventdate",
                )
            },
            headed=[views],
        ),
        "otto": _text(Otto, {}, {"train.jsonl": sessions}),
        "retailrocket": _text(Retailrocket, dict.fromkeys(rocket, ","), rocket, headed=rocket),
        "complete_journey": Published(CompleteJourney, journey, {}),
    }  # fmt: skip


def _videos() -> dict[str, Published]:
    people = (
        _rows(
            ",",
            [(user, "high_active", 0, "31-60", "(10,50]", "[1,10)", "0") for user in range(7, 11)],
            "user_id,user_active_degree,is_video_author,register_days_range,follow_user_num_range,"
            "fans_user_num_range,friend_user_num_range",
        )
        .replace(b"(10,50]", b'"(10,50]"')
        .replace(b"[1,10)", b'"[1,10)"')
    )
    rec = {
        "big_matrix.csv": _rows(
            ",",
            [(user, item, 4000, 8000, "2020-07-05 05:27:48.378", 20200705, f"{time}.378", 0.5)
             for user, item, time in EVENTS],
            "user_id,video_id,play_duration,video_duration,time,date,timestamp,watch_ratio",
        ),
        "item_categories.csv": _rows(",", [(i, '"[8, 9]"') for i in ITEMS], "video_id,feat"),
        "user_features.csv": people,
    }  # fmt: skip
    rand = {
        "log_standard_4_08_to_4_21_pure.csv": _rows(
            ",",
            [(user, item, 20220408, 1200, f"{time}123", 1, 0, 4000, 8000, 1)
             for user, item, time in EVENTS],
            "user_id,video_id,date,hourmin,time_ms,is_click,is_like,play_time_ms,duration_ms,tab",
        ),
        "video_features_basic_pure.csv": _rows(
            ",",
            [(item, 3, "NORMAL", "ShortImport", 9000, 9, '"8,9"') for item in ITEMS],
            "video_id,author_id,video_type,upload_type,video_duration,music_type,tag",
        ),
        "user_features_pure.csv": people,
    }  # fmt: skip
    return {
        "kuairec": _text(KuaiRec, dict.fromkeys(rec, ","), rec, headed=rec),
        "kuairand": _text(KuaiRand, dict.fromkeys(rand, ","), rand, headed=rand),
    }


def _news() -> dict[str, Published]:
    globo = {
        "clicks_hour_000.csv": _rows(
            ",",
            [(user, 1506825423271737, 1506825423000, 2, item, time * 1000, 4, 3, 20, 1, 20, 2)
             for user, item, time in EVENTS],
            "user_id,session_id,session_start,session_size,click_article_id,click_timestamp,"
            "click_environment,click_deviceGroup,click_os,click_country,click_region,"
            "click_referrer_type",
        ),
        "articles_metadata.csv": _rows(
            ",",
            [(item, 3, 1513144419000, 0, 168) for item in ITEMS],
            "article_id,category_id,created_at_ts,publisher_id,words_count",
        ),
    }  # fmt: skip
    seen = [
        (at, f"U{user}", f"11/15/2019 8:{at:02}:22 AM", "N10 N11", f"N12-0 N{item}-1")
        for at, (user, item, _) in enumerate(EVENTS)
    ]
    news = [(f"N{i}", "news", "world", f"Café {i}", "It is", "http://x", "[]", "[]") for i in ITEMS]
    mind = {"behaviors.tsv": _rows("\t", seen), "news.tsv": _rows("\t", news)}
    lists = [[10, 11, 12], [11, 13]]
    times = [[DAY + timedelta(minutes=at) for at in range(len(some))] for some in lists]
    ebnerd = {
        "history.parquet": _parquet(
            user_id=[7, 8], article_id_fixed=lists, impression_time_fixed=times,
            read_time_fixed=[[1.0] * 3, [2.0] * 2], scroll_percentage_fixed=[[50.0] * 3, [9.0] * 2],
        ),
        "articles.parquet": _parquet(
            article_id=list(ITEMS), title=["Café"] * 5, category_str=["nyheder"] * 5,
            article_type=["x"] * 5, premium=[False] * 5, topics=[["a"]] * 5,
        ),
    }  # fmt: skip
    return {
        "globo": _text(Globo, dict.fromkeys(globo, ","), globo, headed=globo),
        "ebnerd": Published(Ebnerd, ebnerd, {}),
        "mind": _text(Mind, dict.fromkeys(mind, "\t"), mind),
    }


def published() -> dict[str, Published]:
    """Return the files of every published source, by the source's name."""
    return _amazon() | _movielens() | _music() | _shops() | _videos() | _news()
