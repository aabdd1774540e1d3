"""A small file of every published one of films, music and videos."""

from helpers.published_form import EVENTS, ITEMS, Published, parquet, rows, text
from seqrec.data.kuairand import KuaiRand
from seqrec.data.kuairec import KuaiRec
from seqrec.data.lastfm_1k import PLAYS, Lastfm1K
from seqrec.data.lastfm_hetrec import LastfmHetrec
from seqrec.data.movielens_1m import MovieLens1M
from seqrec.data.movielens_100k import MovieLens100K
from seqrec.data.movielens_small import MovieLensSmall
from seqrec.data.yambda import Yambda


def movielens() -> dict[str, Published]:
    rated = [(user, item, 4, time) for user, item, time in EVENTS]
    flags = "|".join("1" if at == 5 else "0" for at in range(19))
    titled = [f"{item}|Café {item} (1995)|01-Jan-1995||http://x|{flags}" for item in ITEMS]
    people = [(user, 24, "M", "writer", "85711") for user in range(7, 11)]
    recbole = {
        "ml-100k.inter": rows(
            "\t", rated, "user_id:token\titem_id:token\trating:float\ttimestamp:float"
        ),
        "ml-100k.item": rows(
            "\t",
            [(item, f"Café {item}", 1995, "Comedy Drama") for item in ITEMS],
            "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq",
        ),
        "ml-100k.user": rows(
            "\t", people, "user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token"
        ),
    }
    small = {
        "ratings.csv": rows(",", rated, "userId,movieId,rating,timestamp"),
        "movies.csv": rows(
            ",", [(i, f'"Café, {i} (1995)"', "Comedy|Drama") for i in ITEMS], "movieId,title,genres"
        ),
    }
    return {
        "movielens_100k": text(
            MovieLens100K,
            {"u.data": "\t", "u.item": "|", "u.user": "|"},
            {
                "u.data": rows("\t", rated),
                "u.item": "".join(f"{line}\n" for line in titled).encode("latin-1"),
                "u.user": rows("|", people),
            },
            latin=["u.item"],
        ),
        "movielens_100k_recbole": text(
            MovieLens100K, dict.fromkeys(recbole, "\t"), recbole, headed=recbole
        ),
        "movielens_1m": text(
            MovieLens1M,
            dict.fromkeys(("ratings.dat", "movies.dat", "users.dat"), "::"),
            {
                "ratings.dat": rows("::", rated),
                "movies.dat": rows(
                    "::", [(i, f"Café {i} (1995)", "Comedy|Drama") for i in ITEMS], None, "latin-1"
                ),
                "users.dat": rows("::", [(user, "F", 25, 20, "55117") for user in range(7, 11)]),
            },
            latin=["movies.dat"],
        ),
        "movielens_small": text(MovieLensSmall, dict.fromkeys(small, ","), small, headed=small),
    }


def music() -> dict[str, Published]:
    plays = [
        (f"user_{user:06}", f"2009-05-04T23:{at:02}:57Z", f"id-{item}", f"Café {item}", "", "Été")
        for at, (user, item, _) in enumerate(EVENTS)
    ]
    tags, artists = "user_taggedartists-timestamps.dat", "artists.dat"
    hetrec = {
        tags: rows(
            "\t",
            [(user, item, 13, time * 1000) for user, item, time in EVENTS],
            "userID\tartistID\ttagID\ttimestamp",
        ),
        artists: rows(
            "\t", [(i, f"Café {i}", "http://x", "http://y") for i in ITEMS], "id\tname\turl\tpic"
        ),
    }
    users, items, times = map(list, zip(*EVENTS, strict=True))
    listens = parquet(uid=users, timestamp=[5 * n for n, _ in enumerate(times)], item_id=items,
                       is_organic=[1] * 16, played_ratio_pct=[100] * 16,
                       track_length_seconds=[180] * 16)  # fmt: skip
    return {
        "lastfm_1k": text(Lastfm1K, {PLAYS: "\t"}, {PLAYS: rows("\t", plays)}),
        "lastfm_hetrec": text(LastfmHetrec, dict.fromkeys(hetrec, "\t"), hetrec, headed=hetrec),
        "yambda": Published(Yambda, {"listens.parquet": listens}, {}),
    }


def videos() -> dict[str, Published]:
    people = (
        rows(
            ",",
            [(user, "high_active", 0, "31-60", "(10,50]", "[1,10)", "0") for user in range(7, 11)],
            "user_id,user_active_degree,is_video_author,register_days_range,follow_user_num_range,"
            "fans_user_num_range,friend_user_num_range",
        )
        .replace(b"(10,50]", b'"(10,50]"')
        .replace(b"[1,10)", b'"[1,10)"')
    )
    rec = {
        "big_matrix.csv": rows(
            ",",
            [(user, item, 4000, 8000, "2020-07-05 05:27:48.378", 20200705, f"{time}.378", 0.5)
             for user, item, time in EVENTS],
            "user_id,video_id,play_duration,video_duration,time,date,timestamp,watch_ratio",
        ),
        "item_categories.csv": rows(",", [(i, '"[8, 9]"') for i in ITEMS], "video_id,feat"),
        "user_features.csv": people,
    }  # fmt: skip
    rand = {
        "log_standard_4_08_to_4_21_pure.csv": rows(
            ",",
            [(user, item, 20220408, 1200, f"{time}123", 1, 0, 4000, 8000, 1)
             for user, item, time in EVENTS],
            "user_id,video_id,date,hourmin,time_ms,is_click,is_like,play_time_ms,duration_ms,tab",
        ),
        "video_features_basic_pure.csv": rows(
            ",",
            [(item, 3, "NORMAL", "ShortImport", 9000, 9, '"8,9"') for item in ITEMS],
            "video_id,author_id,video_type,upload_type,video_duration,music_type,tag",
        ),
        "user_features_pure.csv": people,
    }  # fmt: skip
    return {
        "kuairec": text(KuaiRec, dict.fromkeys(rec, ","), rec, headed=rec),
        "kuairand": text(KuaiRand, dict.fromkeys(rand, ","), rand, headed=rand),
    }
