"""A small server that speaks the Kubernetes API for Jobs and pods, as far as runs need it."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import yaml

_JOBS = re.compile(r"/apis/batch/v1/namespaces/([^/]+)/jobs(?:/([^/]+))?")
_PODS = re.compile(r"/api/v1/namespaces/([^/]+)/pods(?:/([^/]+)/log)?")


class FakeKubernetes:
    """Holds the objects; `calls` says what was asked."""

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.logs: dict[str, str] = {}
        self.calls: list[str] = []
        self.broken: int | None = None
        """Status that everything is answered with."""
        self._made = 0

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        url = urlparse(path)
        self.calls.append(f"{method} {url.path}")
        if self.broken is not None:
            return self.broken, {"kind": "Status", "reason": "Broken"}
        if found := _JOBS.fullmatch(url.path):
            return self._job(method, found[2], body, parse_qs(url.query))
        if found := _PODS.fullmatch(url.path):
            if found[2]:
                return 200, self.logs[found[2]]
            return 200, {"kind": "PodList", "items": [{"metadata": {"name": name}} for name in self.logs]}
        return 404, {"kind": "Status"}

    def set_status(self, name: str, *conditions: str, **status: Any) -> None:
        self.jobs[name]["status"] = {
            **status,
            "conditions": [{"type": kind, "status": "True"} for kind in conditions],
        }

    def _job(self, method: str, name: str | None, body: Any, query: dict[str, list[str]]) -> tuple[int, Any]:
        if method == "POST":
            name = body["metadata"]["name"]
            if name in self.jobs:
                return 409, {"kind": "Status", "reason": "AlreadyExists"}
            self._made += 1
            body["metadata"]["creationTimestamp"] = f"2026-01-01T00:00:{self._made:02d}Z"
            self.jobs[name] = body | {"status": {}}
            return 201, self.jobs[name]
        if name is None:
            selector = dict(item.split("=") for item in query.get("labelSelector", [""])[0].split(",") if item)
            chosen = [job for job in self.jobs.values() if selector.items() <= job["metadata"]["labels"].items()]
            start, size = int(query.get("continue", ["0"])[0]), min(2, int(query.get("limit", ["500"])[0]))
            more = str(start + size) if start + size < len(chosen) else None
            return 200, {"kind": "JobList", "items": chosen[start : start + size], "metadata": {"continue": more}}
        if name not in self.jobs:
            return 404, {"kind": "Status", "reason": "NotFound"}
        if method == "PATCH":
            self.jobs[name]["spec"] |= body["spec"]
        if method == "DELETE":
            return 200, self.jobs.pop(name)
        return 200, self.jobs[name]


@contextmanager
def serving(kubernetes: FakeKubernetes, folder: Path) -> Iterator[Path]:
    """Serve on loopback; gives a kubeconfig that leads there."""

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            status, answer = kubernetes.answer(self.command, self.path, body)
            data = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain" if isinstance(answer, str) else "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_DELETE = _any

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(
        yaml.safe_dump(
            {
                "current-context": "here",
                "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me", "namespace": "films"}}],
                "clusters": [{"name": "here", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
                "users": [{"name": "me", "user": {}}],
            }
        )
    )
    try:
        yield kubeconfig
    finally:
        server.shutdown()
        server.server_close()
