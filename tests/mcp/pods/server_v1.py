"""The server of the pods on the Python SDK 1.x."""

from operator import attrgetter
from weakref import WeakKeyDictionary

from mcp.server.fastmcp import Context, FastMCP
from pod import add_tools, options

server = FastMCP(options.name, log_level="ERROR")
add_tools(server, Context, attrgetter("session"), WeakKeyDictionary())
