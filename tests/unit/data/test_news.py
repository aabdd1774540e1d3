"""Sources of news: the published formats in small."""

from pathlib import Path

import polars as pl
import pytest
from helpers.real_files import rows

from seqrec.data.ebnerd import Ebnerd
from seqrec.data.globo import Globo
from seqrec.data.mind import Mind
from seqrec.errors import DataError


def test_globo_reads_all_hours_and_the_articles(tmp_path: Path):
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


def test_ebnerd_reads_lists_and_finds_the_articles_one_above(tmp_path: Path):
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


CLICKS = (
    "1\tU1\t11/11/2019 9:05:58 AM\tN5 N6\tN7-0 N8-1 N9-1\n"
    "2\tU1\t11/10/2019 1:05:58 PM\tN5\tN7-1\n3\tU2\t11/12/2019 1:05:58 PM\t\tN8-1\n"
)


NEWS = 'N7\tsports\tgolf\tA "title\tText\thttps://x\t[]\t[]\n'


def test_mind_has_clicks_at_their_impressions_and_the_history_before(tmp_path: Path):
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


def test_mind_counts_what_has_no_label_and_refuses_the_test_part(tmp_path: Path):
    (tmp_path / "news.tsv").write_text(NEWS)
    path = tmp_path / "behaviors.tsv"
    path.write_text(CLICKS + "4\tU4\tsoon\tN1\tN8-1 N9\n5\tU4\t11/12/2019 1:05:58 PM\t\t\n")
    data = Mind(raw_dir=str(tmp_path), max_bad_rows=0.5).read()
    assert data.rejected == {"unparsable time": 1, "missing id": 2}
    path.write_text("1\tU1\t11/11/2019 9:05:58 AM\tN5 N6\tN7 N8 N9\n")
    with pytest.raises(DataError, match=r"3 of 3 rows of behaviors\.tsv are malformed"):
        Mind(raw_dir=str(tmp_path)).read()
