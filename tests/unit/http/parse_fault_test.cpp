// Every way in which a message is refused, and what is said to be wrong with it.
#include "http/parse_fault.h"

#include <catch2/catch_test_macros.hpp>
#include <string>

#include "record.h"

namespace ringside::http {
namespace {

using namespace std::string_view_literals;

struct Case {
  std::string_view bytes;
  ParseFault fault;
};

// What is wrong with a message that comes whole, and with the same byte by byte.
void check(std::string_view message, ParseFault fault) {
  INFO(message);
  CHECK(static_cast<int>(request_fault(message)) == static_cast<int>(fault));
  Feeder feeder(true, Method::post);
  for (const char byte : message) feeder.feed({&byte, 1});
  const std::string told = "fault " + std::to_string(static_cast<int>(fault)) + " ";
  const bool names_a_protocol =
      fault == ParseFault::tls_hello || fault == ParseFault::proxy_protocol;
  if (!names_a_protocol) CHECK(feeder.text().ends_with(told));
}

TEST_CASE("parse faults: request lines") {
  for (const Case& each : std::initializer_list<Case>{
           {"GET / HTTP/1.1\nHost: a\r\n\r\n", ParseFault::line_end},
           {"GET / HTTP/1.1\rHost: a\r\n\r\n", ParseFault::line_end},
           {"GET /\r\n\r\n", ParseFault::version},
           {"GET /\r\n", ParseFault::version},
           {"GET / HTTP/0.9\r\nHost: a\r\n\r\n", ParseFault::version},
           {"GET / HTTP/1.2\r\nHost: a\r\n\r\n", ParseFault::version},
           {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", ParseFault::version},
           {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ParseFault::version},
           {"GET / HTTP/1.10\r\nHost: a\r\n\r\n", ParseFault::request_line},
           {"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", ParseFault::request_line},
           {"GET / http/1.1\r\nHost: a\r\n\r\n", ParseFault::request_line},
           {"GET / HTTX/1.1\r\nHost: a\r\n\r\n", ParseFault::request_line},
           {"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", ParseFault::request_line},
           {"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", ParseFault::request_line},
           {" GET / HTTP/1.1\r\nHost: a\r\n\r\n", ParseFault::request_line},
           {"get / HTTP/1.1\r\nHost: a\r\n\r\n", ParseFault::request_line},
           {"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", ParseFault::request_line},
           {"HTTP/1.1 200 OK\r\n\r\n", ParseFault::request_line},
           {"SSH-2.0-OpenSSH_9.6\r\n", ParseFault::request_line},
           {"\0\0\0\0"sv, ParseFault::request_line},
           {"OPTIONS / RTSP/1.0\r\nHost: a\r\n\r\n", ParseFault::request_line},
           {"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", ParseFault::method},
           {"GET a HTTP/1.1\r\nHost: a\r\n\r\n", ParseFault::target},
           {"GET * HTTP/1.1\r\nHost: a\r\n\r\n", ParseFault::target},
           {"GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n", ParseFault::target},
           {"GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", ParseFault::target},
           {"GET http://a:b/ HTTP/1.1\r\nHost: a\r\n\r\n", ParseFault::target},
       }) {
    check(each.bytes, each.fault);
  }
}

TEST_CASE("parse faults: other protocols are named") {
  check("\x16\x03\x01\x02\x00\x01\x00"sv, ParseFault::tls_hello);
  check("PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n", ParseFault::proxy_protocol);
  check("\r\n\r\n\0\r\nQUIT\n\x21\x11"sv, ParseFault::proxy_protocol);
  CHECK(request_fault("PROXIES / HTTP/1.1\r\n") == ParseFault::request_line);
  CHECK(request_fault("\r\n\x16\x03\x01") == ParseFault::request_line);
}

TEST_CASE("parse faults: no byte but visible ASCII is in a target") {
  for (unsigned byte = 0; byte < 256; ++byte) {
    const bool visible = byte > 0x20 && byte < 0x7f;
    const char c = static_cast<char>(byte);
    INFO(byte);
    for (const std::string_view before : {"/", "/a", "/?", "/?a", "//", "/%"}) {
      const std::string target = std::string(before) + c + "b";
      const ParseFault fault = request_fault("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n");
      CHECK((fault == ParseFault::none) == (visible && c != '#'));
    }
    if (!visible) {
      const std::string target = std::string("http://a") + c + "b/";
      CHECK(request_fault("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n") != ParseFault::none);
    }
  }
}

TEST_CASE("parse faults: field lines") {
  for (const Case& each : std::initializer_list<Case>{
           {" Host: a\r\n", ParseFault::folded_field},
           {"\tHost: a\r\n", ParseFault::folded_field},
           {"X: a\r\n b\r\n", ParseFault::folded_field},
           {"X: a\r\n\tb\r\n", ParseFault::folded_field},
           {"X:\r\n b\r\n", ParseFault::folded_field},
           {"X:\r\n  b\r\n", ParseFault::folded_field},
           {"Transfer-Encoding:\r\n chunked\r\n", ParseFault::folded_field},
           {"Content-Length: 5\r\n 6\r\n", ParseFault::folded_field},
           {"X: a\nY: b\r\n", ParseFault::line_end},
           {"X:\nY: b\r\n", ParseFault::line_end},
           {"X: a\rY: b\r\n", ParseFault::line_end},
           {"X: \rY: b\r\n", ParseFault::line_end},
           {"Content-Length: 5\nX: y\r\n", ParseFault::line_end},
           {"\n", ParseFault::line_end},
           {"\rX", ParseFault::line_end},
           {"X: a\0b\r\n"sv, ParseFault::field_value},
           {"X: \0\r\n"sv, ParseFault::field_value},
           {"X: a\x01\r\n", ParseFault::field_value},
           {"X: a\x0b\r\n", ParseFault::field_value},
           {"X: a\x7f\r\n", ParseFault::field_value},
           {"Transfer-Encoding: \x0b"
            "chunked\r\n",
            ParseFault::field_value},
           {"X\0A: a\r\n"sv, ParseFault::field_name},
           {"X : a\r\n", ParseFault::field_name},
           {"X\t: a\r\n", ParseFault::field_name},
           {"X A: a\r\n", ParseFault::field_name},
           {": a\r\n", ParseFault::field_name},
           {"nothing\r\n", ParseFault::field_name},
           {"nothing\n", ParseFault::field_name},
           {"X(: a\r\n", ParseFault::field_name},
           {"\"X\": a\r\n", ParseFault::field_name},
           {"X\xc3\xa9: a\r\n", ParseFault::field_name},
           {"\x80: a\r\n", ParseFault::field_name},
       }) {
    const std::string head = "GET / HTTP/1.1\r\n";
    check(head + std::string(each.bytes) + "Host: a\r\n\r\n", each.fault);
    if (each.bytes.front() == ' ' || each.bytes.front() == '\t') continue;  // folds the line before
    check(head + "Host: a\r\n" + std::string(each.bytes) + "\r\n", each.fault);
  }
}

TEST_CASE("parse faults: framing fields") {
  for (const Case& each : std::initializer_list<Case>{
           {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", ParseFault::length_and_coding},
           {"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", ParseFault::length_and_coding},
           {"Content-Length: 5\r\nTransfer-Encoding:\r\n", ParseFault::length_and_coding},
           {"Content-Length: 5\r\nContent-Length: 5\r\n", ParseFault::length},
           {"Content-Length: 5\r\nContent-Length: 6\r\n", ParseFault::length},
           {"Content-Length: 5, 5\r\n", ParseFault::length},
           {"Content-Length: 5,\r\n", ParseFault::length},
           {"Content-Length: +5\r\n", ParseFault::length},
           {"Content-Length: -5\r\n", ParseFault::length},
           {"Content-Length: 0x5\r\n", ParseFault::length},
           {"Content-Length: 5 5\r\n", ParseFault::length},
           {"Content-Length: 5.0\r\n", ParseFault::length},
           {"Content-Length: 5e1\r\n", ParseFault::length},
           {"Content-Length: 5_0\r\n", ParseFault::length},
           {"Content-Length: \"5\"\r\n", ParseFault::length},
           {"Content-Length:\r\n", ParseFault::length},
           {"Content-Length: 18446744073709551616\r\n", ParseFault::length},
           {"Content-Length: 99999999999999999999999999\r\n", ParseFault::length},
           {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", ParseFault::framing},
           {"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", ParseFault::framing},
           {"Transfer-Encoding: chunked, chunked\r\n", ParseFault::transfer_coding},
           {"Transfer-Encoding: chunked, identity\r\n", ParseFault::transfer_coding},
           {"Transfer-Encoding: identity, chunked\r\n", ParseFault::transfer_coding},
           {"Transfer-Encoding: gzip, chunked\r\n", ParseFault::transfer_coding},
           {"Transfer-Encoding: identity\r\n", ParseFault::transfer_coding},
           {"Transfer-Encoding: xchunked\r\n", ParseFault::transfer_coding},
           {"Transfer-Encoding: chunkedx\r\n", ParseFault::transfer_coding},
           {"Transfer-Encoding: \"chunked\"\r\n", ParseFault::transfer_coding},
           {"Transfer-Encoding: chunked;q=1\r\n", ParseFault::transfer_coding},
           {"Transfer-Encoding: chunked,\r\n", ParseFault::transfer_coding},
           {"Transfer-Encoding: ,chunked\r\n", ParseFault::transfer_coding},
           {"Transfer-Encoding: chunked\t\r\n", ParseFault::transfer_coding},
           {"Transfer-Encoding: chu nked\r\n", ParseFault::transfer_coding},
           {"Transfer-Encoding:\r\n", ParseFault::transfer_coding},
           {"Transfer-Encoding:\r\nContent-Length: 5\r\n", ParseFault::transfer_coding},
       }) {
    check("POST / HTTP/1.1\r\nHost: a\r\n" + std::string(each.bytes) + "\r\n", each.fault);
  }
  check("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", ParseFault::framing);
  for (const std::string_view fine :
       {"Transfer-Encoding: ChunkeD\r\n", "Transfer-Encoding:\tchunked\r\n",
        "Transfer-Encoding:chunked   \r\n", "Content-Length: 0005\r\n", "Content-Length:\t5\r\n",
        "Content-Length: 18446744073709551615\r\n"}) {
    INFO(fine);
    CHECK(request_fault("POST / HTTP/1.1\r\nHost: a\r\n" + std::string(fine) + "\r\n") ==
          ParseFault::none);
  }
}

TEST_CASE("parse faults: hosts") {
  for (const std::string_view host :
       {""sv,        "a b"sv,       "a,b"sv,       "a/b"sv,   "u@a"sv,
        "a:b"sv,     "a:65536"sv,   "a:80:80"sv,   "a:-1"sv,  ":80"sv,
        "a%62"sv,    "a\xc3\xa9"sv, "[::1"sv,      "::1"sv,   "[::1]x"sv,
        "[::1]:x"sv, "[]"sv,        "[1.2.3.4]"sv, "[::g]"sv, "[fe80::1%25eth0]"sv,
        "[v1.a]"sv,  "a;b"sv,       "\"a\""sv,     "a?b"sv,   "a#b"sv,
        "a\\b"sv,    "http://a"sv,  "a="sv,        "a\tb"sv}) {
    check("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n", ParseFault::host);
  }
  check("GET / HTTP/1.1\r\n\r\n", ParseFault::host);
  check("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", ParseFault::host);
  check("GET http://a/ HTTP/1.1\r\n\r\n", ParseFault::host);
  check("GET / HTTP/1.0\r\nHost: a b\r\n\r\n", ParseFault::host);
  for (const std::string_view host :
       {"a", "A.Example", "a.example.", "my_service:3000", "10.0.0.1", "10.0.0.1:80", "[::1]",
        "[2001:db8::1]:443", "[::ffff:1.2.3.4]", "a:", "a:00080", "xn--caf-dma.example", "a~b"}) {
    INFO(host);
    CHECK(request_fault("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n") ==
          ParseFault::none);
  }
}

TEST_CASE("parse faults: chunks and trailers") {
  for (const Case& each : std::initializer_list<Case>{
           {"zz\r\n", ParseFault::chunk},
           {"-1\r\n", ParseFault::chunk},
           {"+1\r\na\r\n", ParseFault::chunk},
           {"0x1\r\na\r\n", ParseFault::chunk},
           {" 1\r\na\r\n", ParseFault::chunk},
           {"1 \r\na\r\n", ParseFault::chunk},
           {"1\t\r\na\r\n", ParseFault::chunk},
           {"\r\n", ParseFault::chunk},
           {"1\na\r\n", ParseFault::chunk},
           {"1\ra\r\n", ParseFault::chunk},
           {"1\r\nab\r\n", ParseFault::chunk},
           {"1\r\na\n0\r\n\r\n", ParseFault::chunk},
           {"1\r\na0\r\n\r\n", ParseFault::chunk},
           {"1\r\na\r0\r\n\r\n", ParseFault::chunk},
           {"10000000000000000\r\n", ParseFault::chunk},
           {"1;\r\na\r\n", ParseFault::chunk},
           {"1; a\r\na\r\n", ParseFault::chunk},
           {"1;a\nb\r\na\r\n", ParseFault::chunk},
           {"1;a\rb\r\na\r\n", ParseFault::chunk},
           {"1;a\0\r\na\r\n"sv, ParseFault::chunk},
           {"1;a=\"b\r\nc\"\r\na\r\n", ParseFault::chunk},
           {"0\n\n", ParseFault::chunk},
           {"0\r\n\n", ParseFault::chunk},
           {"0\r\n\rX", ParseFault::chunk},
           {"0\r\n X: y\r\n\r\n", ParseFault::chunk},
           {"0\r\n: y\r\n\r\n", ParseFault::chunk},
           {"0\r\nX: y\r\n\n", ParseFault::line_end},
           {"0\r\nX: y\n\r\n", ParseFault::line_end},
           {"0\r\nX: y\r\n z\r\n\r\n", ParseFault::folded_field},
           {"0\r\nX: y\r\nno colon\r\n\r\n", ParseFault::field_name},
           {"0\r\nX: \x01\r\n\r\n", ParseFault::field_value},
           {"0\r\nContent-Length: 5\r\n\r\n", ParseFault::length_and_coding},
           {"0\r\nTransfer-Encoding: chunked\r\n\r\n", ParseFault::framing},
       }) {
    check("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
              std::string(each.bytes),
          each.fault);
  }
}

TEST_CASE("parse faults: responses") {
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  for (const Case& each : std::initializer_list<Case>{
           {"\r\nHTTP/1.1 200 OK\r\n\r\n", ParseFault::syntax},
           {" HTTP/1.1 200 OK\r\n\r\n", ParseFault::syntax},
           {"forged", ParseFault::syntax},
           {"HTTP/1.1 200 O\x01K\r\nContent-Length: 0\r\n\r\n", ParseFault::field_value},
           {"HTTP/1.1 200 O\x7fK\r\nContent-Length: 0\r\n\r\n", ParseFault::field_value},
           {"HTTP/1.1 200 OK\nX: y\r\n\r\n", ParseFault::line_end},
           {"HTTP/0.9 200 OK\r\n\r\n", ParseFault::version},
           {"HTTP/1.2 200 OK\r\n\r\n", ParseFault::version},
           {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", ParseFault::framing},
           {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\t\r\n\r\n", ParseFault::transfer_coding},
           {"HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n\r\n", ParseFault::transfer_coding},
           {"HTTP/1.1 200 OK\r\nX: a\nSet-Cookie: b\r\n\r\n", ParseFault::line_end},
           {"HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\n\r\n", ParseFault::line_end},
           {"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n"sv, ParseFault::field_value},
       }) {
    INFO(each.bytes);
    CHECK(static_cast<int>(response_fault(each.bytes)) == static_cast<int>(each.fault));
  }
  CHECK(response_fault("HTTP/1.1 200 Tr\xc3\xa8s\tbien\r\nContent-Length: 0\r\n\r\n") ==
        ParseFault::none);
}

}  // namespace
}  // namespace ringside::http
