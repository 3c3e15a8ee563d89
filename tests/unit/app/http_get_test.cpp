// One GET against servers that answer well, badly, and not at all.
#include "app/http_get.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <cerrno>
#include <string>
#include <thread>

using namespace ringside;
using namespace ringside::app;

namespace {

// Takes one connection, reads its request, answers with these bytes and closes.
class Answers {
 public:
  explicit Answers(std::string bytes) : listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in any{.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(any);
    auto* address = reinterpret_cast<sockaddr*>(&any);
    REQUIRE(bind(listener_, address, size) == 0);
    REQUIRE(listen(listener_, 1) == 0);
    REQUIRE(getsockname(listener_, address, &size) == 0);
    at = Address(address);
    thread_ = std::thread([this, bytes = std::move(bytes)] {
      const int client = accept(listener_, nullptr, nullptr);
      char buffer[1024];
      while (request.find("\r\n\r\n") == std::string::npos) {
        const ssize_t got = read(client, buffer, sizeof(buffer));
        if (got <= 0) break;
        request.append(buffer, static_cast<std::size_t>(got));
      }
      send(client, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      close(client);
    });
  }
  ~Answers() {
    finish();
    close(listener_);
  }
  Answers(const Answers&) = delete;
  Answers& operator=(const Answers&) = delete;

  void finish() {
    if (thread_.joinable()) thread_.join();
  }

  Address at;
  std::string request;  // after finish()

 private:
  int listener_;
  std::thread thread_;
};

}  // namespace

TEST_CASE("http get: the answer comes with its status and its whole body") {
  Answers server("HTTP/1.1 404 Not Found\r\ncontent-length: 200000\r\n\r\n" +
                 std::string(200'000, 'x'));
  const auto answer = http_get(server.at, "/explain?a=b");
  REQUIRE(answer.has_value());
  CHECK(answer->status == 404);
  CHECK(answer->body == std::string(200'000, 'x'));
  server.finish();
  CHECK(server.request ==
        "GET /explain?a=b HTTP/1.1\r\nhost: " + server.at.text() + "\r\nconnection: close\r\n\r\n");
}

TEST_CASE("http get: an answer that is cut, too long, or no HTTP is an error") {
  for (const std::string& bytes : {std::string("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"),
                                   std::string(), std::string("SSH-2.0-OpenSSH_9.2\r\n"),
                                   "HTTP/1.1 200 OK\r\ncontent-length: 1048577\r\n\r\n" +
                                       std::string(kAnswerBytes + 1, 'x')}) {
    Answers server(bytes);
    CHECK_FALSE(http_get(server.at, "/").has_value());
  }
}

TEST_CASE("http get: who does not listen is an error with its number") {
  Address nobody;
  {
    Answers server("");
    nobody = server.at;
    CHECK_FALSE(http_get(nobody, "/").has_value());
  }
  const auto answer = http_get(nobody, "/");
  REQUIRE_FALSE(answer.has_value());
  CHECK(answer.error().code == ECONNREFUSED);
}
