"""A pod on the Python SDK 1.x; sessions are the SDK's own session manager's."""

from tools_v1 import listen, server

listen(server.streamable_http_app())
