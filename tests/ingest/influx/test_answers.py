"""Each answer of InfluxDB has one meaning and one remedy."""

from __future__ import annotations

import httpx
import pytest

from ingest.influx.answers import Answer, Pace, Verdict, understand

CASES = [
    (204, "", Verdict.WRITTEN),
    (400, '{"error":"partial write: field type conflict: input field \\"bpm\\" dropped=3"}', Verdict.REFUSED),
    (422, '{"code":"unprocessable entity","message":"failure writing points: dropped=2"}', Verdict.REFUSED),
    (413, '{"error":"Request Entity Too Large"}', Verdict.TOO_LARGE),
    (401, '{"error":"authorization failed"}', Verdict.WHO),
    (403, '{"error":"\\"u\\" user is not authorized to write to database \\"d\\""}', Verdict.FORBIDDEN),
    (404, '{"error":"database not found: \\"d\\""}', Verdict.NO_BUCKET),
    (404, '{"code":"not found","message":"bucket \\"b\\" not found"}', Verdict.NO_BUCKET),
    (404, '{"code":"not found","message":"organization name \\"o\\" not found"}', Verdict.NO_BUCKET),
    (404, "404 page not found", Verdict.ADDRESS),
    (404, "<html>nginx</html>", Verdict.ADDRESS),
    (500, '{"error":"retention policy not found: weekly"}', Verdict.NO_BUCKET),
    (400, '{"error":"database is required"}', Verdict.NO_BUCKET),
    (429, "", Verdict.BUSY),
    (503, "", Verdict.BUSY),
    (500, '{"error":"timeout"}', Verdict.FAILING),
    (502, "<html>bad gateway</html>", Verdict.FAILING),
    (405, "", Verdict.ADDRESS),
    (301, "", Verdict.ADDRESS),
]


@pytest.mark.parametrize(("status", "text", "verdict"), CASES)
def test_meaning(status: int, text: str, verdict: Verdict) -> None:
    assert understand(httpx.Response(status, text=text)).verdict is verdict


def test_the_servers_words_and_its_count_are_kept() -> None:
    text = '{"error":"partial write: points beyond retention policy dropped=12"}'

    words = "400 partial write: points beyond retention policy dropped=12"
    assert understand(httpx.Response(400, text=text)) == Answer(Verdict.REFUSED, words, dropped=12)
    assert understand(httpx.Response(500, text='{"message": "disk"}')).words == "500 disk"
    assert understand(httpx.Response(500, text="[1]")).words == "500 [1]"


def test_it_says_how_long_to_wait_within_reason() -> None:
    def wait(said: str) -> float | None:
        return understand(httpx.Response(429, headers={"Retry-After": said})).retry_after_s

    assert (wait("7"), wait("86400"), wait("soon"), wait("")) == (7.0, 300.0, None, None)


def test_whatever_is_not_final_has_a_remedy() -> None:
    assert all(verdict.remedy for verdict in Verdict if verdict.pace is not Pace.NOT)
