// A network may cut a message anywhere: what a parser tells must not depend on where.
#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

#include "record.h"

namespace ringside::http {
namespace {

const std::vector<std::string> kRequests{
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /mcp?x=1 HTTP/1.0\r\n\r\n",
    "\r\nDELETE /mcp HTTP/1.1\r\nhost:a\r\nMcp-Session-Id: \t s1 \t\r\n\r\n",
    "POST /mcp HTTP/1.1\r\nHost: a:80\r\nContent-Length: 5\r\nX-Empty:\r\nX-Blank: \r\n\r\nhello",
    "POST /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    "POST /mcp HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    "5\r\nhello\r\n00b;ext=\"v\"\r\n, world\r\nyou\r\n0\r\n\r\n",
    "POST /mcp HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
    "1\r\n!\r\n0\r\nX-Sum: 1 2\r\nX-Other:\r\n\r\n",
    "POST http://b.example/p?q HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
    "Content-Length: 1\r\n\r\nx",
    "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
    // Three in a row: what follows a message is the next one's.
    "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nabGET /2 HTTP/1.1\r\nHost: b\r\n\r\n"
    "POST /3 HTTP/1.1\r\nHost: c\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nz\r\n0\r\nT: u\r\n\r\n",
    // Faults, of which each part before them is told alike.
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nx\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nBad Name: b\r\n\r\n",
};

const std::vector<std::string> kResponses{
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 204 No Content\r\nX: y\r\n\r\n",
    "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\nETag: \"e\"\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"
    "Mcp-Session-Id: s1\r\n\r\n9\r\ndata: a\n\n\r\n9\r\ndata: b\n\n\r\n0\r\nX-Sum: 3\r\n\r\n",
    "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end",
    "HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx",
    "HTTP/1.1 200 \r\nContent-Length: 1\r\nConnection: close\r\n\r\nx",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n"
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno\nHTTP/1.1 200 OK\r\n"
    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX",
};

std::string fed(bool requests, std::initializer_list<std::string_view> pieces) {
  return requests ? requests_in(pieces) : responses_in(pieces, Method::post, true);
}

// Any two cuts, which leave three pieces: a message begun, gone on with and ended in different
// reads.
void check_all_cuts(bool requests, std::string_view bytes) {
  const std::string whole = fed(requests, {bytes});
  INFO(whole);
  for (std::size_t first = 0; first <= bytes.size(); ++first) {
    for (std::size_t second = first; second <= bytes.size(); ++second) {
      const std::string cut =
          fed(requests,
              {bytes.substr(0, first), bytes.substr(first, second - first), bytes.substr(second)});
      if (cut == whole) continue;
      FAIL("cut at " << first << " and " << second << ":\n" << cut);
    }
  }
}

void check_byte_by_byte(bool requests, std::string_view bytes) {
  Feeder feeder(requests, Method::post);
  for (const char& byte : bytes) feeder.feed({&byte, 1});
  if (!requests) feeder.close();
  CHECK(feeder.text() == fed(requests, {bytes}));
}

TEST_CASE("parser: requests cut in any two places give the events of the whole") {
  for (const std::string& bytes : kRequests) check_all_cuts(true, bytes);
}

TEST_CASE("parser: responses cut in any two places give the events of the whole") {
  for (const std::string& bytes : kResponses) check_all_cuts(false, bytes);
}

TEST_CASE("parser: messages that come byte by byte give the events of the whole") {
  for (const std::string& bytes : kRequests) check_byte_by_byte(true, bytes);
  for (const std::string& bytes : kResponses) check_byte_by_byte(false, bytes);
}

}  // namespace
}  // namespace ringside::http
