"""The stream: the whole board at first and on change, beats meanwhile, the newest only to a slow reader."""

import asyncio
import json
import threading
from dataclasses import replace

import pytest
from sqlalchemy.exc import OperationalError

from board.app import Ages, BoardOptions
from board.hub import Hub, Rendered, View
from tests.board.conftest import SECRET
from tests.servers.waiting import eventually

VIEW = View("zh", may_act=True)


class Store:
    """What the hub looks at: a version that tests move, and boards counted as they are made."""

    def __init__(self):
        self.version = 1
        self.is_broken = False
        self.rendered = []

    def read(self):
        if self.is_broken:
            raise OperationalError("SELECT", {}, Exception("disk I/O error"))
        return self.version

    def render(self, view):
        self.rendered.append((view, threading.current_thread() is threading.main_thread()))
        return Rendered(f"{view.language}{self.read()}", f"<p>{view.language} {self.version}</p>")


@pytest.fixture
def store():
    return Store()


@pytest.fixture
async def hub(context, store):
    options = BoardOptions(secret=SECRET, poll_s=0.01, beat_s=0.05)
    hub = Hub(replace(context, options=options, ages=lambda: Ages(1.5, None, 2.0)), store.read, store.render)
    task = asyncio.create_task(hub.run())
    yield hub
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def next_board(frames):
    async for frame in frames:
        if frame.startswith(b"event: board"):
            return frame.decode()
    return None


async def next_beat(frames):
    async for frame in frames:
        if frame.startswith(b"event: beat"):
            return json.loads(frame.decode().partition("data: ")[2])
    return None


async def test_the_whole_board_on_connect_and_again_on_change(hub, store):
    frames = (await hub.open(VIEW)).frames()
    assert "zh 1" in await next_board(frames)
    store.version = 2
    assert "zh 2" in await next_board(frames)


async def test_beats_carry_the_time_and_how_late_each_part_is(hub, context):
    beat = await next_beat((await hub.open(VIEW)).frames())
    assert beat["now_ms"] == context.clock.now_ns() // 1_000_000
    assert (beat["data_s"], beat["engine_s"], beat["notifier_s"]) == (1.5, None, 2.0)
    assert beat["build"].startswith("dev-")


async def test_one_rendering_serves_everybody_with_the_same_view(hub, store):
    streams = [await hub.open(VIEW) for _ in range(20)]
    english = await hub.open(View("en", may_act=True))
    for stream in [*streams, english]:
        await next_board(stream.frames())
    made = len(store.rendered)
    store.version = 2
    boards = [await next_board(stream.frames()) for stream in streams]
    assert len(set(boards)) == 1
    assert "en 2" in await next_board(english.frames())
    # A beat may have looked once more meanwhile; twenty streams do not cost twenty.
    assert len([view for view, _ in store.rendered[made:] if view == VIEW]) < 10
    assert not any(in_loop for _, in_loop in store.rendered)


async def test_what_has_not_changed_is_not_sent_again(hub, store):
    frames = (await hub.open(VIEW)).frames()
    await next_board(frames)
    assert [(await anext(frames))[:12] for _ in range(4)] == [b"event: beat\n"] * 4


async def test_a_slow_reader_gets_the_newest_only(hub, store):
    stream = await hub.open(VIEW)
    for version in range(2, 6):
        store.version = version
        await eventually(lambda version=version: stream.board and str(version).encode() in stream.board)
    assert "zh 5" in await next_board(stream.frames())
    assert stream.board is None


async def test_what_was_done_here_is_looked_at_at_once(context, store):
    hub = Hub(replace(context, options=BoardOptions(secret=SECRET, poll_s=3600, beat_s=3600)), store.read, store.render)
    task = asyncio.create_task(hub.run())
    frames = (await hub.open(VIEW)).frames()
    await next_board(frames)
    store.version = 2
    hub.poke()
    async with asyncio.timeout(20):
        assert "zh 2" in await next_board(frames)
    task.cancel()
    await asyncio.wait([task])


async def test_a_store_that_cannot_be_read_ages_in_the_beats_and_comes_back(hub, store):
    frames = (await hub.open(VIEW)).frames()
    await next_board(frames)
    store.is_broken = True
    while (await next_beat(frames))["store_s"] < 0.2:
        pass
    store.is_broken, store.version = False, 7
    assert "zh 7" in await next_board(frames)
    while (await next_beat(frames))["store_s"] >= 0.2:
        pass


async def test_a_browser_that_has_gone_costs_nothing(hub, store):
    stream = await hub.open(VIEW)
    assert hub.streams == 1
    hub.close(stream)
    assert hub.streams == 0
    made = len(store.rendered)
    store.version = 3
    again = await hub.open(VIEW)
    assert "zh 3" in await next_board(again.frames())
    assert len(store.rendered) > made


async def test_streams_end_when_the_server_stops(hub):
    frames = (await hub.open(VIEW)).frames()
    hub.close_all()
    assert [frame async for frame in frames] == []
