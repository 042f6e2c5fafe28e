"""A real HTTP server on this machine that answers as an OpenAI-compatible endpoint, well or badly."""

import contextlib
import json
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Reply:
    """What the server sends; `slowly` sends the body a byte at a time, so many seconds apart, without end."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    wait: float = 0.0
    slowly: float | None = None
    hang_up: bool = False


def completion(text: Any, finish: str = "stop", **more: Any) -> Reply:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return Reply(body=json.dumps({"choices": [choice], **more}).encode())


def score(value: Any) -> Reply:
    return completion(json.dumps({"reasoning": "as the rubric says", "score": value}))


def problem(status: int, message: str = "no", code: str | None = None, **headers: str) -> Reply:
    body = json.dumps({"error": {"message": message, "code": code}}).encode()
    return Reply(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


@dataclass
class Judge:
    """The server, and what it has seen. `reply` is given the request's body and its number."""

    reply: Callable[[dict[str, Any], int], Reply]
    url: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    open: int = 0  # connections
    lock: threading.Lock = field(default_factory=threading.Lock)
    over: threading.Event = field(default_factory=threading.Event)


@contextlib.contextmanager
def serving(reply: Callable[[dict[str, Any], int], Reply]) -> Iterator[Judge]:
    judge = Judge(reply)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            with judge.lock:
                judge.open += 1

        def finish(self) -> None:
            with contextlib.suppress(OSError):
                super().finish()
            with judge.lock:
                judge.open -= 1

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            with judge.lock:
                number = len(judge.bodies)
                judge.bodies.append(body)
                judge.headers.append(dict(self.headers.items()))
                judge.paths.append(self.path)
                judge.times.append(time.monotonic())
                judge.at_once += 1
                judge.most_at_once = max(judge.most_at_once, judge.at_once)
            try:
                self.send(judge.reply(body, number))
            except OSError:
                self.close_connection = True
            finally:
                with judge.lock:
                    judge.at_once -= 1

        def send(self, reply: Reply) -> None:
            limit = time.monotonic() + reply.wait
            while time.monotonic() < limit and not judge.over.wait(0.02):
                if select.select([self.connection], [], [], 0)[0] and not self.connection.recv(
                    1, socket.MSG_PEEK
                ):
                    raise ConnectionResetError  # the client does not wait
            if reply.hang_up:
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if reply.slowly is None:
                self.send_header("content-length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)
                return
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            while not judge.over.wait(reply.slowly):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(reply.body), reply.body))

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 512

        def handle_error(self, *_: Any) -> None:  # a client that is gone
            pass

    server = Server(("127.0.0.1", 0), Handler)
    judge.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield judge
    finally:
        judge.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
