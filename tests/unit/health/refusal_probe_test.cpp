// The probe of refusing endpoints, against real sockets.
#include "health/refusal_probe.h"

#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "net/timer.h"
#include "net/wakeup.h"

using namespace ringside;
using namespace ringside::health;

namespace {

constexpr std::chrono::seconds kPatience(20);
constexpr milliseconds kGrace(150);  // a probe every 50 ms

// A port that is ours: refusing until listen().
class Port {
 public:
  Port() : descriptor_(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    const sockaddr_storage any = Address::parse("127.0.0.1:0")->to_sockaddr();
    REQUIRE(bind(descriptor_, reinterpret_cast<const sockaddr*>(&any), sizeof(sockaddr_in)) == 0);
    sockaddr_storage real{};
    socklen_t size = sizeof real;
    getsockname(descriptor_, reinterpret_cast<sockaddr*>(&real), &size);
    address = Address(reinterpret_cast<const sockaddr*>(&real));
  }
  ~Port() {
    close(descriptor_);
    for (const int filler : fillers_) close(filler);
  }
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  void listen(int backlog = 16) { REQUIRE(::listen(descriptor_, backlog) == 0); }

  // Listens, and has no room left: who connects now hears nothing.
  void fall_silent() {
    listen(0);
    const sockaddr_storage to = address.to_sockaddr();
    for (int i = 0; i < 4; ++i) {
      const int filler = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      fillers_.push_back(filler);
      static_cast<void>(
          connect(filler, reinterpret_cast<const sockaddr*>(&to), sizeof(sockaddr_in)));
    }
  }

  // Connections that came since listen(), without waiting for one.
  int accepted() {
    int found = 0;
    for (int one = 0; (one = accept4(descriptor_, nullptr, nullptr, SOCK_NONBLOCK)) >= 0; ++found)
      close(one);
    return found;
  }

  Address address;

 private:
  int descriptor_;
  std::vector<int> fillers_;
};

// A probe over a pool of the given ports.
class House {
 public:
  explicit House(std::initializer_list<const Port*> ports) {
    std::vector<std::shared_ptr<const upstream::Endpoint>> endpoints;
    for (const Port* port : ports) {
      endpoints.push_back(std::make_shared<const upstream::Endpoint>(
          static_cast<upstream::EndpointId>(endpoints.size()), port->address.text(), port->address,
          1));
    }
    pool = std::make_unique<upstream::PoolSnapshot>(endpoints, upstream::RingOptions{});
    probe.emplace(loop);
    probe->watch(*pool, kGrace);
  }
  ~House() {
    probe.reset();
    CHECK(loop.run_dry());
  }
  House(const House&) = delete;
  House& operator=(const House&) = delete;

  upstream::Refusal& refusal(std::size_t index) { return pool->endpoints()[index]->refusal(); }

  // As a worker that was refused does.
  void refuse(std::size_t index) {
    refusal(index).refused(loop.now());
    probe->notify();
  }

  // Runs the loop until `done`, asked every few milliseconds; the test fails when it takes too
  // long.
  void until(const std::function<bool()>& done) {
    const Time start = loop.now();
    std::function<void()> look;
    net::Timer often(loop, [&] { look(); });
    look = [&] {
      if (done() || loop.now() - start > kPatience) {
        loop.stop();
      } else {
        often.start(milliseconds(5));
      }
    };
    often.start(milliseconds(0));
    loop.run();
    CHECK(done());
  }

  net::Loop loop;
  std::unique_ptr<upstream::PoolSnapshot> pool;
  std::optional<RefusalProbe> probe;
};

}  // namespace

TEST_CASE("refusal probe: its interval is a third of the grace, within bounds") {
  CHECK(probe_interval(std::chrono::seconds(10)) == milliseconds(1000));
  CHECK(probe_interval(milliseconds(600)) == milliseconds(200));
  CHECK(probe_interval(milliseconds(10)) == milliseconds(50));
  CHECK(probe_interval(milliseconds(0)) == milliseconds(50));
}

TEST_CASE(
    "refusal probe: after one refusal, a dead endpoint outlasts the grace without a request") {
  const Port dead;
  House house({&dead});
  house.refuse(0);
  CHECK_FALSE(house.refusal(0).outlasted(kGrace));
  const Time start = house.loop.now();
  house.until([&] { return house.refusal(0).outlasted(kGrace); });
  CHECK(house.loop.now() - start >= kGrace);
}

TEST_CASE(
    "refusal probe: an endpoint that listens again breaks its run, and is left alone from then "
    "on") {
  Port port;
  House house({&port});
  house.refuse(0);
  house.until([&] { return house.refusal(0).outlasted(milliseconds(50)); });
  port.listen();
  house.until([&] { return !house.refusal(0).refusing(); });
  house.loop.run();  // returns at once when no timer and no connection is left: the probe sleeps
  CHECK_FALSE(house.refusal(0).refusing());
  CHECK(port.accepted() == 1);
}

TEST_CASE("refusal probe: an endpoint that does not refuse is never connected to") {
  Port alive;
  const Port dead;
  alive.listen();
  House house({&alive, &dead});
  house.refuse(1);
  house.until([&] { return house.refusal(1).outlasted(kGrace); });
  CHECK(alive.accepted() == 0);
}

TEST_CASE("refusal probe: silence breaks the run, since it proves nothing") {
  Port port;
  House house({&port});
  port.fall_silent();
  house.refuse(0);
  const Time start = house.loop.now();
  house.until([&] { return !house.refusal(0).refusing(); });
  CHECK(house.loop.now() - start >= kProbeTimeout);
  CHECK_FALSE(house.refusal(0).outlasted(milliseconds(1)));
}

TEST_CASE("refusal probe: an answer to a request in between ends the probing") {
  const Port dead;
  House house({&dead});
  house.refuse(0);
  house.until([&] { return house.refusal(0).outlasted(milliseconds(50)); });
  house.refusal(0).broken();
  house.loop.run();  // ends when the probe found that there is nothing to do
  CHECK_FALSE(house.refusal(0).refusing());
}

TEST_CASE("refusal probe: a notify from another thread wakes it") {
  const Port dead;
  House house({&dead});
  net::Timer keeps_running(house.loop, [] {});
  keeps_running.start(kPatience);
  house.refusal(0).refused(house.loop.now());
  std::thread worker([&] { house.probe->notify(); });
  house.until([&] { return house.refusal(0).outlasted(kGrace); });
  worker.join();
}

TEST_CASE("refusal probe: it may go while a connection is under way") {
  Port port;
  House house({&port});
  port.fall_silent();
  house.refuse(0);
  net::Timer soon(house.loop, [&] { house.loop.stop(); });
  soon.start(milliseconds(100));  // the probe has begun to connect and hears nothing
  house.loop.run();
  CHECK(house.refusal(0).refusing());
}
