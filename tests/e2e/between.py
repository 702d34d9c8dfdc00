"""Something that stands between kmcp and the tenant: passes GETs on, answers chosen requests with chosen bytes.
SPDX-License-Identifier: Apache-2.0"""
import socketserver
import threading
import urllib.error
import urllib.request

from e2e import DEADLINE


def answer(status, body=b"", kind="application/json", extra=""):
    """The bytes of an HTTP answer; KIND None: no Content-Type."""
    body = body.encode() if isinstance(body, str) else body
    head = f"HTTP/1.1 {status} X\r\n" + (f"Content-Type: {kind}\r\n" if kind else "") + extra
    return head.encode() + f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


class Between(socketserver.ThreadingTCPServer):
    """ACT: what every request but a GET gets. GETS: [(part of a path, bytes)], for those alone."""
    allow_reuse_address = True
    daemon_threads = True

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            line = self.rfile.readline()
            if not line:
                return
            method, path, _ = line.decode().split(" ", 2)
            headers = {}
            while (line := self.rfile.readline().strip()):
                name, value = line.decode().split(":", 1)
                headers[name.lower()] = value.strip()
            self.rfile.read(int(headers.get("content-length", 0)))
            self.wfile.write(self.server.answer(method, path, headers))

    def __init__(self, tenant):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.tenant, self.act, self.gets, self.acts = tenant, answer(200), [], 0
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self):
        self.shutdown()
        self.server_close()

    def answer(self, method, path, headers):
        if method != "GET":
            self.acts += 1
            return self.act
        for part, data in self.gets:
            if part in path:
                return data
        request = urllib.request.Request(self.tenant.url + path, headers={"Authorization": headers.get("authorization", "")})
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE) as r:
                status, body, got = r.status, r.read(), r.headers
        except urllib.error.HTTPError as e:
            status, body, got = e.code, e.read(), e.headers
        total = got.get("X-Total-Count")
        return answer(status, body, got.get("Content-Type"), f"X-Total-Count: {total}\r\n" if total else "")
