"""The cookie of mode `cookie`, made and read from outside, as session/cookie.h says it is."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from http.cookies import Morsel, SimpleCookie

from harness.wire import Message

_EPOCH = 1577836800  # 2020-01-01


def _mac(key: bytes, text: bytes) -> bytes:
    return hmac.new(key, text, hashlib.sha256).digest()


def cookie_for(endpoint: str, key: str, left: int) -> str:
    """The value of a cookie that names this endpoint for `left` more seconds."""
    code = _mac(_mac(key.encode(), b"ringside endpoint"), endpoint.encode())[:6]
    signed = code + (int(time.time()) - _EPOCH + left).to_bytes(4, "big")
    mac = _mac(_mac(key.encode(), b"ringside cookie"), signed)[:10]
    return base64.urlsafe_b64encode(signed + mac).decode().rstrip("=")


def seconds_left(value: str) -> float:
    raw = base64.urlsafe_b64decode(value + "=")
    return _EPOCH + int.from_bytes(raw[6:10], "big") - time.time()


def set_by(response: Message, name: str = "ringside") -> Morsel | None:
    """What the response sets this cookie to; set twice fails the test."""
    set_here = [SimpleCookie(value) for value in response.all("set-cookie")]
    ours = [cookie[name] for cookie in set_here if name in cookie]
    assert len(ours) <= 1, response.raw_head
    return ours[0] if ours else None
