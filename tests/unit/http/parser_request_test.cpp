#include <catch2/catch_test_macros.hpp>
#include <string>

#include "base/limits.h"
#include "record.h"

namespace ringside::http {
namespace {

std::string with_fields(std::string_view fields) {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}

TEST_CASE("request parser: a head is told with its parts, fields in order, values trimmed") {
  CHECK(requests_in({"POST /mcp?a=b HTTP/1.1\r\nHost: h:80\r\nX-One:  1 \t\r\n"
                     "content-length: 2\r\nX-One: 2\r\n\r\nhi"}) ==
        "request POST /mcp?a=b authority=h:80 1.1 keep length=2"
        " [Host|h:80] [X-One|1] [content-length|2] [X-One|2]\n"
        "body hi\n"
        "complete ");
}

TEST_CASE("request parser: an absolute-form target overrules the Host field") {
  CHECK(requests_in({"GET http://b.example:81/p?q HTTP/1.1\r\nHost: a\r\n\r\n"}) ==
        "request GET /p?q authority=b.example:81 1.1 keep none [Host|a]\ncomplete ");
  CHECK(requests_in({"GET HTTP://b HTTP/1.1\r\nHost: a\r\n\r\n"}) ==
        "request GET / authority=b 1.1 keep none [Host|a]\ncomplete ");
  CHECK(requests_in({"OPTIONS http://b HTTP/1.1\r\nHost: a\r\n\r\n"}) ==
        "request OPTIONS * authority=b 1.1 keep none [Host|a]\ncomplete ");
}

TEST_CASE("request parser: keep-alive follows the version and Connection") {
  const auto keeps = [](std::string_view version, std::string_view fields) {
    const std::string bytes =
        "GET / HTTP/" + std::string(version) + "\r\nHost: a\r\n" + std::string(fields) + "\r\n";
    return requests_in({bytes}).find(" keep ") != std::string::npos;
  };
  CHECK(keeps("1.1", ""));
  CHECK(keeps("1.1", "Connection: keep-alive\r\n"));
  CHECK_FALSE(keeps("1.1", "Connection: close\r\n"));
  CHECK_FALSE(keeps("1.1", "Connection: x, Close\r\n"));
  CHECK_FALSE(keeps("1.0", ""));
  CHECK(keeps("1.0", "Connection: keep-alive\r\n"));
}

TEST_CASE("request parser: an upgrade is an ordinary request, and its bytes are not skipped") {
  CHECK(
      requests_in({"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
                   "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n"})
          .find("request GET /2") != std::string::npos);
}

TEST_CASE("request parser: WebSocket is asked for by a plain GET that names nothing else") {
  const auto asks = [](std::string_view line, std::string_view fields) {
    const std::string bytes = std::string(line) + "\r\nHost: a\r\n" + std::string(fields) + "\r\n";
    return requests_in({bytes}).find(" websocket ") != std::string::npos;
  };
  constexpr std::string_view kGet = "GET / HTTP/1.1";
  CHECK(asks(kGet, "Connection: upgrade\r\nUpgrade: websocket\r\n"));
  CHECK(asks(kGet, "connection: keep-alive , UPGRADE\r\nupgrade: WebSocket\r\n"));
  CHECK(asks(kGet, "Connection: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"));
  for (const std::string_view fields :
       {"Upgrade: websocket\r\n", "Connection: upgrade\r\n",
        "Connection: x-upgrade\r\nUpgrade: websocket\r\n",
        "Connection: upgrade\r\nUpgrade: h2c\r\n",
        "Connection: upgrade\r\nUpgrade: websocket, h2c\r\n",
        "Connection: upgrade\r\nUpgrade: h2c, websocket\r\n",
        "Connection: upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n",
        "Connection: upgrade\r\nUpgrade: websocket\r\nUpgrade: websocket\r\n",
        "Connection: upgrade\r\nUpgrade: websocket/13\r\n",
        "Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n",
        "Connection: upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n"}) {
    INFO(fields);
    CHECK_FALSE(asks(kGet, fields));
  }
  CHECK_FALSE(asks("GET / HTTP/1.0", "Connection: upgrade\r\nUpgrade: websocket\r\n"));
  CHECK_FALSE(asks("POST / HTTP/1.1", "Connection: upgrade\r\nUpgrade: websocket\r\n"));
}

TEST_CASE("request parser: Expect counts from HTTP/1.1 on") {
  CHECK(
      requests_in({"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n\r\n"}).find(" expects") !=
      std::string::npos);
  CHECK(
      requests_in({"PUT / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\n\r\n"}).find(" expects") ==
      std::string::npos);
}

TEST_CASE("request parser: another version of HTTP, and what is no HTTP, is refused") {
  CHECK(request_fault("GET / HTTP/2.0\r\nHost: a\r\n\r\n") == ParseFault::version);
  CHECK(request_fault("GET / HTTP/0.9\r\nHost: a\r\n\r\n") == ParseFault::version);
  CHECK(request_fault("GET / HTTP/1.9\r\nHost: a\r\n\r\n") == ParseFault::version);
  CHECK(request_fault("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == ParseFault::version);
  for (const std::string_view bytes :
       {"GET /\r\n\r\n", "get / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / http/1.1\r\nHost: a\r\n\r\n",
        "\x16\x03\x01\x02", "HTTP/1.1 200 OK\r\n\r\n", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n", "OPTIONS / RTSP/1.0\r\nHost: a\r\n\r\n",
        "SOURCE / ICE/1.0\r\nHost: a\r\n\r\n"}) {
    INFO(bytes);
    CHECK(request_fault(bytes) != ParseFault::none);
  }
}

TEST_CASE("request parser: CONNECT is refused as a method") {
  CHECK(request_fault("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n") == ParseFault::method);
}

TEST_CASE("request parser: a target is a path, an http URI, or * for OPTIONS") {
  for (const std::string_view target : {"*", "a", "https://a/", "ftp://a/", "http://", "http:///x",
                                        "http://u@a/", "http://a?q", "/a#b", "//\x01", "?q"}) {
    INFO(target);
    CHECK(request_fault("GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n\r\n") !=
          ParseFault::none);
  }
  CHECK(request_fault("GET //a/../b%2e?x=/y HTTP/1.1\r\nHost: a\r\n\r\n") == ParseFault::none);
}

TEST_CASE("request parser: HTTP/1.1 has exactly one Host, of a host's bytes") {
  CHECK(request_fault("GET / HTTP/1.1\r\n\r\n") == ParseFault::host);
  CHECK(request_fault("GET http://a/ HTTP/1.1\r\n\r\n") == ParseFault::host);
  CHECK(request_fault("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n") == ParseFault::host);
  CHECK(request_fault("GET / HTTP/1.0\r\nHost: a\r\nhost: a\r\n\r\n") == ParseFault::host);
  CHECK(request_fault("GET / HTTP/1.0\r\n\r\n") == ParseFault::none);
  for (const std::string_view host : {"a b", "a,b", "a/b", "u@a"}) {
    INFO(host);
    CHECK(request_fault("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n") ==
          ParseFault::host);
  }
  // an absolute-form target becomes the Host field: the same bytes count
  CHECK(request_fault("GET http://a,b/ HTTP/1.1\r\nHost: a\r\n\r\n") == ParseFault::target);
  CHECK(request_fault("GET http://a,b/ HTTP/1.0\r\n\r\n") == ParseFault::target);
}

// Each of these has been a way to make two servers see different requests in the same bytes.
TEST_CASE("request parser: framing that two readers could read differently is refused") {
  for (const std::string_view fields : {
           "Content-Length: 1\r\nContent-Length: 1\r\n",
           "Content-Length: 1\r\nContent-Length: 2\r\n",
           "Content-Length: 1, 1\r\n",
           "Content-Length: +1\r\n",
           "Content-Length: -1\r\n",
           "Content-Length: 0x1\r\n",
           "Content-Length: 1 1\r\n",
           "Content-Length:\r\n",
           "Content-Length: 18446744073709551616\r\n",
           "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
           "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n",
           "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
           "Transfer-Encoding: chunked, chunked\r\n",
           "Transfer-Encoding: gzip, chunked\r\n",
           "Transfer-Encoding: chunked, gzip\r\n",
           "Transfer-Encoding: chunked;q=1\r\n",
           "Transfer-Encoding: xchunked\r\n",
           "Transfer-Encoding: \"chunked\"\r\n",
           "Transfer-Encoding: identity\r\n",
           "Transfer-Encoding:\r\n",
           "Transfer-Encoding:\r\nContent-Length: 1\r\n",
           "Transfer-Encoding: \vchunked\r\n",
           "Transfer-Encoding : chunked\r\n",
           "Transfer-Encoding\r\n : chunked\r\n",
           "Content-Length : 1\r\n",
           "Content-Length: 1\nTransfer-Encoding: chunked\r\n",
           "X: y\r\n Transfer-Encoding: chunked\r\n",
           "Transfer-Encoding: chun\r\n ked\r\n",
           "X: y\rTransfer-Encoding: chunked\r\n",
       }) {
    INFO(fields);
    CHECK(request_fault(with_fields(fields)) != ParseFault::none);
  }
  CHECK(request_fault("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n") ==
        ParseFault::framing);
  CHECK(request_fault(with_fields("Transfer-Encoding: CHUNKED\r\n")) == ParseFault::none);
}

TEST_CASE("request parser: a transfer coding besides chunked has its own fault") {
  CHECK(request_fault(with_fields("Transfer-Encoding: gzip, chunked\r\n")) ==
        ParseFault::transfer_coding);
}

TEST_CASE("request parser: chunks are strict hexadecimal with strict line ends") {
  const std::string head = with_fields("Transfer-Encoding: chunked\r\n");
  for (const std::string_view body :
       {"x\r\n", "-1\r\n", "0x1\r\na\r\n0\r\n\r\n", "1\na\r\n0\r\n\r\n", "1\r\nab\r\n0\r\n\r\n",
        " 1\r\na\r\n0\r\n\r\n", "1 \r\na\r\n0\r\n\r\n", "\r\n", "1\r\na0\r\n\r\n",
        "1\r\na\n0\r\n\r\n", "10000000000000000\r\n", "1;\na\r\n", "0\r\nX: y\n\r\n",
        "0\r\n y\r\n\r\n"}) {
    INFO(body);
    CHECK(request_fault(head + std::string(body)) != ParseFault::none);
  }
}

TEST_CASE("request parser: names are tokens, values have no control bytes but the tab") {
  using namespace std::string_view_literals;
  for (const std::string_view field :
       {": v\r\n"sv, "a b: v\r\n"sv, "a(b: v\r\n"sv, "a\0: v\r\n"sv, "\xc3\xa9: v\r\n"sv,
        "a: \0\r\n"sv, "a: \x01\r\n"sv, "a: \x7f\r\n"sv, "a\r\n"sv, "a: b\rc\r\n"sv}) {
    INFO(field);
    CHECK(request_fault(with_fields(field)) != ParseFault::none);
  }
  CHECK(request_fault(with_fields("a: b\tc \xc3\xa9\r\n")) == ParseFault::none);
}

TEST_CASE("request parser: a whole head past the limit is told so and can be answered in place") {
  const std::string large =
      "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(kHeaderBytes, 'x') + "\r\n\r\n";
  const std::string text = requests_in({large, "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n"});
  CHECK(text.find(" too_large") != std::string::npos);
  CHECK(text.find("request GET /2") != std::string::npos);
  const std::string small = "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n";
  CHECK(requests_in({small}).find("too_large") == std::string::npos);
}

// Feeds `begin`, then `more` again and again until the parser has enough, and says what it held.
ParseFault fault_of_endless(std::string_view begin, std::string_view more) {
  ParseScratch scratch;
  RequestParser parser(scratch, kHeaderBytes);
  Record record;
  std::size_t total = begin.size();
  Fed fed = parser.feed(begin, record);
  while (fed.status == Fed::Status::more && total < 1024 * 1024) {
    fed = parser.feed(more, record);
    total += more.size();
  }
  CHECK(total <= kHeaderBytes + kReadBufferBytes + more.size() + begin.size());
  return fed.status == Fed::Status::fault ? parser.fault() : ParseFault::none;
}

TEST_CASE("request parser: a head, a target or a trailer section without end is cut off") {
  const std::string kib(1024, 'x');
  CHECK(fault_of_endless("GET / HTTP/1.1\r\nHost: a\r\nX: ", kib) == ParseFault::head_too_large);
  CHECK(fault_of_endless("GET / HTTP/1.1\r\nHost: a\r\nX", kib) == ParseFault::head_too_large);
  CHECK(fault_of_endless("GET /", kib) == ParseFault::target_too_long);
  CHECK(fault_of_endless("GET / HTTP/1.1\r\nHost: a\r\n", "X: y\r\n") ==
        ParseFault::head_too_large);
  CHECK(fault_of_endless("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ",
                         kib) == ParseFault::head_too_large);
}

TEST_CASE("request parser: a trailer section has the bound of a head, also in one piece") {
  const auto with_trailers = [](std::size_t size) {
    const std::string value(size - std::string_view("X: ").size(), 'x');
    return "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: " + value +
           "\r\n\r\n";
  };
  CHECK(request_fault(with_trailers(kHeaderBytes)) == ParseFault::none);
  CHECK(request_fault(with_trailers(kHeaderBytes + 1)) == ParseFault::head_too_large);
}

TEST_CASE("request parser: a chunk extension without end is cut off") {
  const std::string begin = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;";
  CHECK(fault_of_endless(begin, std::string(1024, 'x')) == ParseFault::head_too_large);
}

TEST_CASE("request parser: so many fields and no more") {
  const auto with_count = [](std::size_t count) {
    std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (std::size_t i = 1; i < count; ++i) bytes += "a: b\r\n";
    return bytes + "\r\n";
  };
  CHECK(request_fault(with_count(kFieldsMax)) == ParseFault::none);
  CHECK(request_fault(with_count(kFieldsMax + 1)) == ParseFault::head_too_large);
}

TEST_CASE("request parser: a sink that stops the parser hears no more of the message") {
  struct Stopper : Record {
    bool on_request_head(const RequestHead&) override { return false; }
  } stopper;
  ParseScratch scratch;
  RequestParser parser(scratch, kHeaderBytes);
  const Fed fed = parser.feed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", stopper);
  CHECK(fed.status == Fed::Status::stopped);
  CHECK(stopper.text().empty());
}

TEST_CASE("request parser: it tells whether the name of a field has an underscore") {
  struct Flag : Record {
    bool on_request_head(const RequestHead& head) override {
      found = head.has_underscores;
      return true;
    }
    bool found = false;
  };
  const auto has = [](const std::string& name) {
    Flag flag;
    ParseScratch scratch;
    RequestParser parser(scratch, kHeaderBytes);
    parser.feed("GET / HTTP/1.1\r\nHost: a\r\n" + name + ": a_b\r\n\r\n", flag);
    return flag.found;
  };
  for (std::size_t size = 1; size < 40; ++size) {
    for (const char other : {'x', '-', '^', '`', '~'}) {
      CHECK_FALSE(has(std::string(size, other)));
      for (std::size_t at = 0; at < size; ++at) {
        std::string name(size, other);
        name[at] = '_';
        CHECK(has(name));
      }
    }
  }
}

TEST_CASE("request parser: it knows whether it is inside a head") {
  Feeder feeder(true, Method::post);
  CHECK_FALSE(feeder.requests().inside_head());
  feeder.feed("GET / HT");
  CHECK(feeder.requests().inside_head());
  feeder.feed("TP/1.1\r\nHost: a\r\n\r\n");
  CHECK_FALSE(feeder.requests().inside_head());
  feeder.feed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
  CHECK_FALSE(feeder.requests().inside_head());
}

}  // namespace
}  // namespace ringside::http
