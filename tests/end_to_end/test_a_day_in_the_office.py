"""A town lives at 60 times the speed, officers are told and answer, and a role of the program is killed meanwhile."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from contextlib import closing
from datetime import datetime
from zoneinfo import ZoneInfo

import httpx
import paho.mqtt.publish
import pytest
from sqlalchemy import func, select

from alerts.store import tables
from carewatch.clock import ScaledClock
from simulator.options import EpisodeRates, SimulationOptions
from simulator.run import run_town
from simulator.town import build_town, residents_csv
from tests.end_to_end.installed import LIJING, Office
from tests.servers.waiting import eventually, wait_until

SPEED = 60.0
LASTS_NS = 20 * 60 * 1_000_000_000
SHENZHEN = ZoneInfo("Asia/Shanghai")
MORNING_NS = int(datetime(2026, 3, 2, 9, 0, tzinfo=SHENZHEN).timestamp()) * 1_000_000_000
OTHER = "w9001"  # a watch of nobody in the town
LATER_S = 100_000  # nobody is asked next in this test
PATIENT = {f"ESCALATION__{name}": LATER_S for name in ("RECEIPT_S", "NEXT_STEP_S", "ACK_EXPIRES_S", "REMIND_S")}

pytestmark = pytest.mark.server


@pytest.fixture
def clock():
    return ScaledClock(SPEED, MORNING_NS)


@pytest.fixture
def installed(mosquitto, answering_kannel, smtp_server, install, clock, tmp_path):
    scaled = {"SPEED": SPEED, "ORIGIN_NS": clock.origin_ns, "ORIGIN_BOOT_NS": clock.origin_boot_ns}
    on_clock = {f"CLOCK__{name}": value for name, value in scaled.items()}
    installed = install(mosquitto, answering_kannel.sendsms_url, smtp_server, **on_clock, **PATIENT)
    installed.roster(first=["lijing"])
    town = town_options(0)
    residents = residents_csv(build_town(town), town) + f"{OTHER},吴永康{',' * 13}\n"
    (tmp_path / "residents.csv").write_text(residents, encoding="utf-8")
    installed.run("residents", "import", str(tmp_path / "residents.csv"))
    installed.start()
    return installed


def town_options(start_ms):
    return SimulationOptions(residents=10, seed=11, start_ms=start_ms, episodes=EpisodeRates(sos=10.0))


async def test_each_sos_is_told_once_though_the_alerts_role_is_killed(
    installed, mosquitto, answering_kannel, smtp_server, clock
):
    truths = []
    began_ns = clock.now_ns()
    options = town_options(began_ns // 1_000_000)
    town = asyncio.create_task(
        run_town(
            build_town(options),
            options,
            broker_host=mosquitto.host,
            broker_port=mosquitto.port,
            clock=clock,
            on_episode=truths.append,
            until_ns=began_ns + LASTS_NS,
        )
    )
    taken = await asyncio.to_thread(take_by_link, await first_email(smtp_server))

    killed = await asyncio.to_thread(kill_between_messages, installed)
    press_sos(mosquitto, clock)
    await eventually(lambda: any("吴永康" in sms.text for sms in answering_kannel.sent()), 40, "the SOS of the outage")
    assert installed.pid_of("alerts") not in (None, killed)

    lived = await town
    await asyncio.to_thread(installed.wait_until_settled, lived.published_total + 1)
    await eventually(lambda: nothing_is_owed(installed), 20, "every message to be handed over")
    pressed = sorted([truth.watch for truth in truths if truth.what == "sos"] + [OTHER])
    await asyncio.to_thread(each_is_told_once, installed, answering_kannel, smtp_server, pressed, taken)


async def first_email(smtp_server):
    await eventually(lambda: smtp_server.messages, 30, "the email of the town's first SOS")
    return smtp_server.messages[0]


def take_by_link(email):
    """What an officer does with the email: open the link, press the button. Returns what the page says then."""
    (link,) = re.findall(r"http://\S+/a/\S+", email.get_content())
    with httpx.Client(trust_env=False, timeout=20) as browser:
        page = browser.get(link)
        assert "李静" in page.text
        (token,) = re.findall(r'name="csrf" value="([^"]+)"', page.text)
        done = browser.post(link, data={"csrf": token})
        assert done.status_code == 200, done.text
        again = browser.post(link, data={"csrf": token})
        assert again.status_code != 200
    return re.search(r"SOS求助 (\S+?)\d+岁", email["Subject"])[1]


def kill_between_messages(installed):
    """kill -9 of the alerts role at a moment when no gateway holds a letter whose fate is unknown (docs/adr/0008)."""
    pid = installed.pid_of("alerts")

    def killed():
        os.kill(pid, signal.SIGSTOP)
        is_calm = count(installed, "sending") == 0
        os.kill(pid, signal.SIGKILL if is_calm else signal.SIGCONT)
        return is_calm

    wait_until(killed, 10, "no letter to be in the air")
    return pid


def press_sos(mosquitto, clock):
    reading = json.dumps({"boot": 1, "seq": 1, "time": clock.now_ns() // 1_000_000})
    topic = f"watch/{OTHER}/sos"
    paho.mqtt.publish.single(topic, reading, qos=1, hostname=mosquitto.host, port=mosquitto.port)


def nothing_is_owed(installed):
    return count(installed, "owed", "sending") == 0


def count(installed, *states):
    asked = select(func.count()).select_from(tables.message).where(tables.message.c.state.in_(states))
    with closing(installed.store()) as store, store.reading() as connection:
        return connection.execute(asked).scalar_one()


def each_is_told_once(installed, kannel, smtp_server, pressed, taken):
    with closing(installed.store()) as store, store.reading() as connection:
        alerts = connection.execute(select(tables.alert)).all()
    assert sorted(alert.watch_id for alert in alerts if alert.rule == "sos") == pressed
    with closing(Office(installed)) as office:
        incidents = [office.incident(row["id"]) for row in office.incidents()]
    for incident in incidents:
        name = incident["resident"]["name"]
        texts = [sms.text for sms in kannel.sent() if sms.receiver == LIJING and name in sms.text]
        mails = [mail["Subject"] for mail in smtp_server.messages if name in mail["Subject"]]
        assert (len(texts), len(mails)) == (1, 1), (name, texts, mails)
        assert incident["state"] == ("acknowledged" if name == taken else "open")
    assert sorted(incident["watch_id"] for incident in incidents) == pressed
    (by,) = [line for line in timeline_of(incidents, taken) if line["what"] == "acknowledged"]
    assert (by["officer"], by["detail"]["via"]) == ("李静", "link")


def timeline_of(incidents, name):
    (incident,) = [incident for incident in incidents if incident["resident"]["name"] == name]
    return incident["timeline"]
