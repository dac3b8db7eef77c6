"""A real suite for the tests: the one at TESSERA_URL, else the one that the program TESSERA_ALL starts."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tessera import Client

PASSWORD = "a long way to Tipperary"
START_SECONDS = 120


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    if url := os.environ.get("TESSERA_URL"):
        yield url.rstrip("/")
    elif program := os.environ.get("TESSERA_ALL"):
        yield from started(Path(program))
    else:
        pytest.skip("no suite to test against: set TESSERA_URL to a running one, or TESSERA_ALL to the program `all`")


def started(program: Path) -> Iterator[str]:
    home = Path(tempfile.mkdtemp(prefix="tessera-python-"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    says = home / "suite.log"
    # All tests sign up and in from one address, more often than a suite lets anybody.
    settings = {"TESSERA_HOME": str(home / "data"), "TESSERA_LISTEN": listen, "TESSERA_LIMITS": "off"}
    environment = os.environ | settings
    with says.open("wb") as log:
        # A group of its own, so that Ctrl-C in the terminal does not reach it before its tests are over.
        suite = subprocess.Popen([program], env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        until = time.monotonic() + START_SECONDS
        while "Tessera is up" not in says.read_text(errors="replace"):
            if suite.poll() is not None or time.monotonic() > until:
                pytest.fail(f"the suite did not start:\n{says.read_text(errors='replace')}")
            time.sleep(0.1)
        yield f"http://{listen}"
    finally:
        suite.send_signal(signal.SIGINT)
        try:
            suite.wait(timeout=60)
        except subprocess.TimeoutExpired:
            suite.kill()
            suite.wait()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def new_client(address: str) -> Iterator[Callable[[], Client]]:
    """Makes clients, each signed in to a tenant of its own."""
    made: list[Client] = []

    def make() -> Client:
        client = Client(address)
        made.append(client)
        name = f"t-{uuid.uuid4().hex[:16]}"
        client.sign_up(
            company_name="Test GmbH",
            slug=name,
            email=f"{name}@example.com",
            password=PASSWORD,
            base_currency="EUR",
        )
        return client

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(new_client: Callable[[], Client]) -> Client:
    return new_client()
