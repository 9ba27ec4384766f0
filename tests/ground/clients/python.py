"""Calls everything on the server with the official Python client: python.py 1|2 auto|legacy BIN CALLS

CALLS is a JSON list of [tool, arguments]. Prints one JSON object, which tests/it/mcp/clients.rs
checks. The client itself validates each result against the tool's output schema.
"""
import asyncio
import json
import os
import sys
from pathlib import Path

generation, mode, binary, calls = sys.argv[1:]
sys.path.insert(0, str(Path(__file__).parent.parent / f"mcp{generation}"))


async def walk_1():
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client
    from mcp.types import PromptReference

    server = StdioServerParameters(command=binary, args=["mcp"], env=dict(os.environ))
    async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
        started = await session.initialize()
        prompt = PromptReference(type="ref/prompt", name="migrate-service")
        seen = {
            "protocol": started.protocolVersion,
            "tools": [tool.name for tool in (await session.list_tools()).tools],
            "resources": [str(one.uri) for one in (await session.list_resources()).resources],
            "read": (await session.read_resource("vault://services/plex")).contents[0].text,
            "prompts": [one.name for one in (await session.list_prompts()).prompts],
            "completed": (await session.complete(prompt, {"name": "service", "value": "pl"})).completion.values,
        }
        results = [await session.call_tool(tool, arguments) for tool, arguments in json.loads(calls)]
        return seen | {"results": [one.content[0].text if one.isError else one.structuredContent for one in results]}


async def walk_2():
    from mcp import Client
    from mcp.client.stdio import StdioServerParameters
    from mcp.types import PromptReference

    server = StdioServerParameters(command=binary, args=["mcp"], env=dict(os.environ))
    async with Client(server, mode=mode) as client:
        prompt = PromptReference(type="ref/prompt", name="migrate-service")
        seen = {
            "protocol": client.protocol_version,
            "tools": [tool.name for tool in (await client.list_tools()).tools],
            "resources": [str(one.uri) for one in (await client.list_resources()).resources],
            "read": (await client.read_resource("vault://services/plex")).contents[0].text,
            "prompts": [one.name for one in (await client.list_prompts()).prompts],
            "completed": (await client.complete(prompt, {"name": "service", "value": "pl"})).completion.values,
        }
        results = [await client.call_tool(tool, arguments) for tool, arguments in json.loads(calls)]
        return seen | {"results": [one.content[0].text if one.is_error else one.structured_content for one in results]}


print(json.dumps(asyncio.run(walk_1() if generation == "1" else walk_2())))
