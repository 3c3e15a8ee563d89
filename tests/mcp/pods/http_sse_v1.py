"""A pod of HTTP+SSE, the transport of 2024-11-05, on the Python SDK 1.x, with Streamable HTTP on
the same port."""

from pod import listen
from server_v1 import server

app = server.streamable_http_app()
app.router.routes.extend(server.sse_app().routes)  # /sse, and /messages/ for the POSTs
listen(app)
