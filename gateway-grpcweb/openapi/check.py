"""Checks what a running suite tells of its contracts against what it does.

    check.py                 the suite at TESSERA_URL, else one started from the program TESSERA_ALL

The document must be valid OpenAPI 3.1. Schemathesis then calls every operation with values made from the schemas:
no answer may be a 5xx, and none may have a status, a type, a header or a shape that the document does not tell. An
MCP client lists the tools and calls one. EXAMPLES (default 5) bounds the calls of an operation, SEED makes them
again: both are printed.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mcp import Client
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client
from openapi_spec_validator import OpenAPIV31SpecValidator

START_SECONDS = 120
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance"
)
# What ends the session with which the others are called.
LEFT_OUT = ("/api/v1/auth:logoutAll",)


@contextmanager
def suite() -> Iterator[str]:
    """The address of a suite: one that runs, or one of our own."""
    if url := os.environ.get("TESSERA_URL"):
        yield url.rstrip("/")
        return
    program = os.environ.get("TESSERA_ALL") or sys.exit("set TESSERA_URL to a running suite, or TESSERA_ALL to `all`")
    home = Path(tempfile.mkdtemp(prefix="tessera-openapi-"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    says = home / "suite.log"
    # Thousands of calls come from one address, which a suite lets nobody do.
    settings = {"TESSERA_HOME": str(home / "data"), "TESSERA_LISTEN": listen, "TESSERA_LIMITS": "off"}
    environment = os.environ | settings
    with says.open("wb") as log:
        process = subprocess.Popen([program], env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        until = time.monotonic() + START_SECONDS
        while "Tessera is up" not in says.read_text(errors="replace"):
            if process.poll() is not None or time.monotonic() > until:
                sys.exit(f"the suite did not start:\n{says.read_text(errors='replace')}")
            time.sleep(0.1)
        yield f"http://{listen}"
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(home, ignore_errors=True)


def call(url: str, body: object = None) -> dict:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def sign_up(address: str) -> str:
    """The access token of the first user of a new tenant."""
    name = f"t-{uuid.uuid4().hex[:16]}"
    answer = call(
        f"{address}/api/v1/auth:signUp",
        {
            "companyName": "Test GmbH",
            "slug": name,
            "email": f"{name}@example.com",
            "password": "a long way to Tipperary",
            "baseCurrency": "EUR",
        },
    )
    return answer["tokens"]["accessToken"]


def check_document(address: str) -> dict:
    document = call(f"{address}/openapi.json")
    problems = list(OpenAPIV31SpecValidator(document).iter_errors())
    for problem in problems:
        print(f"openapi: {problem.message}", file=sys.stderr)
    if problems:
        sys.exit("openapi: the document is not valid")
    print(f"openapi: {len(document['paths'])} paths, {len(document['components']['schemas'])} schemas, valid")
    return document


def streams(document: dict) -> list[str]:
    """The paths whose answers go on for as long as somebody listens."""
    paths = document["paths"].items()
    answers = [(path, one["responses"]["200"]) for path, item in paths for one in item.values() if "responses" in one]
    return sorted({path for path, answer in answers if "text/event-stream" in answer.get("content", {})})


def check_calls(address: str, token: str, left_out: list[str]) -> int:
    seed = os.environ.get("SEED") or str(random.SystemRandom().randrange(2**32))
    examples = os.environ.get("EXAMPLES", "5")
    print(f"openapi: calls with EXAMPLES={examples} SEED={seed}", flush=True)
    command = [
        str(Path(sys.executable).parent / "schemathesis"), "run", f"{address}/openapi.json",
        "--header", f"Authorization: Bearer {token}", "--checks", CHECKS, "--phases", "examples,fuzzing",
        "--mode", "positive", "--max-examples", examples, "--seed", seed, "--no-shrink", "--no-color",
        "--generation-database", "none", "--request-timeout", "30", "--continue-on-failure", "--workers", "2",
    ]  # fmt: skip
    for path in left_out:
        command += ["--exclude-path", path]
    return subprocess.run(command, check=False).returncode


async def check_tools(address: str, token: str) -> None:
    """The official client sees the tools of a user and of nobody, and calls one."""
    async def listed(headers: dict[str, str], called: str | None = None) -> list[str]:
        async with create_mcp_http_client(headers=headers) as http:
            async with Client(streamable_http_client(f"{address}/mcp", http_client=http)) as client:
                names, cursor = [], None
                while True:
                    page = await client.list_tools(cursor=cursor)
                    names += [tool.name for tool in page.tools]
                    if not (cursor := page.next_cursor):
                        break
                if called:
                    answer = await client.call_tool(called, {})
                    assert not answer.is_error, answer
                    assert "permissions" in (answer.structured_content or {}), answer
                return names

    nobody = await listed({})
    user = await listed({"authorization": f"Bearer {token}"}, "AuthService_GetCurrentUser")
    assert set(nobody) < set(user), "a user has more tools than nobody"
    assert "AuthService_GetJwks" in nobody and "ContactService_ListContacts" not in nobody, nobody
    assert "AuthService_Login" in nobody, "a method with a limit is a tool, whose calls are counted for it"
    assert "ContactService_ListContacts" in user, user
    assert len(user) == len(set(user)), "a tool is there twice"
    print(f"mcp: {len(nobody)} tools for nobody, {len(user)} for the first user of a tenant")


def main() -> int:
    with suite() as address:
        document = check_document(address)
        token = sign_up(address)
        asyncio.run(check_tools(address, token))
        return check_calls(address, token, [*LEFT_OUT, *streams(document)])


if __name__ == "__main__":
    sys.exit(main())
