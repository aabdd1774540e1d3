"""Measuring a preparation on disk."""

from seqrec.benchmark.large import large_lines, measure_large


def test_a_small_one_is_measured():
    result = measure_large(3000, 1e-4, threads=1)
    assert result["rows"] == 3000 > result["kept"] > 0
    assert result["peak_mb"] > result["imported_mb"] > 0 < result["cpu_s"]
    shown = {line.what: line.value for line in large_lines(result)}
    assert shown["rows"] == 3000 and shown["CPU time, µs/row"] > 0
