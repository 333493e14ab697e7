"""A web server on this machine that serves files, and fails in the ways that servers and networks fail."""

from __future__ import annotations

import re
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = b"<!DOCTYPE html><html><head><title>Scheduled maintenance</title></head><body>Back soon.</body></html>"
STALL = 3.0  # seconds, longer than the time-outs of the tests


class Server:
    """Files by name, and for each the faults of the next requests, in order; then it behaves."""

    def __init__(self):
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, list[str]] = {}
        self.version: dict[str, int] = {}
        self.requests: list[tuple[str, str | None]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.answer(self)

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    def close(self):
        self.http.shutdown()
        self.http.server_close()

    def count(self, name):
        return sum(asked == name for asked, _ in self.requests)

    def answer(self, request):
        name = request.path.lstrip("/")
        wanted = request.headers.get("Range")
        self.requests.append((name, wanted))
        fault = self.faults[name].pop(0) if self.faults.get(name) else ""
        if name not in self.files or fault in ("404", "403", "503"):
            request.send_error(int(fault) if fault.isdigit() else 404)
            return
        if fault == "html":
            self.head(request, 200, len(PAGE), kind="text/html; charset=utf-8")
            request.wfile.write(PAGE)
            return
        body = PAGE if fault == "html as data" else self.files[name]
        if fault == "corrupt":
            body = body[:-20] + bytes(b ^ 0xFF for b in body[-20:])
        etag = "" if fault == "no validator" else f'"{name}-{self.version.get(name, 0)}"'
        start = self.start(request, wanted, etag, fault)
        if start >= len(body):
            request.send_response(416)
            request.send_header("Content-Range", f"bytes */{len(body)}")
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        part, extra = body[start:], {}
        if start:
            shown = start - 1 if fault == "wrong part" else start
            extra["Content-Range"] = f"bytes {shown}-{len(body) - 1}/{len(body)}"
        length = None if fault == "cut in silence" else len(part)
        self.head(request, 206 if start else 200, length, etag=etag, **extra)
        with suppress(BrokenPipeError, ConnectionResetError):  # the client gave up
            self.send(request, part, fault)

    def start(self, request, wanted, etag, fault):
        condition = request.headers.get("If-Range")
        found = re.fullmatch(r"bytes=(\d+)-", wanted or "")
        return int(found[1]) if found and condition == etag and fault != "no ranges" else 0

    def head(self, request, status, length, *, kind="application/octet-stream", etag="", **extra):
        request.send_response(status)
        request.send_header("Content-Type", kind)
        for key, value in {"Content-Length": length, "ETag": etag, **extra}.items():
            if value not in (None, ""):
                request.send_header(key, str(value))
        request.end_headers()

    def send(self, request, part, fault):
        if fault in ("cut", "cut in silence", "no validator"):
            request.wfile.write(part[: len(part) // 2])
            request.close_connection = True
        elif fault == "stall":
            request.wfile.write(part[: len(part) // 2])
            request.wfile.flush()
            time.sleep(STALL)
        elif fault == "slow":
            for i in range(0, len(part), max(1, len(part) // 10)):
                request.wfile.write(part[i : i + max(1, len(part) // 10)])
                request.wfile.flush()
                time.sleep(0.05)
        else:
            request.wfile.write(part)
