"""Headless Chromium through its driver, cut off from everything but 127.0.0.1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

from tests.servers.process import program

if TYPE_CHECKING:
    from pathlib import Path

SWITCHES = (
    "--headless=new",
    "--no-sandbox",  # it will not run as root with one
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
    # Every name but this machine's fails to resolve: no test can reach a public server by accident.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)


def open_chromium(folder: Path, width: int, height: int, language: str) -> webdriver.Chrome:
    """A browser with a page of `width` x `height` CSS pixels, a fresh profile and its console kept."""
    options = Options()
    options.binary_location = program("chromium")
    for switch in (*SWITCHES, f"--user-data-dir={folder / 'profile'}", f"--lang={language}"):
        options.add_argument(switch)
    options.add_experimental_option("prefs", {"intl.accept_languages": language})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # A service with a path never asks selenium-manager, which would go on the network for a driver.
    service = Service(executable_path=program("chromedriver"), log_output=str(folder / "chromedriver.log"))
    browser = webdriver.Chrome(options=options, service=service)
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
    )
    return browser
