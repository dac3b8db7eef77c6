"""A mail server for tests: aiosmtpd, which keeps what it takes in a folder.

Usage: smtp_server.py FOLDER. Prints the port it listens on and runs until its input ends.
The address tells how a recipient is treated: `busy2-...@` is put off twice, `refused-...@` is refused for good.
"""

import asyncio
import pathlib
import re
import sys

from aiosmtpd.smtp import SMTP

folder = pathlib.Path(sys.argv[1])
tries = {}


class Keeper:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused"):
            return "550 5.1.1 There is nobody of this name"
        busy = re.match(r"busy(\d+)-", address)
        tries[address] = tries.get(address, 0) + 1
        if busy and tries[address] <= int(busy[1]):
            return "451 4.3.0 Come back later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        number = len(list(folder.iterdir()))
        unfinished = folder / f".{number}"
        unfinished.write_bytes(envelope.original_content)
        unfinished.rename(folder / f"{number:04}.eml")
        return "250 Taken"


async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Keeper(), enable_SMTPUTF8=True), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
