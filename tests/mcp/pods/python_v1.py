"""A pod on the Python SDK 1.x; sessions are the SDK's own session manager's."""

from pod import listen
from server_v1 import server

listen(server.streamable_http_app())
