"""Chromium without a window, driven over a pair of pipes: what it is told, and all that it asks for or complains of."""

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars",
    "--remote-debugging-pipe",
)  # fmt: skip


def find():
    """Return the path of a browser, or None."""
    return os.environ.get("CROSSTIE_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One page in one browser with a profile of its own."""

    def __init__(self, width=1280, height=900):
        self.profile = tempfile.mkdtemp(prefix="crosstie-chromium-")
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (theirs_in, theirs_out)]

        def at_3_and_4():
            os.dup2(ends[0], 3)
            os.dup2(ends[1], 4)

        words = [find(), *FLAGS, f"--user-data-dir={self.profile}", "about:blank"]
        self.process = subprocess.Popen(
            words, pass_fds=(3, 4), preexec_fn=at_3_and_4, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for end in (theirs_in, theirs_out, *ends):
            os.close(end)
        self._left, self._number, self.events = b"", 0, []
        target = self._send("Target.createTarget", {"url": "about:blank"}, page=False)["targetId"]
        self.session = self._send("Target.attachToTarget", {"targetId": target, "flatten": True}, page=False)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self._send(f"{domain}.enable")
        self.size(width, height)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(Exception):
            self._send("Browser.close", page=False)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self._in)
        os.close(self._out)
        shutil.rmtree(self.profile, ignore_errors=True)

    # ---- what a user does

    def size(self, width, height, *, ratio=1, phone=False):
        self._send(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": ratio, "mobile": phone},
        )

    def prefers(self, scheme):
        self._send("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def open(self, path, *, ready="document.documentElement?.dataset.ready === 'yes'"):
        self.events.clear()
        self._send("Page.navigate", {"url": Path(path).resolve().as_uri()})
        self.wait_for(ready)

    def run(self, script):
        """Return the value of an expression in the page; a promise is waited for."""
        found = self._send("Runtime.evaluate", {"expression": script, "returnByValue": True, "awaitPromise": True})
        if "exceptionDetails" in found:
            raise RuntimeError(found["exceptionDetails"]["exception"].get("description", "error in the page"))
        return found["result"].get("value")

    def wait_for(self, condition, seconds=20):
        end = time.monotonic() + seconds
        while not self.run(f"Boolean({condition})"):
            assert time.monotonic() < end, f"the page never came to: {condition}; it said {self.complaints()}"
            time.sleep(0.05)

    def mouse(self, kind, x, y, *, held=False, modifiers=0):
        what = {"type": f"mouse{kind}", "x": x, "y": y, "modifiers": modifiers}
        if kind != "Moved" or held:
            what |= {"button": "left", "buttons": 1, "clickCount": 1}
        self._send("Input.dispatchMouseEvent", what)

    def click(self, x, y):
        self.mouse("Moved", x, y)
        self.mouse("Pressed", x, y)
        self.mouse("Released", x, y)

    def drag(self, places, *, modifiers=0):
        self.mouse("Moved", *places[0])
        self.mouse("Pressed", *places[0], modifiers=modifiers)
        for place in places[1:]:
            self.mouse("Moved", *place, held=True, modifiers=modifiers)
        self.mouse("Released", *places[-1], modifiers=modifiers)

    def key(self, key, *, text=""):
        self._send("Input.dispatchKeyEvent", {"type": "keyDown", "key": key, "text": text})
        self._send("Input.dispatchKeyEvent", {"type": "keyUp", "key": key})

    def screenshot(self, path, *, whole=False):
        found = self._send("Page.captureScreenshot", {"format": "png", "captureBeyondViewport": whole})
        Path(path).write_bytes(base64.b64decode(found["data"]))

    def pdf(self, path):
        found = self._send("Page.printToPDF", {"printBackground": False, "preferCSSPageSize": True})
        Path(path).write_bytes(base64.b64decode(found["data"]))

    # ---- what it asked for, and complained of

    def requests(self):
        """Return the addresses of everything that was asked for besides the page itself and what stands in it."""
        asked = [e["params"]["request"]["url"] for e in self.events if e["method"] == "Network.requestWillBeSent"]
        return [url for url in asked if not url.startswith(("data:", "blob:"))][1:]

    def complaints(self):
        """Return errors and warnings of the console, refusals of the content policy among them."""
        self.run("1")  # takes in what has come
        out = []
        for event in self.events:
            about = event["params"]
            if event["method"] == "Runtime.exceptionThrown":
                out.append(about["exceptionDetails"].get("exception", {}).get("description", "exception"))
            elif event["method"] == "Runtime.consoleAPICalled" and about["type"] in ("error", "warning", "assert"):
                out.append(str(about["args"]))
            elif event["method"] == "Log.entryAdded" and about["entry"]["level"] in ("error", "warning"):
                out.append(about["entry"]["text"])
        return out

    # ---- the pipes

    def _send(self, method, params=None, *, page=True):
        self._number += 1
        message = {"id": self._number, "method": method, "params": params or {}}
        if page:
            message["sessionId"] = self.session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            found = self._next()
            if found.get("id") == self._number:
                if "error" in found:
                    raise RuntimeError(f"{method}: {found['error']['message']}")
                return found["result"]
            if "method" in found:
                self.events.append(found)

    def _next(self, seconds=60):
        while b"\0" not in self._left:
            assert select.select([self._in], [], [], seconds)[0], "the browser does not answer"
            chunk = os.read(self._in, 1 << 20)
            assert chunk, "the browser has ended"
            self._left += chunk
        line, self._left = self._left.split(b"\0", 1)
        return json.loads(line)
