"""What both majors of the Python client do: list, write, read, fail, ask, read a resource. It must not know how its client
is called."""

asked = []


def told(message):
    asked.append(message)


def check(holds, seen):
    if not holds:
        raise SystemExit(f"not as it should be: {seen!r}")


def either(result, *names):
    """An attribute under the name that this major has for it."""
    return next(getattr(result, name) for name in names if hasattr(result, name))


async def steps(who, list_tools, call, read):
    tools = {tool.name for tool in (await list_tools()).tools}
    check({"read_file", "write_file", "test_tool_with_progress"} <= tools, tools)

    wrote = await call("write_file", {"path": "note.txt", "content": who})
    check(not either(wrote, "is_error", "isError"), wrote)
    got = await call("read_file", {"path": "note.txt"})
    check(got.content[0].text == who, got)
    picture = await call("test_image_content", {})
    check(either(picture.content[0], "mime_type", "mimeType") == "image/png", picture)

    refused = await call("read_file", {"path": "../elsewhere"})
    check(either(refused, "is_error", "isError"), refused)

    asked.clear()
    allowed = await call("read_file", {"path": ".env"})
    check(allowed.content[0].text == "SECRET=x\n", allowed)
    check(len(asked) == 1 and ".env" in asked[0], asked)

    page = await read("toolyard://tools/read_file")
    check("claims" in page.contents[0].text, page)
    print(f"{who}: {len(tools)} tools, write, read, picture, refusal, question, resource")
