"""A board over an evening's scene: in this process for requests, in its own for browsers."""

from __future__ import annotations

import re
import shutil
from types import SimpleNamespace

import pytest
from httpx import ASGITransport, AsyncClient

from board.app import Ages, BoardContext, BoardOptions, create_app
from board.tokens import new_token
from carewatch.clock import SteppedClock
from tests.board.evening import evening
from tests.board.scene import PASSWORD, Scene

NOW_NS = 1_795_523_553_000_000_000  # 2026-11-24 20:32:33 in Shanghai
SECRET = "a secret of the tests, long enough"


@pytest.fixture(scope="session")
def one_evening(tmp_path_factory):
    """Made once, copied for each test: folder and ids."""
    folder = tmp_path_factory.mktemp("evening")
    scene = Scene(folder, NOW_NS)
    made = evening(scene, others=12)
    scene.close()
    return folder, made


@pytest.fixture
def scene(request, tmp_path):
    """The office; with an evening in it where the test asks for `ids`."""
    folder = tmp_path / "office"
    if "ids" in request.fixturenames:
        shutil.copytree(request.getfixturevalue("one_evening")[0], folder)
    else:
        folder.mkdir()
    scene = Scene(folder, NOW_NS)
    yield scene
    scene.close()


@pytest.fixture
def ids(one_evening):
    """The evening's incidents by name."""
    return one_evening[1]


@pytest.fixture
def context(scene):
    return BoardContext(
        store=scene.store,
        log_reader=scene.log,
        watches=scene.watches,
        clock=SteppedClock(NOW_NS),
        options=BoardOptions(secret=SECRET, title="福田街道"),
        ages=lambda: Ages(0.4, 0.3, 0.8),
        roster=lambda: scene.roster,
    )


class Browser(SimpleNamespace):
    """One person's requests. `http` is the client; forms are sent as a browser of this very site sends them."""

    async def sign_in(self, login: str = "lijing", password: str = PASSWORD):
        fields = {"login": login, "password": password, "next": "/", "csrf": await self.token("/sign-in")}
        return await self.http.post("/sign-in", data=fields, headers={"Sec-Fetch-Site": "same-origin"})

    async def token(self, path: str = "/") -> str:
        return re.search(r'name="csrf" value="(\w+)"', (await self.http.get(path)).text).group(1)

    async def send(self, path: str, **fields: object):
        page = path if path.startswith(("/a/", "/sign-in/")) else "/"
        said = {**fields, "csrf": fields.get("csrf") or await self.token(page)}
        headers = {"Sec-Fetch-Site": "same-origin", "Accept": "application/json"}
        return await self.http.post(path, data=said, headers=headers)


@pytest.fixture
async def open_board(context):
    """`await open_board()`: somebody's browser, not signed in; `await open_board("lijing")`: signed in."""
    app = create_app(context)
    opened = []

    async def open_one(login: str = "") -> Browser:
        client = AsyncClient(transport=ASGITransport(app), base_url="http://testserver")
        opened.append(client)
        browser = Browser(http=client)
        if login:
            assert (await browser.sign_in(login)).status_code == 303
        return browser

    yield open_one
    for client in opened:
        await client.aclose()


@pytest.fixture
def api(scene, open_board):
    """`await api(role)`: a client with a fresh token of that role for 王强."""

    async def client(role: str = "officer"):
        http = (await open_board()).http
        token = new_token(scene.store, scene.ids["wangqiang"], role, NOW_NS)
        http.headers["Authorization"] = f"Bearer {token}"
        return http

    return client
