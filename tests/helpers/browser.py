"""A headless browser, where there is one, and what tests ask of a page in it."""

import shutil
from html.parser import HTMLParser

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
DRIVER = shutil.which("chromedriver")
browser = pytest.mark.skipif(
    CHROMIUM is None or DRIVER is None,
    reason="no Chromium with chromedriver here (Debian: chromium, chromium-driver)",
)
NAMELESS = (  # what a keyboard doesn't reach, or a screen reader can't name
    "return [...document.querySelectorAll('select, input')].filter(e => !e.labels.length)"
    ".concat([...document.querySelectorAll('table')].filter(t => !t.caption))"
    ".concat([...document.querySelectorAll('.scroll')].filter(s => s.tabIndex !== 0))"
    ".concat([...document.querySelectorAll('button')].filter(b => !b.textContent.trim()))"
    ".map(e => e.outerHTML)"
)
EVIL = "</script><img src=x onerror=alert(1)>"


def started(profile):
    """Start a headless browser at desktop size, with a folder for its profile."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in ("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run",
                 "disable-background-networking", "disable-component-update", "disable-sync",
                 f"user-data-dir={profile}"):  # fmt: skip
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=Service(DRIVER))


def opened(chromium, report, *, width: int = 1280, scheme: str = "light", charts: bool = True):
    """Open the page at a width and in a colour scheme; draw every chart, or what is in sight."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    chromium.get(report.as_uri())
    if charts:
        chromium.execute_script(
            "document.querySelectorAll('.chart').forEach(s => { drawn.add(s); draw(s); })"
        )
    return chromium


def wait(driver, script: str):
    """Wait until a script returns something that is true, which is returned."""
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(driver, 20).until(lambda page: page.execute_script(script))


def texts(driver, selector: str) -> list[str]:
    return driver.execute_script(
        "return [...document.querySelectorAll(arguments[0])].filter(e => !e.closest('[hidden]'))"
        ".map(e => e.textContent.trim())",
        selector,
    )


def click(driver, selector: str):
    driver.execute_script("document.querySelector(arguments[0]).click()", selector)


def choose(driver, selector: str, value: str):
    driver.execute_script(
        "const s = document.querySelector(arguments[0]); s.value = arguments[1];"
        "s.dispatchEvent(new Event(s.tagName === 'SELECT' ? 'change' : 'input'))",
        selector,
        value,
    )


class Targets(HTMLParser):
    """What a page asks for."""

    def __init__(self):
        super().__init__()
        self.found: list[str | None] = []

    def handle_starttag(self, tag, attrs):
        self.found += [value for name, value in attrs if name in ("src", "href")]
