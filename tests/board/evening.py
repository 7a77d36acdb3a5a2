"""The evening of the prototype's pictures: six incidents, a hundred residents, an hour of their hearts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from alerts.engine.contract import Severity
from alerts.incidents.contract import Via
from ingest.reading import Kind
from tests.board.scene import Resident

if TYPE_CHECKING:
    from tests.board.scene import Scene

FAMILY_NAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
GIVEN_NAMES = ("秀英", "建国", "桂兰", "志明", "文彬", "惠珍", "凤英", "德福", "丽华", "炳坤", "宝珠", "金水")
FAMILY_PINYIN = "Wang Li Zhang Liu Chen Yang Zhao Huang Zhou Wu Xu Sun Hu Zhu Gao Lin He Guo Ma Luo"
GIVEN_PINYIN = "Xiuying Jianguo Guilan Zhiming Wenbin Huizhen Fengying Defu Lihua Bingkun Baozhu Jinshui"
COMMUNITIES = ("景田社区", "莲花北村", "沙尾东村", "福荣花园", "梅林一村")


def heart(now_ms: int, seed: int, base: float, risen: float | None = None) -> list[dict[str, float]]:
    """An hour of heart rate by the minute, with a gap; the last quarter risen (or fallen) to `risen`."""
    rng = np.random.default_rng(seed)
    rows = []
    for minute in range(60, -1, -1):
        if 38 <= minute <= 44:
            continue
        value = base + rng.normal(0, 2)
        if risen is not None and minute < 15:
            value = risen + (14 - minute) * 0.15 * (1 if risen > base else -0.3) + rng.normal(0, 1)
        at_ms = now_ms - minute * 60_000
        rows.append({"kind": Kind.HEART_RATE, "time_ms": at_ms, "bpm": round(value), "worn": 1, "battery": 63})
    return rows


def walk(now_ms: int, home: tuple[float, float], metres: float) -> list[dict[str, float]]:
    """Two hours of positions: a loop around home that ends `metres` south-west of it."""
    rows = []
    for step, minute in enumerate(range(110, -1, -5)):
        share = step / 22
        east = 60 * math.sin(step * 0.9) * (1 - share) - metres * share**3 * 0.7
        north = 45 * math.cos(step * 0.7) * (1 - share) - metres * share**3 * 0.7
        lat = home[0] + north / 111_320
        lon = home[1] + east / (111_320 * math.cos(math.radians(home[0])))
        at_ms = now_ms - minute * 60_000 - 18_000
        rows.append({"kind": Kind.LOCATION, "time_ms": at_ms, "lat": lat, "lon": lon, "accuracy_m": 25})
    return rows


def neighbours(scene: Scene, count: int, language: str) -> None:
    """Everybody else: most are well, some are not protected, each for another cause."""
    rng = np.random.default_rng(7)
    now_ms = scene.now_ns // 1_000_000
    for number in range(count):
        watch_id = f"w{number + 100:04d}"
        family, given = rng.integers(len(FAMILY_NAMES)), rng.integers(len(GIVEN_NAMES))
        name = FAMILY_NAMES[family] + GIVEN_NAMES[given]
        if language == "en":
            name = f"{FAMILY_PINYIN.split()[family]} {GIVEN_PINYIN.split()[given]}"
        community = COMMUNITIES[rng.integers(len(COMMUNITIES))]
        home = f"{community}{rng.integers(1, 28)}栋{rng.integers(1, 31):02d}{rng.integers(1, 9):02d}"
        scene.lives(Resident(watch_id, name, int(rng.integers(1932, 1956)), home, community))
        silent_min, since_min, state = 0.5, 0.5, {"worn": 1.0, "charging": 0.0, "battery": 70.0}
        if number < 2:
            silent_min = since_min = 45 + number * 23
        elif number < 3:
            silent_min, since_min, state = 218, 218, {"worn": 1.0, "battery": 3.0}
        elif number < 7:
            since_min, state = 26.0 * number, {"worn": 0.0, "battery": 55.0}
        elif number < 9:
            since_min, state = 3.0 * number, {"worn": 0.0, "charging": 1.0, "battery": 40.0}
        for minutes in (since_min, silent_min):
            at_ms = now_ms - int(minutes * 60_000)
            scene.says(watch_id, [{"kind": Kind.STATUS, "time_ms": at_ms, **state}])


def evening(scene: Scene, *, language: str = "zh", others: int = 94) -> dict[str, int]:
    """Six incidents as the prototype's pictures have them; returns their ids by name."""
    people = _people(language)
    for resident in people.values():
        scene.lives(resident)
    now_ms = scene.now_ns // 1_000_000
    neighbours(scene, others, language)
    scene.says("w0001", heart(now_ms, 1, 72, 137))
    scene.says("w0001", walk(now_ms, people["zhu"].home, 140))
    scene.says("w0002", heart(now_ms, 2, 68))
    scene.says("w0003", heart(now_ms, 3, 74))
    scene.says("w0006", heart(now_ms - 77 * 60_000, 6, 71))
    scene.says("w0004", heart(now_ms, 4, 76, 46))
    scene.says("w0005", heart(now_ms, 5, 80, 112))
    started = now_ms - 15 * 60_000
    limits = {"limit.hr_very_high": 131.0}
    ids = {}
    silent = scene.fires("w0006", "silent", Severity.WARNING, 47 * 60 + 17)
    ids["silent"] = silent
    scene.takes("lijing", silent, 46 * 60, Via.SMS)
    high = scene.fires(
        "w0005", "heart_rate_high", Severity.WARNING, 25 * 60 + 17, bpm=112.0, **{"limit.hr_high": 110.0}
    )
    ids["high"] = high
    scene.takes("chenfang", high, 24 * 60)
    ids["low"] = scene.fires(
        "w0004", "heart_rate_low", Severity.WARNING, 7 * 60 + 57, bpm=46.0, **{"limit.hr_low": 50.0}, started_ms=started
    )
    key = "heart_rate_very_high"
    ids["zhu"] = scene.fires("w0001", key, Severity.EMERGENCY, 147, bpm=138.0, **limits, started_ms=started)
    scene.repeats("w0001", key, started, 120)
    scene.repeats("w0001", key, started, 60)
    ids["fall"] = scene.fires("w0002", "fall", Severity.EMERGENCY, 110, still_s=845.0, confidence=0.8)
    ids["sos"] = scene.fires(
        "w0003", "sos", Severity.EMERGENCY, 9, late=True, event_ms=now_ms - 29 * 60_000, confidence=math.nan
    )
    return ids


def _people(language: str) -> dict[str, Resident]:
    zh = language == "zh"

    def one(number: int, zh_name: str, en_name: str, born: int, place: tuple[str, str], **more: object) -> Resident:
        phone = f"+86170000000{number:02d}"
        return Resident(
            f"w{number:04d}", zh_name if zh else en_name, born, place[0] if zh else place[1], "景田社区", phone, **more
        )

    daughter = ("朱晓梅", "+8617000000101", "女儿") if zh else ("Zhu Xiaomei", "+8617000000101", "daughter")
    notes = (
        "钥匙：邻居周阿姨（同楼 3006）\n高血压、房颤\n服用华法林"
        if zh
        else "Key: neighbour Ms Zhou (3006)\nHypertension, atrial fibrillation\nTakes warfarin"
    )
    return {
        "zhu": one(
            1,
            "朱文彬",
            "Zhu Wenbin",
            1946,
            ("景田社区19栋3008", "Jingtian Bldg 19-3008"),
            contact=daughter,
            notes=notes,
        ),
        "he": one(2, "何炳坤", "He Bingkun", 1936, ("沙尾东村17栋1104", "Shawei E. Bldg 17-1104"), contact=daughter),
        "guo": one(3, "郭德福", "Guo Defu", 1938, ("沙尾东村17栋2905", "Shawei E. Bldg 17-2905")),
        "gao": one(4, "高丽华", "Gao Lihua", 1943, ("沙尾东村27栋2203", "Shawei E. Bldg 27-2203")),
        "zhang": one(5, "张建国", "Zhang Jianguo", 1944, ("福荣花园14栋0606", "Furong Gdn Bldg 14-0606")),
        "wang": one(6, "王文彬", "Wang Wenbin", 1943, ("沙尾东村15栋1501", "Shawei E. Bldg 15-1501")),
    }
