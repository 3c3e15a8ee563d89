"""What Ringside forwards, read by a second parser, is what was sent, and one message.

Requests are drawn by lot, some of them damaged; so are responses. The seed is printed: 1 unless
RINGSIDE_SEED says another. Every request that reaches the pod must be one that the second parser
also finds in the bytes of a client, and a client's answers must be those that the pod gave.
"""

import os
import random
import string
from collections import Counter

import h11
import pytest

from harness.deadlines import DEADLINE, SANITIZED
from harness.second_reader import Read, Reader, SecondPod, requests_in
from harness.wire import TooLate, encode

BATCHES = 150 if SANITIZED else 500  # of up to four requests
# Seconds: a client whose damaged request waits for more then ends its side. Nothing depends on it
# but how long the test takes.
IMPATIENCE = 0.2 if SANITIZED else 0.05

TOKEN = string.ascii_letters + string.digits + "!#$%&'*+-.^`|~"
VISIBLE = bytes(range(0x21, 0x7F)).decode() + "\xe4\xff"
PATH = "".join(one for one in VISIBLE if one.isascii() and one != "#")
METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"]
SNIPPETS = [
    b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b";", b",", b"_", b"\x7f", b"\xff", b"0", b"+",
    b"-", b"0x", b"chunked", b"Content-Length: 0\r\n", b"Content-Length: 7\r\n", b"\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: identity\r\n", b"Host: b\r\n",
    b"Connection: close\r\n", b"Connection: X-A, Host\r\n", b"0\r\n\r\n", b" folded\r\n",
    b"GET /other HTTP/1.1\r\nHost: b\r\n\r\n", b"HTTP/1.0", b"HTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n", b"http://b.example", b"99999999999999999999",
]  # fmt: skip


LAST = encode("GET /last HTTP/1.1", {"Host": "a", "Connection": "close"})


@pytest.fixture
def lot() -> random.Random:
    seed = int(os.environ.get("RINGSIDE_SEED", 1))
    print(f"RINGSIDE_SEED={seed}")
    return random.Random(seed)


# ---- messages by lot


def some(lot: random.Random, letters: str, least: int, most: int) -> str:
    return "".join(lot.choices(letters, k=lot.randint(least, most)))


def some_fields(lot: random.Random) -> list[tuple[str, str]]:
    fields = []
    for _ in range(lot.randrange(6)):
        value = " ".join(some(lot, VISIBLE, 1, 12) for _ in range(lot.randrange(4)))
        fields.append((f"X-{some(lot, TOKEN, 1, 10)}", value))
    if fields and lot.random() < 0.2:
        fields.append(("Connection", f"{fields[0][0]}, keep-alive"))
    if lot.random() < 0.1:
        fields.append(lot.choice([("TE", "trailers"), ("Keep-Alive", "5"), ("Via", "1.0 x")]))
    return fields


def some_body(lot: random.Random) -> bytes:
    return lot.randbytes(lot.choice([0, 1, 10, 300, 5000]))


def some_chunks(lot: random.Random, body: bytes, trailers: bool = True) -> bytes:
    sent = b""
    while body:
        size = lot.randint(1, len(body))
        extension = lot.choice([b"", b"", b";a", b';a="b c"'])
        sent += f"{size:0{lot.randint(1, 4)}x}".encode() + extension + b"\r\n"
        sent += body[:size] + b"\r\n"
        body = body[size:]
    end = lot.choice([b"", b"X-Sum: 1\r\nX-Other: a b\r\n"]) if trailers else b""
    return sent + b"0\r\n" + end + b"\r\n"


def some_request(lot: random.Random) -> bytes:
    method = lot.choice(METHODS)
    target = "/" + some(lot, PATH, 0, 20)
    if method == "OPTIONS" and lot.random() < 0.3:
        target = "*"
    elif lot.random() < 0.1:
        target = f"http://{lot.choice(['b.example', '127.0.0.1:80', '[::1]:80'])}{target}"
    fields = [("Host", lot.choice(["a.example", "a.example:8080"])), *some_fields(lot)]
    body = None if method in ("GET", "HEAD", "OPTIONS") else some_body(lot)
    if body is not None and lot.random() < 0.5:
        fields.append((lot.choice(["Transfer-Encoding", "transfer-encoding"]), "chunked"))
        body = some_chunks(lot, body)
    lot.shuffle(fields)
    return encode(f"{method} {target} HTTP/1.1", fields, body)


def damaged(lot: random.Random, data: bytes) -> bytes:
    """With one to three changes, mostly in its head."""
    for _ in range(lot.randint(1, 3)):
        reach = len(data) if lot.random() < 0.3 else min(len(data), data.find(b"\r\n\r\n") + 8)
        at = lot.randint(0, max(reach, 1))
        until = at + lot.choice([0, 0, 0, 1, 1, 2, 10])
        if lot.random() < 0.2:  # a line twice
            begin = data.rfind(b"\n", 0, at) + 1
            end = data.find(b"\n", at) + 1
            data = data[:end] + data[begin:end] + data[end:]
        else:
            data = data[:at] + lot.choice([*SNIPPETS, b""]) + data[until:]
    return data


def send_in_pieces(lot: random.Random, wire, data: bytes) -> None:
    while data:
        size = lot.choice([len(data), lot.randint(1, len(data))])
        wire.send_anyway(data[:size])
        data = data[size:]


# ---- requests


def numbered(read: Read, number: int) -> bytes:
    return encode("HTTP/1.1 200 OK", {"X-Number": str(number)}, b"")


def test_a_second_reader_reads_each_request_that_was_sent(ringside, lot):
    pod = SecondPod(numbered)
    proxy = ringside(pod)
    sent: list[Read] = []
    for batch in range(BATCHES):
        if batch % 20 == 0:
            wire = proxy.connect()
        requests = [some_request(lot) for _ in range(lot.randint(1, 4))]
        send_in_pieces(lot, wire, b"".join(requests))
        for request in requests:
            response = wire.read_response(request.split(b" ", 1)[0].decode())
            assert response.status == 200, (request, response.body)
            assert response.get("x-number") == str(len(sent)), request
            sent += requests_in(request)
            assert pod.seen[len(sent) - 1] == sent[-1], request
        if batch % 20 == 19:
            wire.close()
    proxy.stop()
    pod.join(DEADLINE)
    assert pod.faults == []
    assert pod.seen == sent


def test_a_damaged_request_reaches_no_pod_unless_a_second_reader_reads_the_same(ringside, lot):
    pod = SecondPod(numbered)
    proxy = ringside(pod)
    sent: Counter[Read] = Counter()
    batches: list[bytes] = []
    answered: list[str] = []
    for _ in range(BATCHES):
        requests = [some_request(lot) for _ in range(lot.randint(1, 3))]
        hurt = lot.randrange(len(requests))
        requests[hurt] = damaged(lot, requests[hurt])
        data = b"".join(requests) + LAST
        sent.update(requests_in(data))
        batches.append(data)
        wire = proxy.connect()
        send_in_pieces(lot, wire, data)
        answered += numbers_until_the_end(wire)
        wire.close()
    proxy.stop()
    pod.join(DEADLINE)
    assert pod.faults == []
    for read in Counter(pod.seen) - sent:
        marks = [read.start[1], *(value for _, value in read.fields)]
        data = [batch for batch in batches if all(mark in batch for mark in marks)]
        pytest.fail(f"reached the pod, and no second reader finds it: {read} in {data}")
    assert answered == sorted(set(answered), key=int), "an answer came twice, or out of order"
    assert len(answered) <= len(pod.seen)
    assert len(pod.seen) > BATCHES / 10, "nearly everything was refused: nothing is shown"


def numbers_until_the_end(wire) -> list[str]:
    """Of the pod's answers on this connection, until the proxy closes it."""
    wire.socket.settimeout(IMPATIENCE)
    received = b""
    while True:
        try:
            data = wire.receive()
        except TooLate:
            wire.socket.settimeout(DEADLINE)
            wire.half_close()
            continue
        except ConnectionResetError:
            break
        if not data:
            break
        received += data
    return [
        line.split(b" ")[1].decode()
        for line in received.split(b"\r\n")
        if line.startswith(b"X-Number: ")
    ]


# ---- responses


def some_response(lot: random.Random, method: bytes, closes: bool) -> bytes:
    status = lot.choice([200, 201, 202, 204, 304, 400, 404, 500, 599])
    start = f"HTTP/1.1 {status} {some(lot, VISIBLE + ' ', 0, 10)}"
    fields = [one for one in some_fields(lot) if one[0] != "TE"]
    fields += [("Connection", "close")] * closes
    body = b"" if status in (204, 304) or method == b"HEAD" else some_body(lot)
    if status == 204 or (status == 304 and lot.random() < 0.5):
        return encode(start, fields)
    if lot.random() < 0.5 and status != 304:
        fields.append(("Transfer-Encoding", "chunked"))
        body = b"" if method == b"HEAD" else some_chunks(lot, body)
    elif lot.random() < 0.2 and status != 304:
        fields += [("Connection", "close")] * (not closes)  # the body ends with the connection
        return encode(start, fields) + body
    else:
        fields.append(("Content-Length", str(len(body) or lot.randrange(9) * (method == b"HEAD"))))
    lot.shuffle(fields)
    interim = lot.choice([b"", b"", b"", b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n"])
    return interim + encode(start, fields, body)


class ByTarget:
    """Answers with what is waiting for the request's target."""

    def __init__(self) -> None:
        self.waiting: dict[bytes, bytes] = {}

    def __call__(self, read: Read, number: int) -> bytes:
        return self.waiting[read.start[1]]


def read_by_second(wire, method: bytes) -> tuple[Read | None, bytes]:
    """All that comes until the proxy closes: the response, None when it is cut off; and what is
    behind it. Interim ones are no part of it."""
    reader = Reader(h11.CLIENT)
    try:
        while data := wire.receive():
            reader.feed(data)
        reader.feed(b"")
        return reader.next(method), reader.left
    except ConnectionResetError:
        return None, b""
    except h11.RemoteProtocolError as fault:
        if not str(fault).startswith("peer "):  # closed too early
            raise
        return None, b""


def meant(data: bytes, method: bytes) -> Read | None:
    """What a pod's bytes, and then the end of its connection, say to the second reader."""
    reader = Reader(h11.CLIENT)
    reader.feed(data)
    reader.feed(b"")
    try:
        return reader.next(method)
    except h11.RemoteProtocolError:
        return None


@pytest.mark.parametrize("is_damaged", [False, True])
def test_a_second_reader_reads_each_response_as_the_pod_meant_it(ringside, lot, is_damaged):
    """A damaged one may be refused with 502, or cut off; it is never read otherwise, and never
    puts bytes behind its end."""
    answers = ByTarget()
    pod = SecondPod(answers)
    pod.closes_always = is_damaged  # so that nobody waits for what does not come
    proxy = ringside(pod)
    passed = 0
    for number in range(BATCHES * 2):
        method, target = lot.choice([b"GET", b"POST", b"HEAD"]), f"/{number}"
        data = some_response(lot, method, is_damaged)
        data = damaged(lot, data) if is_damaged else data
        answers.waiting[target.encode()] = data
        expected = meant(data, method)
        wire = proxy.connect()
        wire.request(method.decode(), target, {"Connection": "close"})
        read, behind = read_by_second(wire, method)
        wire.close()
        assert behind == b"", data
        assert is_damaged or read == expected, data
        if read is not None and read.start != (b"502",):
            assert read == expected, data
            passed += 1
    proxy.stop()
    pod.join(DEADLINE)
    assert pod.faults == []
    assert passed > BATCHES / 10, "nearly everything was refused: nothing is shown"
