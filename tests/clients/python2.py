"""The official Python client, 2.x: the revision without a handshake, and those with one, over both transports. It must not
take a step for done that it has not seen the answer of.

    python2.py PROGRAM WORKSPACE PLUGINS URL TOKEN
"""

import asyncio
import os
import sys

import httpx2
import mcp
from mcp import types
from mcp.client.streamable_http import streamable_http_client

from steps import check, steps, told


async def ask(context, params):
    told(params.message)
    return types.ElicitResult(action="accept", content={"allow": "once"})


async def use(way, server, mode):
    async with mcp.Client(server, elicitation_callback=ask, mode=mode) as client:
        check(client.server_info.name == "toolyard", client.server_info)
        await steps(
            f"python 2.x, {way}, {client.protocol_version}",
            lambda: client.list_tools(),
            lambda name, arguments: client.call_tool(name, arguments),
            lambda uri: client.read_resource(uri),
        )


async def main():
    program, workspace, plugins, url, token = sys.argv[1:]
    args = ["serve", "--workspace", workspace, "--plugins", plugins]
    for mode in ["auto", "legacy"]:
        await use("stdio", mcp.StdioServerParameters(command=program, args=args, env=dict(os.environ)), mode)
        async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}) as http:
            await use("http", streamable_http_client(url, http_client=http), mode)


asyncio.run(main())
