#include "http/writer.h"

#include <catch2/catch_test_macros.hpp>
#include <string>

#include "record.h"

namespace ringside::http {
namespace {

constexpr ForwardedBy kUntrusted{.peer = "10.0.0.9", .protocol = "http", .peer_is_trusted = false};
constexpr ForwardedBy kTrusted{.peer = "10.0.0.9", .protocol = "http", .peer_is_trusted = true};

// Parses a request and writes it for the endpoint; with `after`, what follows the fields is cut
// off.
std::string rewritten(std::string_view bytes, const ForwardedBy& forwarded = kUntrusted) {
  struct Writer : Record {
    bool on_request_head(const RequestHead& head) override {
      write_request_head(out, head, *forwarded_by);
      return true;
    }
    std::string out;
    const ForwardedBy* forwarded_by = nullptr;
  } writer;
  writer.forwarded_by = &forwarded;
  ParseScratch scratch;
  RequestParser parser(scratch, kHeaderBytes);
  REQUIRE(parser.feed(bytes, writer).status != Fed::Status::fault);
  return writer.out;
}

std::string rewritten_response(std::string_view bytes, const ResponseShape& shape,
                               Method answered = Method::post) {
  struct Writer : Record {
    bool on_response_head(const ResponseHead& head) override {
      write_response_head(out, head, *shaped);
      return true;
    }
    std::string out;
    const ResponseShape* shaped = nullptr;
  } writer;
  writer.shaped = &shape;
  ParseScratch scratch;
  ResponseParser parser(scratch, kHeaderBytes);
  parser.expect_response_to(answered, false);
  REQUIRE(parser.feed(bytes, writer).status != Fed::Status::fault);
  return writer.out;
}

bool has(std::string_view head, std::string_view line) {
  return head.find("\r\n" + std::string(line) + "\r\n") != std::string_view::npos;
}

bool names(std::string_view head, std::string_view name) {
  return head.find("\r\n" + std::string(name) + ":") != std::string_view::npos;
}

TEST_CASE("request writer: the whole of an ordinary head") {
  CHECK(rewritten("POST /mcp?a=b HTTP/1.1\r\nHost: a.example\r\nAccept: */*\r\n"
                  "Mcp-Session-Id: s1\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\n") ==
        "POST /mcp?a=b HTTP/1.1\r\n"
        "Host: a.example\r\n"
        "Accept: */*\r\n"
        "Mcp-Session-Id: s1\r\n"
        "Content-Length: 2\r\n"
        "via: 1.1 ringside\r\n"
        "x-forwarded-for: 10.0.0.9\r\n"
        "x-forwarded-proto: http\r\n"
        "x-forwarded-host: a.example\r\n"
        "\r\n");
}

TEST_CASE("request writer: fields keep their order, spelling, repetition and bytes (64, 77)") {
  const std::string head = rewritten(
      "POST / HTTP/1.1\r\nHost: a\r\nMcp-Param-X: =?base64?YQ==?=\r\nOrigin: http://o\r\n"
      "mcp-NAME: n\r\nMcp-Name: n\r\nAuthorization: Bearer  x\r\nMcp-New: \xc3\xa9\r\n\r\n");
  CHECK(head.find("\r\nMcp-Param-X: =?base64?YQ==?=\r\nOrigin: http://o\r\nmcp-NAME: n\r\n"
                  "Mcp-Name: n\r\nAuthorization: Bearer  x\r\nMcp-New: \xc3\xa9\r\n") !=
        std::string::npos);
}

TEST_CASE("request writer: hop-by-hop fields stay behind, and those that Connection names") {
  const std::string head = rewritten(
      "POST / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Mine\r\nKeep-Alive: 5\r\n"
      "Proxy-Connection: x\r\nProxy-Authorization: x\r\nTE: trailers\r\nUpgrade: h2c\r\n"
      "connection: x-too\r\nX-Mine: 1\r\nX-Too: 2\r\nX-Stays: 3\r\n\r\n");
  for (const std::string_view name : {"Connection", "connection", "Keep-Alive", "Proxy-Connection",
                                      "Proxy-Authorization", "TE", "Upgrade", "X-Mine", "X-Too"}) {
    INFO(name);
    CHECK_FALSE(names(head, name));
  }
  CHECK(has(head, "X-Stays: 3"));
}

TEST_CASE("request writer: Connection may name many, in any order and more than once") {
  std::string named = "X-Last";
  for (char letter = 'z'; letter >= 'a'; --letter) named += std::string(", ,x-") + letter + ",A";
  const std::string head = rewritten("GET / HTTP/1.1\r\nHost: a\r\nConnection: " + named +
                                     "\r\nX-M: 1\r\nx-LAST: 2\r\na: 3\r\nX-MM: 4\r\nX-: 5\r\n\r\n");
  for (const std::string_view name : {"X-M", "x-LAST", "a"}) CHECK_FALSE(names(head, name));
  CHECK(has(head, "X-MM: 4\r\nX-: 5"));
}

TEST_CASE("request writer: WebSocket is asked for in the proxy's own words") {
  const std::string head = rewritten(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Mine, Upgrade\r\nUpgrade: WebSocket\r\n"
      "X-Mine: 1\r\n\r\n");
  CHECK(has(head, "connection: Upgrade\r\nupgrade: websocket"));
  CHECK_FALSE(names(head, "Connection"));
  CHECK_FALSE(names(head, "X-Mine"));
}

TEST_CASE("request writer: Max-Forwards of an OPTIONS is one less, and of nothing else") {
  CHECK(has(rewritten("OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-forwards: 010\r\n\r\n"),
            "Max-forwards: 9"));
  CHECK(has(rewritten("GET / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n"), "Max-Forwards: 0"));
}

TEST_CASE("request writer: Expect passes from HTTP/1.1 on") {
  CHECK(has(rewritten("POST / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n"), "Expect: x"));
  CHECK_FALSE(
      names(rewritten("POST / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\n\r\n"), "Expect"));
}

TEST_CASE("request writer: Connection cannot take away what the message needs") {
  const std::string head = rewritten(
      "POST / HTTP/1.1\r\nHost: a\r\nConnection: host, content-length, mcp-session-id,"
      " mcp-protocol-version\r\nContent-Length: 1\r\nMcp-Session-Id: s\r\n"
      "Mcp-Protocol-Version: 2025-11-25\r\n\r\n");
  CHECK(has(head, "Host: a"));
  CHECK(has(head, "Content-Length: 1"));
  CHECK(has(head, "Mcp-Session-Id: s"));
  CHECK(has(head, "Mcp-Protocol-Version: 2025-11-25"));
}

TEST_CASE("request writer: Connection cannot take away what requests are routed by") {
  const std::vector<std::string> routed_by{"x-room", "X_Table"};
  const ForwardedBy forwarded{
      .peer = "10.0.0.9", .protocol = "http", .peer_is_trusted = false, .routed_by = routed_by};
  const std::string head = rewritten(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Room, x_table, mcp-param-a, authorization,"
      " origin, cookie, x-mine\r\nx-ROOM: 1\r\nx_table: 2\r\nMcp-Param-A: 3\r\n"
      "Authorization: 4\r\nOrigin: 5\r\nCookie: 6\r\nX-Mine: 7\r\n\r\n",
      forwarded);
  for (const std::string_view line : {"x-ROOM: 1", "x_table: 2", "Mcp-Param-A: 3",
                                      "Authorization: 4", "Origin: 5", "Cookie: 6"}) {
    INFO(line);
    CHECK(has(head, line));
  }
  CHECK_FALSE(names(head, "X-Mine"));
}

TEST_CASE("request writer: there is one framing field, that of the parsed framing") {
  const std::string chunked =
      rewritten("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\nX: y\r\n\r\n");
  CHECK(has(chunked, "Transfer-Encoding: chunked"));
  CHECK_FALSE(names(chunked, "Content-Length"));
  const std::string length = rewritten("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 007\r\n\r\n");
  CHECK(has(length, "Content-Length: 7"));
  const std::string none = rewritten("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(none.find("ength") == std::string::npos);
  CHECK(none.find("ncoding") == std::string::npos);
}

TEST_CASE("request writer: an absolute-form target leaves as path and Host") {
  const std::string head = rewritten("GET http://b.example/p HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(head.starts_with("GET /p HTTP/1.1\r\nHost: b.example\r\n"));
}

TEST_CASE("request writer: an HTTP/1.0 request leaves as 1.1 with a Host, and Via says 1.0") {
  const std::string head = rewritten("GET / HTTP/1.0\r\n\r\n");
  CHECK(head.starts_with("GET / HTTP/1.1\r\nhost: "));
  CHECK(has(head, "via: 1.0 ringside"));
}

TEST_CASE("request writer: an earlier Via stays before ours") {
  const std::string head = rewritten("GET / HTTP/1.1\r\nHost: a\r\nVia: 1.1 first\r\n\r\n");
  const std::size_t first = head.find("Via: 1.1 first");
  REQUIRE(first != std::string::npos);
  CHECK(head.find("via: 1.1 ringside") > first);
}

TEST_CASE("request writer: what an untrusted peer says of forwarding is replaced (77)") {
  const std::string head = rewritten(
      "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\n"
      "X-Forwarded-Host: evil\r\nForwarded: for=6.6.6.6\r\n\r\n");
  CHECK(head.find("6.6.6.6") == std::string::npos);
  CHECK(head.find("evil") == std::string::npos);
  CHECK(head.find("https") == std::string::npos);
  CHECK(has(head, "x-forwarded-for: 10.0.0.9"));
}

TEST_CASE("request writer: a trusted peer's list goes on, its host and protocol stay") {
  const std::string head = rewritten(
      "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 10.0.0.8\r\n"
      "X-Forwarded-Proto: https\r\nX-Forwarded-Host: shop\r\nForwarded: for=1.2.3.4\r\n\r\n",
      kTrusted);
  CHECK(has(head, "x-forwarded-for: 1.2.3.4, 10.0.0.8, 10.0.0.9"));
  CHECK(has(head, "X-Forwarded-Proto: https"));
  CHECK(has(head, "X-Forwarded-Host: shop"));
  CHECK(has(head, "Forwarded: for=1.2.3.4"));
  CHECK_FALSE(names(head, "x-forwarded-proto"));
  CHECK_FALSE(names(head, "x-forwarded-host"));
}

TEST_CASE("request writer: what it writes is read again as the same request") {
  const std::string out =
      rewritten("POST /mcp HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nX-Empty:\r\n\r\n");
  CHECK(requests_in({out, "0\r\n\r\n"}) ==
        "request POST /mcp authority=a 1.1 keep chunked [Host|a] [Transfer-Encoding|chunked]"
        " [X-Empty|] [via|1.1 ringside] [x-forwarded-for|10.0.0.9] [x-forwarded-proto|http]"
        " [x-forwarded-host|a]\ncomplete ");
}

TEST_CASE("response writer: fields pass as they came, hop-by-hop ones aside") {
  CHECK(rewritten_response("HTTP/1.1 200 Fine\r\nServer: node\r\nConnection: keep-alive, X-Mine\r\n"
                           "Keep-Alive: timeout=5\r\nX-Mine: 1\r\nMcp-Session-Id: s\r\n"
                           "Transfer-Encoding: chunked\r\nset-cookie: a\r\nset-cookie: b\r\n\r\n",
                           {.framing = {Framing::Kind::chunked, 0}}) ==
        "HTTP/1.1 200 Fine\r\nServer: node\r\nMcp-Session-Id: s\r\nTransfer-Encoding: chunked\r\n"
        "set-cookie: a\r\nset-cookie: b\r\n\r\n");
}

TEST_CASE("response writer: the framing is the shape's, whatever the pod's was") {
  const std::string_view endless = "HTTP/1.1 200 OK\r\nX: y\r\n\r\n";
  CHECK(rewritten_response(endless, {.framing = {Framing::Kind::chunked, 0}}) ==
        "HTTP/1.1 200 OK\r\nX: y\r\ntransfer-encoding: chunked\r\n\r\n");
  CHECK(rewritten_response(endless, {.framing = {Framing::Kind::until_close, 0}, .close = true}) ==
        "HTTP/1.1 200 OK\r\nX: y\r\nconnection: close\r\n\r\n");
  const std::string_view chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  CHECK(rewritten_response(chunked, {.framing = {Framing::Kind::until_close, 0}, .close = true}) ==
        "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
  CHECK(rewritten_response("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n",
                           {.framing = {Framing::Kind::length, 3}, .keep_alive = true}) ==
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nconnection: keep-alive\r\n\r\n");
}

TEST_CASE("response writer: the length of an answer without a body stays where it is information") {
  CHECK(has(rewritten_response("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", {.bodiless = true},
                               Method::head),
            "Content-Length: 5"));
  CHECK(has(rewritten_response("HTTP/1.1 304 M\r\nContent-Length: 5\r\n\r\n", {.bodiless = true}),
            "Content-Length: 5"));
  CHECK_FALSE(names(rewritten_response("HTTP/1.1 204 N\r\nContent-Length: 5\r\n\r\n", {}),
                    "Content-Length"));
}

TEST_CASE("response writer: an empty reason leaves a line that is read again") {
  const std::string out = rewritten_response("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
                                             {.framing = {Framing::Kind::length, 0}});
  CHECK(out.starts_with("HTTP/1.1 200 \r\n"));
  CHECK(responses_in({out}).ends_with("complete "));
}

TEST_CASE(
    "chunk writer: sizes are hexadecimal, the last chunk carries the trailers that may pass") {
  std::string out;
  write_chunk_size(out, 0x1f);
  out += std::string(0x1f, 'x');
  out += kChunkEnd;
  write_chunk_size(out, UINT64_MAX);
  CHECK(out == "1f\r\n" + std::string(0x1f, 'x') + "\r\nffffffffffffffff\r\n");

  const auto last_chunk = [](std::initializer_list<std::string_view> names) {
    std::vector<Field> trailers;
    for (const std::string_view name : names) trailers.push_back({name, "v", field_id(name)});
    std::string text;
    write_last_chunk(text, trailers);
    return text;
  };
  CHECK(last_chunk({}) == "0\r\n\r\n");
  CHECK(last_chunk({"X-Sum", "Host", "Content-Length", "Transfer-Encoding", "Connection", "Trailer",
                    "X-Forwarded-For", "Mcp-Session-Id", "Grpc-Status"}) ==
        "0\r\nX-Sum: v\r\nGrpc-Status: v\r\n\r\n");
  CHECK(last_chunk({"Authorization", "Cookie", "mcp-param-x", "Via", "X-Sum"}) ==
        "0\r\nX-Sum: v\r\n\r\n");
}

TEST_CASE("is_hop_by_hop: it follows the Connection fields beside it") {
  const std::vector<Field> fields{{"Connection", "X-Mine", FieldId::connection},
                                  {"X-Mine", "1", FieldId::other},
                                  {"X-Other", "1", FieldId::other}};
  CHECK(is_hop_by_hop(fields[0], fields));
  CHECK(is_hop_by_hop(fields[1], fields));
  CHECK_FALSE(is_hop_by_hop(fields[2], fields));
}

}  // namespace
}  // namespace ringside::http
