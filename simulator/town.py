"""Who lives in the town: homes, watches, bodies and habits, all from the seed."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.datum import wgs84_to_gcj02
from simulator.streams import Purpose, stream

if TYPE_CHECKING:
    import numpy as np

    from simulator.options import SimulationOptions

METRES_PER_DEGREE = 111_320.0
"""Along a meridian, and along the equator; good to 0.6 % at Shenzhen, far below the scatter of a fix."""
TOWN_RADIUS_M = 2_500.0

SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡林郭何高罗"
GIVEN_MALE = ("建国", "国强", "志明", "德福", "永康", "振华", "文彬", "家兴", "耀祖", "福生")
GIVEN_FEMALE = ("秀英", "桂兰", "玉珍", "淑芬", "凤英", "美华", "惠芳", "月娥", "金凤", "翠萍")
RELATIONS = {"male": "儿子", "female": "女儿"}
CSV_HEADER = (
    "watch_id,name,born,sex,address,phone,language,latitude,longitude,datum,home_radius_m,"
    "contact_name,contact_phone,contact_relation,notes"
)


@dataclass(frozen=True, slots=True)
class Resident:
    """One old person with a watch. Positions are WGS-84 degrees; minutes are of the local day."""

    index: int
    watch_id: str
    name: str
    born: int
    sex: str
    address: str
    phone: str
    contact_name: str
    contact_phone: str
    contact_relation: str
    home_lat: float
    home_lon: float
    home_radius_m: float
    resting_bpm: float
    maximal_bpm: float
    wake_minute: int
    bed_minute: int
    stride_m: float
    drain_pct_per_hour: float
    sample_phase_ms: int


@dataclass(frozen=True, slots=True)
class Town:
    """All residents of a simulation, by index."""

    residents: tuple[Resident, ...]

    def by_watch(self) -> dict[str, Resident]:
        """Residents by the id of their watch."""
        return {resident.watch_id: resident for resident in self.residents}


def build_town(options: SimulationOptions) -> Town:
    """The town of these options; the first N residents are the same however many there are."""
    return Town(tuple(_settle(index, options) for index in range(options.residents)))


def _settle(index: int, options: SimulationOptions) -> Resident:
    rng = stream(options.seed, index, Purpose.PERSON)
    born = int(rng.integers(1934, 1958))
    sex = "female" if rng.random() < 0.6 else "male"
    lat, lon = _home(options.centre, rng)
    child = "male" if rng.random() < 0.5 else "female"
    surname = SURNAMES[int(rng.integers(len(SURNAMES)))]
    return Resident(
        index=index,
        watch_id=f"w{index + 1:04d}",
        name=surname + _given(sex, rng),
        born=born,
        sex=sex,
        address=f"福田区{int(rng.integers(1, 30))}栋{int(rng.integers(1, 19))}{int(rng.integers(1, 9)):02d}",
        phone=_mobile(2 * index),
        contact_name=surname + _given(child, rng),
        contact_phone=_mobile(2 * index + 1),
        contact_relation=RELATIONS[child],
        home_lat=lat,
        home_lon=lon,
        home_radius_m=150.0,
        resting_bpm=round(float(rng.uniform(61, 79)), 1),
        # Tanaka, Monahan, Seals (2001), "Age-predicted maximal heart rate revisited": 208 - 0.7 age.
        maximal_bpm=round(208 - 0.7 * (2026 - born), 1),
        wake_minute=int(rng.integers(330, 405)),
        bed_minute=int(rng.integers(1275, 1350)),
        stride_m=round(float(rng.uniform(0.45, 0.62)), 3),
        drain_pct_per_hour=round(float(rng.uniform(1.2, 2.2)), 3),
        sample_phase_ms=int(rng.integers(0, 60_000)),
    )


def _home(centre: tuple[float, float], rng: np.random.Generator) -> tuple[float, float]:
    distance_m = TOWN_RADIUS_M * math.sqrt(rng.random())
    bearing = rng.uniform(0, 2 * math.pi)
    return offset(centre[0], centre[1], distance_m * math.cos(bearing), distance_m * math.sin(bearing))


def offset(lat: float, lon: float, north_m: float, east_m: float) -> tuple[float, float]:
    """The point so many metres north and east, in degrees; for distances of a walk."""
    return lat + north_m / METRES_PER_DEGREE, lon + east_m / (METRES_PER_DEGREE * math.cos(math.radians(lat)))


def _given(sex: str, rng: np.random.Generator) -> str:
    names = GIVEN_MALE if sex == "male" else GIVEN_FEMALE
    return names[int(rng.integers(len(names)))]


def _mobile(number: int) -> str:
    """A well-formed mobile number, 170 0000 0000 and on; only ever to be given to a gateway of one's own."""
    return f"+86170{number:08d}"


def residents_csv(town: Town, options: SimulationOptions) -> str:
    """The town as a residents.csv (WIRE.md section 6), homes in the datum of `options`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_HEADER.split(","))
    for r in town.residents:
        lat, lon = r.home_lat, r.home_lon
        if options.datum == "gcj02":
            lat, lon = wgs84_to_gcj02(lat, lon)
        who = (r.watch_id, r.name, r.born, r.sex, r.address, r.phone, "zh")
        where = (f"{lat:.6f}", f"{lon:.6f}", options.datum, f"{r.home_radius_m:.0f}")
        writer.writerow((*who, *where, r.contact_name, r.contact_phone, r.contact_relation, ""))
    return text.getvalue()
