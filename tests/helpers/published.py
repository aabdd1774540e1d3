"""A small file of every published one, in its form, for the sources that read them."""

from datetime import timedelta

from helpers.published_form import DAY, EVENTS, ITEMS, Published, parquet, rows, text
from helpers.published_media import movielens, music, videos
from seqrec.data.amazon import Amazon
from seqrec.data.complete_journey import CompleteJourney
from seqrec.data.diginetica import Diginetica
from seqrec.data.ebnerd import Ebnerd
from seqrec.data.globo import Globo
from seqrec.data.mind import Mind
from seqrec.data.otto import Otto
from seqrec.data.retailrocket import Retailrocket
from seqrec.data.yoochoose import Yoochoose


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
        "amazon_2014": text(make(2014, "5core"), {}, {events: reviews, table: meta}),
        "amazon_2018": text(make(2018, "ratings"), {name: ","}, {name: rows(",", ratings)}),
        "amazon_2023": text(
            make(2023, "5core"), {name: ","}, {name: rows(",", newer, head)}, headed=[name]
        ),
    }


def _shops() -> dict[str, Published]:
    clicks, views = "yoochoose-clicks.dat", "train-item-views.csv"
    sessions = "".join(
        f'{{"session": {user}, "events": [{{"aid": 10, "ts": {time}000, "type": "clicks"}}, '
        f'{{"aid": {item}, "ts": {time}999, "type": "carts"}}]}}\n'
        for user, item, time in EVENTS
    ).encode()
    rocket = {
        "events.csv": rows(
            ",",
            [(time * 1000, user, "view", item, "") for user, item, time in EVENTS],
            "timestamp,visitorid,event,itemid,transactionid",
        ),
        "item_properties_part1.csv": rows(
            ",",
            [(1_400_000_000_000, item, "categoryid", 100 + item) for item in ITEMS],
            "timestamp,itemid,property,value",
        ),
    }
    users, items, times = map(list, zip(*EVENTS, strict=True))
    journey = {
        "transactions.parquet": parquet(
            household_id=users,
            product_id=items,
            transaction_timestamp=[DAY + timedelta(seconds=time - times[0]) for time in times],
        ),
        "products.parquet": parquet(
            product_id=list(ITEMS), department=["GROCERY"] * 5, brand=["National"] * 5,
            product_category=["EGGS"] * 5, product_type=["CAFÉ"] * 5, package_size=["1 DZ"] * 5,
        ),
    }  # fmt: skip
    return {
        "yoochoose": text(
            Yoochoose,
            {clicks: ","},
            {
                clicks: rows(
                    ",",
                    [(user, f"2014-04-07T10:{at:02}:09.277Z", item, 0)
                     for at, (user, item, _) in enumerate(EVENTS)],
                )
            },
        ),
        "diginetica": text(
            Diginetica,
            {views: ";"},
            {
                views: rows(
                    ";",
                    [(user, "NA", item, 1000 * at, "2016-05-09")
                     for at, (user, item, _) in enumerate(EVENTS)],
                    "session_id;user_id;item_id;timeframe;eventdate",
                )
            },
            headed=[views],
        ),
        "otto": text(Otto, {}, {"train.jsonl": sessions}),
        "retailrocket": text(Retailrocket, dict.fromkeys(rocket, ","), rocket, headed=rocket),
        "complete_journey": Published(CompleteJourney, journey, {}),
    }  # fmt: skip


def _news() -> dict[str, Published]:
    globo = {
        "clicks_hour_000.csv": rows(
            ",",
            [(user, 1506825423271737, 1506825423000, 2, item, time * 1000, 4, 3, 20, 1, 20, 2)
             for user, item, time in EVENTS],
            "user_id,session_id,session_start,session_size,click_article_id,click_timestamp,"
            "click_environment,click_deviceGroup,click_os,click_country,click_region,"
            "click_referrer_type",
        ),
        "articles_metadata.csv": rows(
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
    mind = {"behaviors.tsv": rows("\t", seen), "news.tsv": rows("\t", news)}
    lists = [[10, 11, 12], [11, 13]]
    times = [[DAY + timedelta(minutes=at) for at in range(len(some))] for some in lists]
    ebnerd = {
        "history.parquet": parquet(
            user_id=[7, 8], article_id_fixed=lists, impression_time_fixed=times,
            read_time_fixed=[[1.0] * 3, [2.0] * 2], scroll_percentage_fixed=[[50.0] * 3, [9.0] * 2],
        ),
        "articles.parquet": parquet(
            article_id=list(ITEMS), title=["Café"] * 5, category_str=["nyheder"] * 5,
            article_type=["x"] * 5, premium=[False] * 5, topics=[["a"]] * 5,
        ),
    }  # fmt: skip
    return {
        "globo": text(Globo, dict.fromkeys(globo, ","), globo, headed=globo),
        "ebnerd": Published(Ebnerd, ebnerd, {}),
        "mind": text(Mind, dict.fromkeys(mind, "\t"), mind),
    }


def published() -> dict[str, Published]:
    """Return the files of every published source, by the source's name."""
    return _amazon() | movielens() | music() | _shops() | videos() | _news()
