"""`make bench`: every benchmark, one after another. ARGS go to them; each is also a module of its own."""

from __future__ import annotations

from benchmarks.mqtt_drain import main

main()
