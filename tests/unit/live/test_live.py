"""The pointer file: who is answered by which bundle, and what is refused."""

import json
from dataclasses import replace

import pytest

from seqrec.errors import RunError
from seqrec.live import POINTER, Live, Served, place_of, point, read_live, write_live

LIVE = Live(
    version=3,
    time=1_790_000_000_000,
    salt="5e",
    live=Served("b1", "sha1"),
    share=0.05,
    canary=Served("/far/b2", "sha2"),
)


def test_what_is_written_is_read(tmp_path):
    assert read_live(tmp_path) is None
    write_live(tmp_path, LIVE)
    assert read_live(tmp_path) == LIVE
    assert place_of(tmp_path, LIVE.live) == tmp_path / "b1"
    assert str(place_of(tmp_path, Served("/far/b2", "sha2"))) == "/far/b2"


def test_the_canary_answers_its_share_and_keeps_its_sessions_as_the_share_grows():
    sessions = [f"s{at}" for at in range(20_000)]
    few = {s for s in sessions if LIVE.role_of(s) == "canary"}
    more = {s for s in sessions if replace(LIVE, share=0.2).role_of(s) == "canary"}
    assert len(few) == pytest.approx(1_000, abs=4 * 31)  # four standard deviations
    assert few < more
    other = {s for s in sessions if replace(LIVE, salt="5f").role_of(s) == "canary"}
    assert len(few & other) < 100  # 50 expected of two independent draws


def test_without_a_canary_everybody_gets_the_live_bundle():
    assert replace(LIVE, canary=None, share=1.0).of("s") == LIVE.live
    assert replace(LIVE, share=1.0).of("s") == LIVE.canary
    assert 0 <= point("", "") < 1


def changed(**values):
    def change(content):
        return json.dumps({**content, **values})

    return change


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: json.dumps(content)[:-9],
        lambda content: "[]",
        lambda content: "[" * 100_000,
        lambda content: '{"format": 1}',
        changed(format=2),
        changed(version="3"),
        changed(version=True),
        changed(share=1.5),
        changed(share=float("nan")),
        changed(salt=None),
        changed(live=None),
        changed(live={"bundle": "b1"}),
        changed(canary={"bundle": "", "sha": "x"}),
        changed(more=1),
    ],
)
def test_a_damaged_pointer_file_is_refused_with_a_way_out(tmp_path, damage):
    write_live(tmp_path, LIVE)
    file = tmp_path / POINTER
    file.write_text(damage(json.loads(file.read_text())))
    with pytest.raises(RunError, match="pointer file is damaged") as caught:
        read_live(tmp_path)
    assert "repair=true" in str(caught.value) and str(file) in str(caught.value)
