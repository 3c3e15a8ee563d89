"""Bytes that are no request, each of which is answered once and closed, and reaches no pod."""

from __future__ import annotations

OK = "Host: a\r\n"
MESSAGES: dict[str, bytes] = {
    name: text.encode("latin-1")
    for name, text in {
        "two framings": f"POST / HTTP/1.1\r\n{OK}Content-Length: 5\r\n"
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "two lengths": f"POST / HTTP/1.1\r\n{OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "an overflowing length": f"POST / HTTP/1.1\r\n{OK}"
        "Content-Length: 99999999999999999999\r\n\r\n",
        "a space before the colon": "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "no host": "GET / HTTP/1.1\r\nX-A: b\r\n\r\n",
        "a NUL": f"GET / HTTP/1.1\r\n{OK}X-A: \0\r\n\r\n",
        "noise": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        "a strange version": f"GET / HTTP/7.3\r\n{OK}\r\n",
        "an endless head": f"GET / HTTP/1.1\r\n{OK}X-Long: " + "x" * 70_000 + "\r\n\r\n",
        "an unknown coding": f"POST / HTTP/1.1\r\n{OK}Transfer-Encoding: zip\r\n\r\n",
        "two session ids": f"POST / HTTP/1.1\r\n{OK}Mcp-Session-Id: a\r\nMcp-Session-Id: b\r\n"
        "Connection: close\r\n\r\n",
    }.items()
}
