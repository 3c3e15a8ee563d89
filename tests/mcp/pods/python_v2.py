"""A pod on the Python SDK 2.x, of both eras on one port; sessions are the SDK's own session
manager's."""

from mcp.server.mcpserver import Context, MCPServer
from pod import add_tools, listen, options


def session_of(context: Context) -> str:
    return context.headers.get("mcp-session-id", "")


server = MCPServer(options.name, log_level="ERROR")
add_tools(server, Context, session_of, counts={})
listen(server.streamable_http_app())
