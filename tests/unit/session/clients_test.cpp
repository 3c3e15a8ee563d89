#include "session/clients.h"

#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/random.h"

namespace ringside::session {
namespace {

Address client(std::uint32_t number) {
  return *Address::parse_host("10.0." + std::to_string(number / 256) + "." +
                              std::to_string(number % 256));
}

TEST_CASE("clients: one client is one number, whatever its ports, while it has a binding") {
  ClientRegistry clients(1);
  const ClientIndex a = clients.add(*Address::parse("10.0.0.1:1000"));
  CHECK(clients.add(*Address::parse("10.0.0.1:2000")) == a);
  CHECK(clients.add(*Address::parse("[::ffff:10.0.0.1]:3000")) == a);
  const ClientIndex b = clients.add(*Address::parse("[fd00::1]:1000"));
  CHECK(b != a);
  CHECK(clients.bindings_of(*Address::parse_host("10.0.0.1")) == 3);
  CHECK(clients.address(b) == *Address::parse_host("fd00::1"));
  CHECK(clients.size() == 2);
  for (int i = 0; i < 3; ++i) clients.remove(a);
  CHECK(clients.bindings_of(*Address::parse_host("10.0.0.1")) == 0);
  CHECK(clients.size() == 1);
  CHECK(clients.bindings_of(*Address::parse_host("fd00::1")) == 1);
}

TEST_CASE("clients: no address is nobody's") {
  ClientRegistry clients(1);
  CHECK(clients.add({}) == kNoClient);
  clients.remove(kNoClient);
  CHECK(clients.address(kNoClient).empty());
  CHECK(clients.bindings_of({}) == 0);
  CHECK(clients.size() == 0);
}

TEST_CASE("clients: over random steps they are what a map says") {
  ClientRegistry clients(7);
  std::map<std::uint32_t, std::pair<ClientIndex, std::uint32_t>> model;
  Random random(3);
  for (int step = 0; step < 20'000; ++step) {
    const std::uint32_t number = random.below(300);
    if (random.below(2) == 0) {
      auto& [index, bindings] = model[number];
      index = clients.add(client(number));
      ++bindings;
    } else if (const auto known = model.find(number); known != model.end()) {
      clients.remove(known->second.first);
      if (--known->second.second == 0) model.erase(known);
    }
    REQUIRE(clients.size() == model.size());
  }
  for (std::uint32_t number = 0; number < 300; ++number) {
    const auto known = model.find(number);
    CHECK(clients.bindings_of(client(number)) == (known == model.end() ? 0 : known->second.second));
    if (known != model.end()) CHECK(clients.address(known->second.first) == client(number));
  }
}

TEST_CASE("clients: threads that add and remove at once lose no count") {
  ClientRegistry clients(7);
  std::atomic<bool> is_right = true;
  const auto work = [&](std::uint64_t seed) {
    Random random(seed);
    for (int step = 0; step < 5000; ++step) {
      const Address address = client(random.below(40));
      const ClientIndex index = clients.add(address);
      if (clients.bindings_of(address) == 0 || clients.address(index) != address) is_right = false;
      clients.remove(index);
    }
  };
  std::vector<std::thread> threads;
  for (std::uint64_t seed = 0; seed < 4; ++seed) threads.emplace_back(work, seed);
  for (std::thread& thread : threads) thread.join();
  CHECK(is_right);
  CHECK(clients.size() == 0);
}

}  // namespace
}  // namespace ringside::session
