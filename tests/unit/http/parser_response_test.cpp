#include <catch2/catch_test_macros.hpp>
#include <string>

#include "record.h"

namespace ringside::http {
namespace {

TEST_CASE("response parser: a head is told with its parts") {
  CHECK(responses_in(
            {"HTTP/1.1 200 Very Fine\r\nContent-Length: 2\r\nMcp-Session-Id: s\r\n\r\nhi"}) ==
        "response 200 'Very Fine' 1.1 keep length=2 [Content-Length|2] [Mcp-Session-Id|s]\n"
        "body hi\ncomplete ");
}

TEST_CASE("response parser: to a HEAD there is no body, whatever the head says") {
  CHECK(responses_in({"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}, Method::head) ==
        "response 200 'OK' 1.1 keep none [Content-Length|0]\ncomplete ");
  CHECK(responses_in({"HTTP/1.1 200 OK\r\n\r\n"}, Method::head) ==
        "response 200 'OK' 1.1 keep none\ncomplete ");
}

TEST_CASE("response parser: a connection on which an announced body may follow is not used again") {
  CHECK(responses_in({"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"}, Method::head) ==
        "response 200 'OK' 1.1 close none [Content-Length|5]\ncomplete ");
  CHECK(responses_in({"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"}, Method::head) ==
        "response 200 'OK' 1.1 close none [Transfer-Encoding|chunked]\ncomplete ");
}

TEST_CASE("response parser: 1xx, 204 and 304 have no body, whatever the head says") {
  for (const std::string_view status : {"100 C", "103 E", "204 N", "304 M"}) {
    const std::string head = "HTTP/1.1 " + std::string(status) + "\r\nContent-Length: 5\r\n\r\n";
    INFO(head);
    CHECK(responses_in({head}).ends_with("\ncomplete "));
  }
}

TEST_CASE("response parser: without a length it lasts until the connection ends, and says so") {
  CHECK(responses_in({"HTTP/1.1 200 OK\r\n\r\nab", "c"}, Method::post, true) ==
        "response 200 'OK' 1.1 close until_close\nbody abc\nproper end ");
}

TEST_CASE("response parser: a trailer does not say whether the connection goes on") {
  CHECK(responses_in({"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
                      "Connection: close\r\n\r\nHTTP/1.1 204 N\r\n\r\n"})
            .ends_with("complete \nresponse 204 'N' 1.1 keep none\ncomplete "));
}

TEST_CASE("response parser: an end that comes too soon is no proper end") {
  for (const std::string_view bytes :
       {"", "HTTP/1.1 2", "HTTP/1.1 200 OK\r\nX: ", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n"}) {
    INFO(bytes);
    CHECK(responses_in({bytes}, Method::post, true).ends_with("cut off "));
  }
}

TEST_CASE(
    "response parser: keep-alive follows the version and Connection, with a body or without") {
  const auto keeps = [](std::string_view start, std::string_view fields) {
    const std::string bytes = "HTTP/" + std::string(start) + "\r\n" + std::string(fields) + "\r\n";
    return responses_in({bytes}).find(" keep ") != std::string::npos;
  };
  CHECK(keeps("1.1 200 OK", "Content-Length: 0\r\n"));
  CHECK(keeps("1.1 204 N", ""));
  CHECK_FALSE(keeps("1.1 200 OK", "Content-Length: 0\r\nConnection: close\r\n"));
  CHECK_FALSE(keeps("1.1 204 N", "Connection: close\r\n"));
  CHECK_FALSE(keeps("1.0 200 OK", "Content-Length: 0\r\n"));
  CHECK_FALSE(keeps("1.1 200 OK", ""));
}

TEST_CASE("response parser: 101 is refused, as nobody asked for another protocol") {
  CHECK(response_fault("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n"
                       "Connection: upgrade\r\n\r\n") == ParseFault::switching_protocols);
}

TEST_CASE("response parser: 101 to WebSocket, and to nothing else, answers who asked for it") {
  const auto fault = [](std::string_view line, std::string_view fields, bool asked = true) {
    const std::string bytes = std::string(line) + std::string(fields) + "\r\n";
    return response_fault(bytes, Method::get, asked);
  };
  constexpr std::string_view kLine = "HTTP/1.1 101 S\r\n";
  constexpr std::string_view kFields = "Connection: upgrade\r\nUpgrade: WebSocket\r\n";
  CHECK(fault(kLine, kFields) == ParseFault::none);
  CHECK(fault(kLine, kFields, false) == ParseFault::switching_protocols);
  CHECK(fault("HTTP/1.0 101 S\r\n", kFields) == ParseFault::switching_protocols);
  for (const std::string_view fields : {"", "Upgrade: h2c\r\n", "Upgrade: websocket, h2c\r\n",
                                        "Upgrade: websocket\r\nUpgrade: h2c\r\n"}) {
    INFO(fields);
    CHECK(fault(kLine, fields) == ParseFault::switching_protocols);
  }
}

TEST_CASE("response parser: a 101 ends with its head, whatever length that claims") {
  ParseScratch scratch;
  ResponseParser parser(scratch, kHeaderBytes);
  parser.expect_response_to(Method::get, true);
  Record record;
  const std::string head =
      "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: upgrade\r\nContent-Length: 9\r\n\r\n";
  const Fed fed = parser.feed(head + "raw", record);
  CHECK(fed.status == Fed::Status::complete);
  CHECK(fed.consumed == head.size());
}

TEST_CASE("response parser: framing that two readers could read differently is refused") {
  for (const std::string_view fields : {
           "Content-Length: 1\r\nContent-Length: 1\r\n",
           "Content-Length: 1\r\nContent-Length: 2\r\n",
           "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
           "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n",
           "Transfer-Encoding: gzip\r\n",
           "Transfer-Encoding: gzip, chunked\r\n",
           "Transfer-Encoding: chunked, gzip\r\n",
           "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
           "Content-Length: 1a\r\n",
           "Content-Length : 1\r\n",
           "X: y\n\r\n",
           "X: y\r\n z\r\n",
       }) {
    INFO(fields);
    CHECK(response_fault("HTTP/1.1 200 OK\r\n" + std::string(fields) + "\r\n") != ParseFault::none);
  }
}

TEST_CASE("response parser: what is no response of HTTP/1 is refused") {
  for (const std::string_view bytes :
       {"HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/1.1  200 OK\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
        "HTTP/1.1 200 OK\n\n", "hello\r\n", "HTTP/1.1 099 X\r\n\r\n", "RTSP/1.0 200 OK\r\n\r\n",
        "ICE/1.0 200 OK\r\n\r\n"}) {
    INFO(bytes);
    CHECK(response_fault(bytes) != ParseFault::none);
  }
}

TEST_CASE("response parser: a reason phrase with control bytes is refused") {
  for (const std::string_view byte : {std::string_view("\0", 1), std::string_view("\x01"),
                                      std::string_view("\x7f"), std::string_view("\x1b")}) {
    const std::string bytes =
        "HTTP/1.1 200 a" + std::string(byte) + "b\r\nContent-Length: 0\r\n\r\n";
    INFO(bytes);
    CHECK(response_fault(bytes) != ParseFault::none);
  }
  CHECK(response_fault("HTTP/1.1 200 a\tb \xff\r\nContent-Length: 0\r\n\r\n") == ParseFault::none);
}

TEST_CASE("response parser: a tab behind chunked makes no body of the chunks") {
  CHECK(response_fault("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n") ==
        ParseFault::transfer_coding);
}

TEST_CASE("response parser: two CRs do not end the status line") {
  CHECK(response_fault("HTTP/1.1 200 OK\r\rContent-Length: 0\r\n\r\n") != ParseFault::none);
  CHECK(response_fault("HTTP/1.1 200 O\r\r\r\nContent-Length: 0\r\n\r\n") != ParseFault::none);
}

TEST_CASE("response parser: no empty line comes before a response") {
  for (const std::string_view before : {"\r\n", "\n", "\r"}) {
    const std::string bytes = std::string(before) + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    CHECK(response_fault(bytes) != ParseFault::none);
    const auto interim = "HTTP/1.1 100 Continue\r\n\r\n" + bytes;
    CHECK(responses_in({interim}).find("fault") != std::string::npos);
  }
}

TEST_CASE("response parser: a head past the limit is refused") {
  const std::string large =
      "HTTP/1.1 200 OK\r\nX: " + std::string(kHeaderBytes, 'x') + "\r\nContent-Length: 0\r\n\r\n";
  CHECK(response_fault(large) == ParseFault::head_too_large);
}

}  // namespace
}  // namespace ringside::http
