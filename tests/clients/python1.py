"""The official Python client, 1.x: revisions with a handshake, over both transports. It must not take a step for done that
it has not seen the answer of.

    python1.py PROGRAM WORKSPACE PLUGINS URL TOKEN
"""

import asyncio
import os
import sys

import mcp
from mcp import types
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamablehttp_client

from steps import check, steps, told


async def ask(context, params):
    told(params.message)
    return types.ElicitResult(action="accept", content={"allow": "once"})


async def use(way, read, write):
    async with mcp.ClientSession(read, write, elicitation_callback=ask) as session:
        hello = await session.initialize()
        check(hello.serverInfo.name == "toolyard", hello)
        await steps(
            f"python 1.x, {way}, {hello.protocolVersion}",
            lambda: session.list_tools(),
            lambda name, arguments: session.call_tool(name, arguments),
            lambda uri: session.read_resource(uri),
        )


async def main():
    program, workspace, plugins, url, token = sys.argv[1:]
    args = ["serve", "--workspace", workspace, "--plugins", plugins]
    async with stdio_client(StdioServerParameters(command=program, args=args, env=dict(os.environ))) as (read, write):
        await use("stdio", read, write)
    async with streamablehttp_client(url, headers={"Authorization": f"Bearer {token}"}) as (read, write, _):
        await use("http", read, write)


asyncio.run(main())
