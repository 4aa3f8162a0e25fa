"""A service with exports that take a while: three looks, and one is ready.

    python service.py skydag run export.dig ...         the command gets `-p api=<its address>`
"""

import json
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ROWS = [{"product": "bread", "units": 3}, {"product": "milk", "units": 5}]
LOOKS = 3


class Exports(BaseHTTPRequestHandler):
    def do_POST(self):
        number = len(self.server.looks) + 1
        self.server.looks[number] = 0
        self.answer({"id": number, "status": "busy"})

    def do_GET(self):
        number = int(self.path.split("/")[2])
        if self.path.endswith("/rows"):
            self.answer(ROWS)
            return
        self.server.looks[number] += 1
        self.answer({"id": number, "status": "ready" if self.server.looks[number] >= LOOKS else "busy"})

    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Says nothing of requests."""


@contextmanager
def opened():
    """A server on a free port: `server_address[1]`."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Exports) as server:
        server.looks = {}
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


if __name__ == "__main__":
    with opened() as server:
        api = f"http://127.0.0.1:{server.server_address[1]}"
        sys.exit(subprocess.run([*sys.argv[1:], "-p", f"api={api}"], check=False).returncode)
