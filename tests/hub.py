"""A hub on this machine: a folder served as huggingface_hub and datasets ask for it.

The folder holds `models/` and `datasets/`, in each `<owner>/<name>/<commit>/<files>`, and beside
the commits a file `main` that names one. Binary files are redirected to a second address, as the
hub sends them to its storage.
"""

import hashlib
import json
import math
import re
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET
from threading import Thread
from typing import Literal, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

STORED = {".parquet", ".safetensors", ".bin", ".zst"}  # where the hub keeps a pointer in git
API = re.compile(
    r"/api/(models|datasets)/([^/]+/[^/]+)(?:/(revision|tree|paths-info)/([^/]+)(?:/(.+))?)?"
)
FILE = re.compile(r"/(?:(datasets)/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)")
STORAGE = "/storage/"
CODES = {401: "GatedRepo", 403: "GatedRepo"}
BROKEN = {"dropped", "reset"}


@dataclass
class Fault:
    """What happens to requests whose path holds `part`: to the next `times`, or to each.

    Attributes:
        kind: an HTTP status, or of a file that is sent: dropped or reset after half of it, half of
            it as if it were all, or as many other bytes.
    """

    part: str
    kind: int | Literal["dropped", "reset", "short", "garbled"]
    times: float = math.inf


class Asked(NamedTuple):
    """One request: method, path, the first byte asked for, and when, in seconds."""

    method: str
    path: str
    start: int
    when: float


@dataclass
class Hub:
    """A running hub: what it serves, what goes wrong, and what it was asked."""

    folder: Path
    port: int = 0
    faults: list[Fault] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def storage(self) -> str:
        return f"http://localhost:{self.port}{STORAGE}"

    def strike(self, path: str, kinds: type) -> int | str | None:
        """The kind of fault that strikes a request, used up by one; None if all is well."""
        for each in self.faults:
            if each.part in path and each.times and isinstance(each.kind, kinds):
                each.times -= 1
                return each.kind
        return None

    def commit(self, kind: str, repository: str, revision: str) -> Path | None:
        """Folder of a commit or branch; None if there is none."""
        place = self.folder / kind / repository
        branch = place / revision
        name = branch.read_text() if branch.is_file() else revision
        return place / name if (place / name).is_dir() else None


@contextmanager
def serving(folder: Path) -> Iterator[Hub]:
    """A hub on a free port, until the block ends."""
    hub = Hub(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Answer,), {"hub": hub}))
    hub.port = server.server_port
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


class Answer(BaseHTTPRequestHandler):
    """One connection."""

    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Nothing: the hub keeps what it was asked."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.asked.append(Asked(self.command, path, self._range(0)[0], time.monotonic()))
        status = self.hub.strike(path, int)
        if status:
            self._refuse(status, CODES.get(status))
        elif path.startswith(STORAGE):
            self._file(self.hub.folder / path.removeprefix(STORAGE), {})
        elif found := API.match(path):
            self._api(*found.groups(default=""))
        elif found := FILE.match(path):
            self._resolve(*found.groups(default="models"))
        else:
            self._refuse(404, None)

    def _api(self, kind: str, repository: str, what: str, revision: str, below: str) -> None:
        commit = self._commit(kind, repository, revision or "main")
        if commit is None:
            return
        if what == "tree":
            everything = parse_qs(urlsplit(self.path).query).get("recursive", [""])[0].lower()
            pattern = "**/*" if everything == "true" else "*"
            self._json(
                [_described(each, commit) for each in sorted((commit / below).glob(pattern))]
            )
        elif what == "paths-info":
            wanted = [commit / name for name in self._wanted()]
            self._json([_described(each, commit) for each in wanted if each.exists()])
        else:
            self._json({"id": repository, "sha": commit.name, "siblings": [], "tags": []})

    def _wanted(self) -> list[str]:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        return parse_qs(body)["paths"]

    def _resolve(self, kind: str, repository: str, revision: str, name: str) -> None:
        commit = self._commit(kind, repository, revision)
        if commit is None:
            return
        named = {"X-Repo-Commit": commit.name}
        file = commit / name
        if not file.is_file():
            self._refuse(404, "EntryNotFound", named)
        elif file.suffix in STORED:
            place = self.hub.storage + file.relative_to(self.hub.folder).as_posix()
            linked = {"X-Linked-Etag": f'"{_sha256(file)}"', "X-Linked-Size": file.stat().st_size}
            self._send(302, {**named, **linked, "Location": place})
        else:
            self._file(file, named)

    def _commit(self, kind: str, repository: str, revision: str) -> Path | None:
        if not (self.hub.folder / kind / repository).is_dir():
            self._refuse(401, "RepoNotFound")
            return None
        commit = self.hub.commit(kind, repository, revision)
        if commit is None:
            self._refuse(404, "RevisionNotFound")
        return commit

    def _file(self, file: Path, named: dict[str, object]) -> None:
        path = unquote(urlsplit(self.path).path)
        fault = self.hub.strike(path, str) if self.command == "GET" else None
        content = file.read_bytes()
        start, end = self._range(len(content))
        part = content[start:end]
        if fault == "garbled":
            part = bytes(len(part))
        if fault == "short":
            part = part[: len(part) // 2]
        headers = {**named, "ETag": f'"{_sha256(file)}"', "Accept-Ranges": "bytes"}
        if "Range" in self.headers:
            headers["Content-Range"] = f"bytes {start}-{start + len(part) - 1}/{len(content)}"
        sent = part[: len(part) // 2] if fault in BROKEN else part
        self._send(206 if "Range" in self.headers else 200, headers, sent, len(part))
        if fault in BROKEN:
            self._hang_up(reset=fault == "reset")

    def _hang_up(self, reset: bool) -> None:
        self.close_connection = True
        if reset:
            self.wfile.flush()
            self.connection.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    def _range(self, length: int) -> tuple[int, int]:
        found = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "bytes=0-"))
        start, last = found.groups()
        return int(start), int(last) + 1 if last else length

    def _json(self, content: object) -> None:
        self._send(200, {"Content-Type": "application/json"}, json.dumps(content).encode())

    def _refuse(self, status: int, code: str | None, more: dict[str, object] | None = None) -> None:
        """An error as the hub words it; a busy hub says when to come again."""
        headers = {**(more or {}), "X-Error-Code": code} if code else {}
        self._send(status, headers | ({"Retry-After": 1} if status == 429 else {}))

    def _send(
        self, status: int, headers: dict[str, object], body: bytes = b"", length: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _described(entry: Path, commit: Path) -> dict[str, object]:
    """A file or folder as the hub lists it."""
    path = entry.relative_to(commit).as_posix()
    if entry.is_dir():
        return {"type": "directory", "path": path, "size": 0, "oid": "0" * 40}
    size, digest = entry.stat().st_size, _sha256(entry)
    pointer = {"lfs": {"oid": digest, "size": size, "pointerSize": 130}}
    described = {"type": "file", "path": path, "size": size, "oid": digest[:40]}
    return described | (pointer if entry.suffix in STORED else {})


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
