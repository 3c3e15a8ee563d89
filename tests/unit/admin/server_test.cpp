// The admin server over real sockets: what clients get, good and hostile.
#include "admin/server.h"

#include <catch2/catch_test_macros.hpp>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "net/stream.h"
#include "net/timer.h"

using namespace ringside;
using namespace ringside::admin;

namespace {

constexpr std::chrono::seconds kPatience(10);

// A client that collects what it is sent.
class Client final : public net::StreamHandler {
 public:
  Client(net::Loop& loop, const Address& to)
      : loop_(loop), stream_(std::make_unique<net::Stream>(loop, *this)) {
    REQUIRE(stream_->connect(to) == 0);
  }

  void send(std::string bytes) {
    if (connected) {
      stream_->write(bytes);
    } else {
      first_ += bytes;
    }
  }
  void finish() { stream_->finish_writing(); }

  std::string received;
  bool connected = false;
  bool ended = false;
  bool broken = false;
  bool reads = true;
  bool over() const { return ended || broken; }

 private:
  void on_connected() override {
    connected = true;
    if (reads) stream_->start_reading();
    stream_->write(first_);
    loop_.stop();
  }
  void on_connect_failed(int) override {
    broken = true;
    loop_.stop();
  }
  void on_data(std::string_view bytes) override {
    received += bytes;
    loop_.stop();
  }
  void on_end() override {
    ended = true;
    stream_->stop_reading();
    loop_.stop();
  }
  void on_broken(int) override {
    broken = true;
    stream_->stop_reading();
    loop_.stop();
  }

  net::Loop& loop_;
  std::unique_ptr<net::Stream> stream_;
  std::string first_;
};

// One session, which goes where it is moved.
class OneSession final : public Sessions {
 public:
  Result<SessionList> list(const SessionQuery&) override { return SessionList(); }
  std::optional<SessionView> find(std::uint64_t) override { return {}; }
  bool forget(std::uint64_t) override { return true; }
  Result<std::optional<SessionView>> move(std::uint64_t digest,
                                          const std::string& endpoint) override {
    return std::optional(SessionView{.digest = digest, .endpoint = endpoint});
  }
  Result<std::string> explain(const ExplainQuery&) override { return std::string(); }
};

// A server on a loop of its own, and clients on the same loop.
class House {
 public:
  explicit House(milliseconds idle = kAdminIdle) {
    auto bound = net::bind_listener(*Address::parse("127.0.0.1:0"), false);
    REQUIRE(bound.has_value());
    address = bound->address;
    server = std::make_unique<Server>(loop, *bound,
                                      Views{.not_ready = [this] { return not_ready; },
                                            .metrics = [this] { return metrics; },
                                            .sessions = &sessions},
                                      idle);
  }
  ~House() {
    clients.clear();
    server.reset();
    CHECK(loop.run_dry());
  }
  House(const House&) = delete;
  House& operator=(const House&) = delete;

  Client& client(std::string sends = {}) {
    clients.push_back(std::make_unique<Client>(loop, address));
    clients.back()->send(std::move(sends));
    return *clients.back();
  }

  // Runs the loop until `done`; the test fails when it takes too long.
  void until(const std::function<bool()>& done) {
    bool late = false;
    net::Timer patience(loop, [&] {
      late = true;
      loop.stop();
    });
    patience.start(kPatience);
    while (!done() && !late) loop.run();
    CHECK_FALSE(late);
  }

  // All that a client gets until the server closes.
  std::string conversation(std::string sends) {
    Client& one = client(std::move(sends));
    until([&] { return one.over(); });
    CHECK_FALSE(one.broken);
    return one.received;
  }

  net::Loop loop;
  std::string not_ready;
  std::string metrics = "m_total 1\n";
  OneSession sessions;
  Address address;
  std::unique_ptr<Server> server;
  std::vector<std::unique_ptr<Client>> clients;
};

constexpr std::string_view kAlive = "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n";
constexpr std::string_view kAliveAndClose =
    "GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t found = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string_view::npos; ++at) ++found;
  return found;
}

std::string body_of(const std::string& response) {
  return response.substr(response.find("\r\n\r\n") + 4);
}

}  // namespace

TEST_CASE("admin server: a page is answered with a length, a type and the proxy's name") {
  House house;
  CHECK(house.conversation(std::string(kAliveAndClose)) ==
        "HTTP/1.1 200 OK\r\nserver: ringside\r\ncontent-type: text/plain; charset=utf-8\r\n"
        "content-length: 2\r\ncache-control: no-store\r\nconnection: close\r\n\r\nok");
}

TEST_CASE(
    "admin server: one connection carries many requests, readiness as it is at each of them") {
  House house;
  const std::string ready = "GET /readyz HTTP/1.1\r\nhost: a\r\n\r\n";
  Client& client = house.client(ready);
  house.until([&] { return client.received.ends_with("ready"); });
  house.not_ready = "draining";
  client.send(ready);
  house.until([&] { return client.received.ends_with("draining"); });
  CHECK(client.received.find("HTTP/1.1 503 Service Unavailable\r\n") != std::string::npos);
  CHECK_FALSE(client.over());
}

TEST_CASE("admin server: pipelined requests are answered in their order") {
  House house;
  const std::string got =
      house.conversation(std::string(kAlive) + "GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n" +
                         "GET /nowhere HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
  const std::size_t first = got.find("\r\n\r\nok");
  const std::size_t second = got.find("m_total 1");
  const std::size_t third = got.find("404 Not Found");
  CHECK(first < second);
  CHECK(second < third);
  CHECK(third != std::string::npos);
}

TEST_CASE("admin server: a request split at every byte gets the same answer") {
  House house;
  const std::string whole = house.conversation(std::string(kAliveAndClose));
  for (std::size_t at = 1; at < kAliveAndClose.size(); ++at) {
    Client& client = house.client(std::string(kAliveAndClose.substr(0, at)));
    house.until([&] { return client.connected; });
    client.send(std::string(kAliveAndClose.substr(at)));
    house.until([&] { return client.over(); });
    CHECK(client.received == whole);
  }
}

TEST_CASE("admin server: HEAD gets the head of GET and no body") {
  House house;
  const std::string got =
      house.conversation("HEAD /metrics HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
  CHECK(got.find("content-length: 10\r\n") != std::string::npos);
  CHECK(body_of(got).empty());
}

TEST_CASE(
    "admin server: another method is refused, its body is swallowed, and the connection goes on") {
  House house;
  Client& client =
      house.client("POST /healthz HTTP/1.1\r\nhost: a\r\ncontent-length: 20000\r\n\r\n" +
                   std::string(20'000, 'x') + std::string(kAlive));
  house.until([&] { return client.received.ends_with("\r\n\r\nok"); });
  CHECK(client.received.starts_with("HTTP/1.1 405 Method Not Allowed\r\n"));
  CHECK(client.received.find("\r\nallow: GET, HEAD\r\n") != std::string::npos);
}

TEST_CASE("admin server: a body past the bound is refused and the connection closed") {
  House house;
  Client& client =
      house.client("POST /healthz HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n");
  house.until([&] { return client.connected; });
  client.send(std::string(kAdminBodyBytes + 1, 'x'));
  house.until([&] { return client.over(); });
  CHECK(client.received.starts_with("HTTP/1.1 413 Content Too Large\r\n"));
  CHECK(client.received.find("\r\nconnection: close\r\n") != std::string::npos);
}

TEST_CASE("admin server: a command's body is read, however it comes, and the connection goes on") {
  const std::string body = R"({"endpoint": "pod-2"})";
  const std::string line = "POST /sessions/0123456789abcdef/move HTTP/1.1\r\nhost: a\r\n";
  const std::string sized = line + "content-length: " + std::to_string(body.size()) + "\r\n";
  House house;
  for (const std::string& request :
       {sized + "\r\n" + body, line + "transfer-encoding: chunked\r\n\r\n5\r\n" +
                                   body.substr(0, 5) + "\r\n10\r\n" + body.substr(5) +
                                   "\r\n0\r\n\r\n"}) {
    Client& client = house.client(request + std::string(kAlive));
    house.until([&] { return client.received.ends_with("\r\n\r\nok"); });
    CHECK(client.received.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(client.received.find(R"("endpoint":"pod-2")") != std::string::npos);
  }
  Client& asks_first = house.client(sized + "expect: 100-continue\r\n\r\n");
  house.until([&] { return asks_first.received == "HTTP/1.1 100 Continue\r\n\r\n"; });
  asks_first.send(body);
  house.until([&] { return asks_first.received.find("pod-2") != std::string::npos; });
  CHECK_FALSE(asks_first.over());
}

TEST_CASE("admin server: an answer without a body says nothing of one") {
  House house;
  CHECK(house.conversation("DELETE /sessions/0123456789abcdef HTTP/1.1\r\nhost: a\r\n"
                           "connection: close\r\n\r\n") ==
        "HTTP/1.1 204 No Content\r\nserver: ringside\r\ncache-control: no-store\r\n"
        "connection: close\r\n\r\n");
}

TEST_CASE("admin server: a command with an Origin is not taken") {
  House house;
  CHECK(house
            .conversation("DELETE /sessions/0123456789abcdef HTTP/1.1\r\nhost: a\r\n"
                          "origin: http://b.example\r\nconnection: close\r\n\r\n")
            .starts_with("HTTP/1.1 403 Forbidden\r\n"));
}

TEST_CASE("admin server: hostile bytes get one 400 and a close") {
  const std::string bodies[] = {
      std::string("\x16\x03\x01\x02\x00\x01\x00\x01", 8),  // TLS
      "\r\n\r\n\r\nhello\r\n\r\n",
      "GET /healthz HTTP/1.1\r\n\r\n",  // no Host
      "GET /healthz HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
      "GET /healthz HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
      "GET /healthz HTTP/1.1\r\nhost: a\r\nbad name: x\r\n\r\n",
      "GET http:// HTTP/1.1\r\nhost: a\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "GET /healthz HTTP/1.1\r\nhost: a\r\nx: \x01\r\n\r\n",
  };
  House house;
  for (const std::string& bytes : bodies) {
    INFO(bytes);
    const std::string got = house.conversation(bytes + std::string(kAlive));
    CHECK(got.starts_with("HTTP/1.1 400 Bad Request\r\n"));
    CHECK(count(got, "HTTP/1.1 ") == 1);
    CHECK(nlohmann::json::parse(body_of(got)).at("status") == 400);
  }
}

TEST_CASE("admin server: a head past the bound is refused, whole or without an end") {
  House house;
  const std::string start = "GET /healthz HTTP/1.1\r\nhost: a\r\nx: ";
  CHECK(house.conversation(start + std::string(kAdminHeadBytes, 'x') + "\r\n\r\n")
            .starts_with("HTTP/1.1 431 "));
  CHECK(house.conversation(start + std::string(kAdminHeadBytes + kReadBufferBytes, 'x'))
            .starts_with("HTTP/1.1 431 "));
}

TEST_CASE("admin server: a client that expects a 100 gets its answer instead of waiting") {
  House house;
  const std::string got = house.conversation(
      "POST /healthz HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n");
  CHECK(got.starts_with("HTTP/1.1 405 "));
}

TEST_CASE("admin server: an HTTP/1.0 client is answered and the connection closed") {
  House house;
  CHECK(house.conversation("GET /healthz HTTP/1.0\r\n\r\n").ends_with("\r\n\r\nok"));
}

TEST_CASE("admin server: a client that half-closes after its request still gets the answer") {
  House house;
  Client& client = house.client(std::string(kAlive));
  house.until([&] { return client.connected; });
  client.finish();
  house.until([&] { return client.over(); });
  CHECK(client.received.ends_with("\r\n\r\nok"));
}

TEST_CASE(
    "admin server: a connection that asks nothing, or never ends its question, is closed in time") {
  House house(milliseconds(50));
  Client& silent = house.client();
  Client& slow = house.client("GET /healthz HT");
  house.until([&] { return silent.over() && slow.over(); });
  CHECK(silent.received.empty());
  CHECK(slow.received.empty());
}

TEST_CASE(
    "admin server: past the bound connections are closed, and a place that becomes free is given "
    "again") {
  House house;
  for (std::size_t i = 0; i < kAdminConnections; ++i) {
    Client& client = house.client(std::string(kAlive));
    house.until([&] { return client.received.ends_with("ok"); });
  }
  Client& extra = house.client();
  house.until([&] { return extra.over(); });
  CHECK(extra.received.empty());

  Client& leaving = *house.clients.front();
  leaving.send(std::string(kAliveAndClose));
  house.until([&] { return leaving.over(); });
  leaving.finish();
  bool served = false;
  while (!served) {  // the server learns of the close in a turn of its own
    Client& next = house.client(std::string(kAliveAndClose));
    house.until([&] { return next.over(); });
    served = next.received.ends_with("ok");
    REQUIRE(house.clients.size() < 1000);
  }
}

TEST_CASE("admin server: who pipelines without reading is cut off") {
  House house;
  house.metrics.assign(8 * kMiB, 'm');  // more than the socket's buffers hold
  std::string pair;
  for (int i = 0; i < 2; ++i) pair += "GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n";
  Client& client = house.client(pair);
  house.until([&] { return client.over(); });
  CHECK(client.received.size() < 2 * 8 * kMiB);
}

TEST_CASE("admin server: a large page reaches a client that reads it") {
  House house;
  house.metrics.assign(8 * kMiB, 'm');
  Client& client = house.client("GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n");
  house.until([&] { return client.received.size() > 8 * kMiB; });
  client.send(std::string(kAliveAndClose));
  house.until([&] { return client.over(); });
  CHECK(client.received.ends_with("\r\n\r\nok"));
}
