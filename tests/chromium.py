"""A headless Chromium spoken to over a pipe: what a page logged, fetched and looks like."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BINARY = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--remote-debugging-pipe",
)
_PATIENCE = 180.0
"""Seconds: other processes may leave a browser next to no time."""
_START = 'exec "$@" 3<"/dev/fd/$READS" 4>"/dev/fd/$WRITES"'
"""Chromium reads from descriptor 3 and writes to 4. A shell puts them there: our own code in a fork of a process with threads may hang."""


@dataclass
class Tab:
    """One page: commands go out, and what it said about itself is kept."""

    send_end: int
    receive_end: int
    session: str = ""
    dialogs: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    loader: str = ""
    _last: int = 0
    _rest: bytes = b""

    def call(self, method: str, params: Mapping[str, object] | None = None) -> dict[str, Any]:
        """One command of the DevTools protocol, and its answer."""
        self._last += 1
        message: dict[str, object] = {"id": self._last, "method": method, "params": params or {}}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.send_end, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._last:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return dict(answer["result"])

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            if not select.select([self.receive_end], [], [], _PATIENCE)[0]:
                raise TimeoutError("Chromium fell silent")
            chunk = os.read(self.receive_end, 1 << 20)
            if not chunk:
                raise RuntimeError("Chromium ended")
            self._rest += chunk
        raw, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(raw)
        self._note(str(message.get("method", "")), message.get("params", {}))
        return message

    def _note(self, method: str, params: Mapping[str, Any]) -> None:
        if method == "Page.javascriptDialogOpening":
            self.dialogs.append(params["message"])
        elif method == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(params["exceptionDetails"])[:600])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
            self.errors.append(json.dumps(params["args"])[:600])
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.errors.append(json.dumps(params["entry"])[:600])
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Page.frameNavigated" and "parentId" not in params["frame"]:
            self.loader = params["frame"]["loaderId"]

    def run(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        answer = self.call("Runtime.evaluate", {"expression": expression, "returnByValue": True, "awaitPromise": True})
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"])[:600])
        return answer["result"].get("value")

    def open(self, page: Path, *, width: int = 1280, height: int = 800, dark: bool = False, ready: str = "drawn") -> None:
        """Shows a file at a viewport's size and waits until its charts are drawn."""
        self.call("Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600})
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", {"features": [scheme]})
        loader = self.call("Page.navigate", {"url": page.as_uri()})["loaderId"]
        while self.loader != loader:  # until then what is evaluated may still be in the page of before
            self._receive()
        self.wait(f"document.readyState === 'complete' && document.documentElement.dataset.charts === '{ready}'")

    def wait(self, condition: str) -> None:
        """Waits until a JavaScript condition holds."""
        self.wait_for(lambda: bool(self.run(condition)), condition)

    def wait_for(self, condition: Callable[[], bool], words: str = "a condition") -> None:
        """Waits until something holds of the page, or of what was heard of it."""
        end = time.monotonic() + _PATIENCE
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"never came true: {words}; errors: {self.errors}")
            time.sleep(0.02)
            self.run("0")  # takes in what has happened since

    def screenshot(self, target: Path, *, whole: bool = False) -> None:
        """The page as a PNG file."""
        answer = self.call(
            "Page.captureScreenshot", {"format": "png", "captureBeyondViewport": whole, **({} if not whole else self._whole())}
        )
        target.write_bytes(base64.b64decode(answer["data"]))

    def _whole(self) -> dict[str, object]:
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        return {"clip": {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}}


@contextmanager
def chromium(profile: Path) -> Iterator[Tab]:
    """A fresh browser with one tab, ended when the block ends."""
    if BINARY is None:
        raise FileNotFoundError("chromium")
    to_browser, from_browser = os.pipe(), os.pipe()
    theirs = (to_browser[0], from_browser[1])
    process = subprocess.Popen(
        ["/bin/sh", "-c", _START, "sh", BINARY, *_FLAGS, f"--user-data-dir={profile}", "about:blank"],
        env={**os.environ, "READS": str(theirs[0]), "WRITES": str(theirs[1])},
        pass_fds=theirs,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for end in theirs:
        os.close(end)
    tab = Tab(to_browser[1], from_browser[0])
    try:
        target = tab.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = tab.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        tab.session = session
        for domain in ("Page", "Runtime", "Log", "Network"):
            tab.call(f"{domain}.enable")
        yield tab
    finally:
        tab.session = ""
        try:
            tab.call("Browser.close")
            process.wait(timeout=_PATIENCE)
        except (OSError, RuntimeError, TimeoutError, subprocess.TimeoutExpired):
            process.kill()
            process.wait()
        os.close(to_browser[1])
        os.close(from_browser[0])
