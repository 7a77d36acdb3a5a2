"""The board in a process of its own, for browsers to look at: `python -m tests.board.serve FOLDER PORT [OPTIONS]`.

`OPTIONS` is JSON for `BoardOptions`. POST /scene/fire?watch=w0003&rule=sos lets the engine fire in this process, which
owns the store; /scene/ages?data_s=90 sets what the beats say of the parts.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import uvicorn
from starlette.responses import JSONResponse
from starlette.routing import Route

from alerts.engine.contract import Severity
from board.app import Ages, BoardContext, BoardOptions, create_app
from carewatch.clock import WallClock
from tests.board.scene import Scene

SECRET = "a secret of the tests, long enough"


class Parts:
    """What a test may turn."""

    def __init__(self, scene: Scene, clock: WallClock) -> None:
        self.scene = scene
        self.clock = clock
        self.ages = Ages(0.4, 0.3, 0.8)
        self.streams = 0

    async def fire(self, request):
        query = request.query_params
        self.scene.now_ns = self.clock.now_ns()
        incident = self.scene.fires(query["watch"], query["rule"], Severity(query.get("severity", "emergency")), 0)
        return JSONResponse({"incident": incident})

    async def count_streams(self, _request):
        """Open requests for /events, counted where every request passes."""
        return JSONResponse({"streams": self.streams})

    async def set_ages(self, request):
        self.ages = Ages(**{name: float(value) for name, value in request.query_params.items()})
        return JSONResponse({})


def main(folder: str, port: str, options: str = "{}") -> None:
    clock = WallClock()
    wished = json.loads(options)
    scene = Scene(Path(folder), clock.now_ns(), wished.get("language", "zh"))
    parts = Parts(scene, clock)
    context = BoardContext(
        store=scene.store,
        log_reader=scene.log,
        watches=scene.watches,
        clock=clock,
        options=BoardOptions(**{"secret": SECRET, "title": "福田街道 · 独居老人关爱", **wished}),
        ages=lambda: parts.ages,
        roster=lambda: scene.roster,
    )
    extra = [
        Route("/scene/fire", parts.fire, methods=["POST"]),
        Route("/scene/streams", parts.count_streams, methods=["GET"]),
        Route("/scene/ages", parts.set_ages, methods=["POST"]),
    ]
    app = create_app(context, extra)

    async def counting(scope, receive, send):
        counts = scope["type"] == "http" and scope["path"] == "/events"
        parts.streams += counts
        try:
            await app(scope, receive, send)
        finally:
            parts.streams -= counts

    uvicorn.run(counting, host="127.0.0.1", port=int(port), log_level="warning", timeout_graceful_shutdown=2)


if __name__ == "__main__":
    main(*sys.argv[1:])
