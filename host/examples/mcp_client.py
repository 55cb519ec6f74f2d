#!/usr/bin/env python3
"""Drives `toolyard serve` with the official Python client of the Model Context Protocol.

Twenty edits of one file and twenty reads of it are sent at once, in turns. Every edit survives, and every read shows exactly
the edits that were sent before it: calls that touch one file are run in the order in which they came.

    pip install mcp                                     # 1.x speaks the handshake, 2.x the newest revision as well
    cargo build
    python3 host/examples/mcp_client.py [target/debug/toolyard]
"""

import asyncio
import contextlib
import pathlib
import sys
import tempfile
import time

import mcp
from mcp.client.stdio import stdio_client

LINES = 20


@contextlib.asynccontextmanager
async def connect(server):
    """A client, and the revision that it speaks with the server."""
    if hasattr(mcp, "Client"):  # 2.x
        async with mcp.Client(server) as client:
            yield client, client.protocol_version
    else:
        async with stdio_client(server) as (read, write), mcp.ClientSession(read, write) as client:
            yield client, (await client.initialize()).protocolVersion


def plain(result):
    """A result as the protocol writes it: names of members differ between the client's major versions."""
    return result.model_dump(by_alias=True, mode="json")


async def main(command):
    with tempfile.TemporaryDirectory() as folder:
        notes = pathlib.Path(folder, "notes.txt")
        notes.write_text("".join(f"line {n:02}: open\n" for n in range(LINES)))
        server = mcp.StdioServerParameters(command=command, args=["serve", "--workspace", folder])
        async with connect(server) as (client, revision):
            tools = [tool["name"] for tool in plain(await client.list_tools())["tools"]]
            print(f"{len(tools)} tools over revision {revision}: {', '.join(tools[:8])}, …")

            def edit(n):
                change = {"old_text": f"line {n:02}: open", "new_text": f"line {n:02}: done"}
                return client.call_tool("edit_file", {"path": "notes.txt", "edits": [change]})

            def read():
                return client.call_tool("read_file", {"path": "./notes.txt"})

            await read()  # The first call of a plugin may have to compile it.
            began = time.monotonic()
            calls = [call for n in range(LINES) for call in (edit(n), read())]
            results = [plain(result) for result in await asyncio.gather(*calls)]
            took = time.monotonic() - began

        failed = [result for result in results if result["isError"]]
        lost = LINES - notes.read_text().count("done")
        seen = [result["content"][0]["text"].count("done") for result in results[1::2]]
        print(f"{len(results)} calls at once in {took * 1000:.0f} ms: {len(failed)} failed, {lost} edits lost")
        print(f"the reads saw {seen} edits")
        return not failed and lost == 0 and seen == list(range(1, LINES + 1))


if __name__ == "__main__":
    default = pathlib.Path(__file__).parents[2] / "target/debug/toolyard"
    sys.exit(not asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else str(default))))
