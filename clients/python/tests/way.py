"""A way to the suite that a test can break."""

from __future__ import annotations

import socket
import struct
import threading
from types import TracebackType
from urllib.parse import urlsplit

RESET_AT_CLOSE = struct.pack("ii", 1, 0)


class BreakableWay:
    """Passes bytes on until it is told to break off."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._target = (str(parts.hostname), parts.port or 80)
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._closed = False
        self.connections = 0
        """How many were made through it."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Kills every connection; new ones are let through."""
        with self._lock:
            for one in self._open:
                # Shutting down wakes whoever reads, and the linger makes it a reset.
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
                one.shutdown(socket.SHUT_RDWR)
            self._open.clear()

    def close(self) -> None:
        """Kills every connection, and new ones at once, until it is opened again."""
        self._closed = True
        self.cut()

    def reopen(self) -> None:
        self._closed = False

    @property
    def open(self) -> int:
        """How many connections are open."""
        with self._lock:
            return len(self._open) // 2

    def __enter__(self) -> BreakableWay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        # Wakes the thread that accepts.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            if self._closed:
                near.close()
                continue
            far = socket.create_connection(self._target)
            with self._lock:
                self._open |= {near, far}
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        try:
            while data := one.recv(65536):
                other.sendall(data)
        except OSError:
            pass
        finally:
            with self._lock:
                for end in (one, other):
                    if end in self._open:
                        self._open.discard(end)
                        end.shutdown(socket.SHUT_RDWR)
            one.close()
